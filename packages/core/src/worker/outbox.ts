import type { PhaseWait, PhaseWrites } from "../store/job-store.ts";

/** What an attempt leaves beside its result, until both are written down together. */
export interface Outbox extends PhaseWrites {
  readonly followUps: string[];
  effect: PhaseWrites["effect"];
  /** Whether one of the jobs is a child of this one. */
  hasChildren: boolean;
  /** The phase waits, and has no result. */
  wait: PhaseWait | undefined;
}

export function createOutbox(): Outbox {
  return { followUps: [], effect: undefined, hasChildren: false, wait: undefined };
}

/** Whether there is anything that needs a transaction of its own. */
export function isEmpty({ followUps, effect }: PhaseWrites): boolean {
  return effect === undefined && followUps.length === 0;
}
