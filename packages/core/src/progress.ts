import type { PhaseProgress } from "./adapter.ts";

/** What was told last of a running phase. */
export interface ToldProgress extends PhaseProgress {
  readonly phase: string;
}

const stagePattern = /^[a-z0-9_]{1,64}$/;

/** Takes from what an adapter passed what it may pass. The rest may be a learner's, so it goes nowhere. */
export function toProgress(given: PhaseProgress): PhaseProgress {
  const { stage, partsDone, partsTotal, tokens, fraction } = given;
  return {
    ...(typeof stage === "string" && stagePattern.test(stage) ? { stage } : {}),
    ...(isCount(partsDone) ? { partsDone } : {}),
    ...(isCount(partsTotal) ? { partsTotal } : {}),
    ...(isCount(tokens) ? { tokens } : {}),
    ...(isNumber(fraction) && fraction >= 0 && fraction <= 1 ? { fraction } : {}),
  };
}

/** A phase that waits for its backend's first sign: how long is for its adapter to say, and no fault of the job's. */
const waitingStages: ReadonlySet<unknown> = new Set(["queued", "loading", "prefill"]);

/** Whether the last that was told is that the backend is waited for. */
export function isWaitingForBackend({ stage }: PhaseProgress): boolean {
  return waitingStages.has(stage);
}

function isCount(value: unknown): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
