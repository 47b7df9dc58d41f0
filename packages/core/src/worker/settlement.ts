import { backoffMs } from "../backoff.ts";
import { toWorkerError, WorkerError } from "../errors.ts";
import type { AttemptRef, EventHub } from "../events.ts";
import { type Runtime, wait } from "../runtime.ts";
import type {
  CheckpointAnswer,
  JobStore,
  PhaseOutput,
  PhaseWait,
  Reason,
  SettleAnswer,
} from "../store/job-store.ts";
import { storable } from "../store/store-calls.ts";
import { findOutLoss, type HeldLease } from "./lease-keeper.ts";
import { isEmpty, type Outbox } from "./outbox.ts";
import type { PhasePlan } from "./phase-plan.ts";

export interface SettlementOptions {
  readonly store: JobStore;
  readonly runtime: Runtime;
  readonly events: EventHub;
  /** Aborts when the process can wait no longer: what is not written by then is left to the lapse. */
  readonly hardStop: AbortSignal;
}

/** An attempt that is over, and what is known of it. */
export interface EndedAttempt {
  readonly lease: HeldLease;
  readonly plan: PhasePlan;
  readonly ref: AttemptRef;
  readonly durationMs: number;
  readonly outbox: Outbox;
}

/** Refuses a result that could not be written down, while that is still the failure of its attempt. */
export function assertStorable({ output, provenance }: PhaseOutput): PhaseOutput {
  try {
    return { output, provenance, json: storable({ output, provenance }) };
  } catch (cause) {
    const message = "The result or its provenance has no JSON form.";
    throw new WorkerError("output_invalid", message, { retryable: true, cause });
  }
}

/** Repeats a call until the database answers: every call of the store is idempotent per token. */
export async function persist<Answer>(
  options: Pick<SettlementOptions, "runtime" | "events" | "hardStop">,
  call: () => Promise<Answer>,
): Promise<Answer> {
  const { runtime, events, hardStop } = options;
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      const failure = toWorkerError(error);
      events.emit({ name: "database.failed", operation: "settle", code: failure.code });
      // Only the database's absence passes. Anything else would be the same for ever.
      if (failure.code !== "database_unavailable" || hardStop.aborted) throw failure;
    }
    await wait(runtime, backoffMs(runtime, failures, { minMs: 100, maxMs: 2_000 }), hardStop);
  }
}

/** Whether the job goes on under its lease when this phase is done: where its next phase needs nothing else. */
export function goesOn({ next, resource }: PhasePlan): boolean {
  return next !== undefined && next.resource === resource;
}

/** Writes down a phase that is done. Answers the number of the next phase's attempt when the job goes on here. */
export async function settleResult(
  options: SettlementOptions,
  attempt: EndedAttempt,
  result: PhaseOutput,
): Promise<number | undefined> {
  const { store, events } = options;
  const { lease, plan, ref, durationMs, outbox } = attempt;
  const { next } = plan;
  const { phase } = ref;
  if (next === undefined) {
    const answer = await persist(options, () =>
      isEmpty(outbox)
        ? store.completeJob(lease, result)
        : store.structure.settlePhase(lease, { step: { phase }, result, ...outbox }),
    );
    // An answer that was lost may have been that the hook raised; only the job's state tells.
    const isUndone = answer.outcome === "already" && answer.state !== "completed";
    const outcome = isUndone ? "effect_failed" : answer.outcome;
    if (await isTrouble(options, attempt, { ...answer, outcome })) return undefined;
    events.emit({ ...ref, name: "phase.completed", durationMs });
    events.emit({ ...ref, name: "job.completed", durationMs });
    return undefined;
  }
  const step = { phase, nextPhase: next.phase.name, yields: !goesOn(plan) };
  const answer: CheckpointAnswer = await persist(options, () =>
    isEmpty(outbox)
      ? store.checkpointJob(lease, step, result)
      : store.structure.settlePhase(lease, { step, result, ...outbox }),
  );
  if (await isTrouble(options, attempt, answer)) return undefined;
  events.emit({ ...ref, name: "phase.completed", durationMs });
  if (answer.state === "leased") return answer.attempt;
  events.emit({ ...ref, name: "job.yielded", nextPhase: next.phase.name });
  return undefined;
}

