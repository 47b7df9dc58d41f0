import type { EventOwner } from "./timeline.ts";

/** How a process came to its end. */
export type ProcessEnd = "killed" | "poisoned" | "stopped" | "not_started";

/** What everybody may know of a worker's process. */
export interface ProcessState extends EventOwner {
  readonly name: string;
  isAlive: boolean;
  stalledUntil: number;
  /** When it was told to stop. */
  stoppingAt: number | undefined;
  endedBy: ProcessEnd | undefined;
  /** The job that took the process down. */
  poisonedBy: string | undefined;
  /** When a call of it last failed, hung or was told to come again. */
  lastTroubleAt: number;
  /** Calls that went wrong or are slow, and it does not know yet. */
  hanging: number;
  /** Its calls get lost until then. */
  cutOffUntil: number;
}

/** Whether nothing kept a process from its work and from Postgres since then. */
export function wasHealthySince(process: ProcessState, time: number): boolean {
  return process.isAlive && process.stalledUntil < time && process.lastTroubleAt < time;
}
