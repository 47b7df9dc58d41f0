import type { PhaseProgress } from "../adapter.ts";
import { WorkerError } from "../errors.ts";
import { isWaitingForBackend } from "../progress.ts";
import type { Runtime } from "../runtime.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { abort, type Cancellation } from "./cancellation.ts";

/** A phase that must say something by then. */
export interface PhaseStall extends Alarm {
  atMs: number;
  readonly phase: string;
  readonly stallMs: number;
  readonly cancellation: Cancellation;
}

/** Ends a phase that said nothing for too long. */
export function endStalled({ phase, stallMs, cancellation }: PhaseStall): void {
  abort(cancellation, () => stalled(phase, stallMs));
}

/** Finds out when a phase says nothing for too long. */
export interface StallWatch {
  /** The phase said something. */
  note(progress: PhaseProgress): void;
  /** A write of the phase's is under way. It waits for our own database, and not for itself. */
  during<Answer>(write: () => Promise<Answer>): Promise<Answer>;
  stop(): void;
}

export interface StallWatchOptions {
  readonly runtime: Runtime;
  readonly stalls: Alarms<PhaseStall>;
}

/** Of a phase that may say nothing at all. */
export const carefree: StallWatch = {
  note: () => undefined,
  during: (write) => write(),
  stop: () => undefined,
};

/** Whoever says something puts the alarm off, which costs a look at the clock. */
export function createStallWatch(
  { runtime, stalls }: StallWatchOptions,
  limit: Omit<PhaseStall, "atMs">,
): StallWatch {
  const stall: PhaseStall = { ...limit, atMs: runtime.now() + limit.stallMs };
  let isWaiting = false;
  let writes = 0;
  let isOver = false;
  stalls.set(stall);

  const putOff = (): void => {
    const wasPaused = stall.atMs === Infinity;
    const isPaused = isWaiting || writes > 0;
    stall.atMs = isPaused ? Infinity : runtime.now() + stall.stallMs;
    if (wasPaused && !isPaused && !isOver) stalls.set(stall);
  };
  return {
    note(progress) {
      isWaiting = isWaitingForBackend(progress);
      putOff();
    },
    async during(write) {
      writes += 1;
      putOff();
      try {
        return await write();
      } finally {
        writes -= 1;
        putOff();
      }
    },
    stop() {
      isOver = true;
      stalls.takeBack(stall);
    },
  };
}

function stalled(phase: string, stallMs: number): WorkerError {
  const message = `Phase "${phase}" told nothing of itself for ${stallMs / 1000} s.`;
  return new WorkerError("stalled", message, { retryable: true });
}