/** Writes down an attempt that did not succeed: released, retried or failed, by whose fault it was. */
export async function settleError(
  options: SettlementOptions,
  attempt: EndedAttempt,
  error: WorkerError,
): Promise<void> {
  const { store, events } = options;
  const { lease, ref } = attempt;
  const reason = toReason(error);
  const { code } = reason;
  if (lease.isLost) {
    tellLoss(options, attempt);
  } else if (error.code === "phase_waiting" && attempt.outbox.wait !== undefined) {
    await park(options, attempt, attempt.outbox.wait);
  } else if (error.code === "worker_stopping") {
    await release(options, attempt, { kind: "shutdown", reason });
  } else if (error.scope !== "job") {
    await release(options, attempt, { kind: "outage", reason });
  } else if (error.retryable) {
    const answer = await persist(options, () => store.retryJob(lease, reason));
    if (await isTrouble(options, attempt, answer)) return;
    emitCharged(events, ref, { ...answer, code });
  } else {
    const answer = await persist(options, () => store.failJob(lease, reason));
    if (await isTrouble(options, attempt, answer)) return;
    events.emit({ ...ref, name: "job.failed", code });
  }
}

async function park(
  options: SettlementOptions,
  attempt: EndedAttempt,
  awaited: PhaseWait,
): Promise<void> {
  const { store, events } = options;
  const { lease, ref } = attempt;
  const answer = await persist(options, () => store.structure.waitJob(lease, ref.phase, awaited));
  if (await isTrouble(options, attempt, answer)) return;
  events.emit({ ...ref, name: "job.waiting", reason: awaited.reason });
}

async function release(
  options: SettlementOptions,
  attempt: EndedAttempt,
  { kind, reason }: { readonly kind: "shutdown" | "outage"; readonly reason: Reason },
): Promise<void> {
  const { store, events } = options;
  const { lease, ref } = attempt;
  const answer = await persist(options, () => store.releaseJob(lease, kind, reason));
  if (await isTrouble(options, attempt, answer)) return;
  const { code } = reason;
  events.emit({ ...ref, name: "job.released", reason: kind, code, retryInMs: answer.delayMs });
}

/** Tells why a lease is gone: on somebody's order, or because nobody renewed it. */
export function tellLoss(
  { events }: Pick<SettlementOptions, "events">,
  { lease, ref }: Pick<EndedAttempt, "lease" | "ref">,
): void {
  const { cancelCode: code } = lease;
  if (code === undefined) events.emit({ ...ref, name: "lease.lost" });
  else events.emit({ ...ref, name: "job.cancelled", code });
}

/** Tells of an answer that is not what was asked for. */
async function isTrouble(
  options: SettlementOptions,
  attempt: EndedAttempt,
  answer: SettleAnswer,
): Promise<boolean> {
  const { events } = options;
  const { lease, ref } = attempt;
  if (answer.outcome === "lost") {
    events.emit({ ...ref, name: "write.refused" });
    await findOutLoss(lease);
    tellLoss(options, attempt);
    return true;
  }
  if (answer.outcome !== "effect_failed") return false;
  emitCharged(events, ref, { ...answer, code: "effect_failed" });
  return true;
}

function emitCharged(
  events: EventHub,
  ref: AttemptRef,
  { state, delayMs, code }: SettleAnswer & { readonly code: string },
): void {
  if (state === "dead") events.emit({ ...ref, name: "job.dead", code });
  else events.emit({ ...ref, name: "job.retried", code, retryInMs: delayMs });
}

/** How long a job and its resource wait whose model or options somebody has to mend first. */
const configPauseMs = 60_000;

function toReason(error: WorkerError): Reason {
  return {
    code: error.code,
    message: error.message,
    retryAfterMs: error.retryAfterMs ?? (error.scope === "config" ? configPauseMs : undefined),
  };
}
