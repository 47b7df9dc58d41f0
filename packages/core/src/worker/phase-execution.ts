import type { PhaseLogger, PhaseRequest, PhaseResult } from "../adapter.ts";
import { WorkerError, type WorkerErrorCode } from "../errors.ts";
import type { AttemptRef, EventHub } from "../events.ts";
import type { PhaseContext } from "../pipeline.ts";
import { toProgress } from "../progress.ts";
import type { Runtime } from "../runtime.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import {
  abort,
  type Cancellation,
  createCancellation,
  reasonOf,
  signalOf,
  throwIfOver,
} from "./cancellation.ts";
import type { WorkerSettings } from "./config.ts";
import { fenced, type HeldLease } from "./lease-keeper.ts";
import type { Outbox } from "./outbox.ts";
import type { PhasePlan } from "./phase-plan.ts";
import { assertStorable, persist } from "./settlement.ts";
import { carefree, createStallWatch, type PhaseStall, type StallWatch } from "./stall-watch.ts";
import { createStructureContext } from "./structure-context.ts";

export interface PhaseExecution {
  readonly plan: PhasePlan;
  readonly request: PhaseRequest;
  readonly ref: AttemptRef;
  readonly lease: HeldLease;
  readonly trace: string | undefined;
  readonly outbox: Outbox;
}

export interface PhaseExecutionOptions {
  readonly store: Pick<JobStore, "savePart" | "commit" | "structure">;
  readonly runtime: Runtime;
  readonly deadlines: Alarms<PhaseDeadline>;
  readonly stalls: Alarms<PhaseStall>;
  readonly events: EventHub;
  readonly logger: PhaseLogger;
  readonly settings: WorkerSettings;
}

/** When a phase must be over. */
export interface PhaseDeadline extends Alarm {
  readonly phase: string;
  readonly timeoutMs: number;
  readonly cancellation: Cancellation;
}

/** Ends a phase that took too long. */
export function endOverdue({ phase, timeoutMs, cancellation }: PhaseDeadline): void {
  abort(cancellation, () => deadlineExceeded(phase, timeoutMs));
}

/**
 * Runs a phase under its lease, its total deadline, its limit of silence and the worker's stop.
 *
 * Rejects with the reason of the abort, whatever the adapter made of it. An adapter that does not obey is left behind.
 */
export async function executePhase(
  execution: PhaseExecution,
  options: PhaseExecutionOptions,
): Promise<PhaseResult> {
  const { runtime, deadlines, settings } = options;
  const { plan, lease, ref } = execution;
  const timeoutMs = (plan.phase.timeoutSeconds ?? settings.phaseTimeoutSeconds) * 1000;
  const atMs = runtime.now() + timeoutMs;
  const cancellation = createCancellation(lease.work);
  const deadline: PhaseDeadline = { atMs, phase: ref.phase, timeoutMs, cancellation };
  deadlines.set(deadline);
  const stalling = watchStalling(plan, options, cancellation);
  let cancelAbandonment: (() => void) | undefined;
  try {
    throwIfOver(cancellation);
    const { promise, resolve, reject } = Promise.withResolvers<PhaseResult>();
    // Some time after the abort it is waited for no more, so that a deaf adapter cannot keep its slot.
    cancellation.onAbort = () => {
      cancelAbandonment = runtime.after(settings.abandonSeconds * 1000, () => {
        options.events.emit({ ...ref, name: "adapter.abandoned" });
        reject(reasonOf(cancellation));
      });
    };
    const context = createContext(execution, options, { deadline, stalling });
    Promise.resolve(plan.execute(execution.request, context)).then(resolve, reject);
    const result = await promise;
    // A phase that waits has no result, whatever it made of that.
    if (execution.outbox.wait !== undefined) throwIfOver(cancellation);
    return result;
  } catch (error) {
    throw reasonOf(cancellation) ?? withoutOurWords(error);
  } finally {
    cancellation.onAbort = undefined;
    cancelAbandonment?.();
    deadlines.takeBack(deadline);
    stalling.stop();
    lease.progress = undefined;
    // From here on the context refuses everything, also to an adapter that was left behind.
    abort(cancellation, phaseOver);
  }
}

function watchStalling(
  { phase: { name: phase, stallSeconds } }: PhasePlan,
  options: PhaseExecutionOptions,
  cancellation: Cancellation,
): StallWatch {
  if (stallSeconds === undefined) return carefree;
  return createStallWatch(options, { phase, stallMs: stallSeconds * 1000, cancellation });
}

/** What only the worker can know. */
const ourWords: ReadonlySet<WorkerErrorCode> = new Set<WorkerErrorCode>([
  "worker_stopping",
  "worker_lost",
  "lease_lost",
  "phase_waiting",
  "cancelled",
  "superseded",
  "expired",
]);

/** An adapter that says so, and nothing of it is true, would be given its job again at once and uncharged, for ever. */
function withoutOurWords(error: unknown): unknown {
  if (!WorkerError.is(error) || !ourWords.has(error.code)) return error;
  const message = `The adapter threw ${error.code}, which is for the worker to say.`;
  return new WorkerError("adapter_unknown", message, { retryable: true, cause: error });
}

interface ContextParts {
  readonly deadline: PhaseDeadline;
  readonly stalling: StallWatch;
}

function createContext(
  { lease, ref, trace, outbox }: PhaseExecution,
  options: PhaseExecutionOptions,
  { deadline: { cancellation, atMs }, stalling }: ContextParts,
): PhaseContext {
  const { store, logger, events } = options;
  const { jobId, phase, attempt } = ref;
  const ask = <Answer>(call: () => Promise<Answer>): Promise<Answer> =>
    persist({ ...options, hardStop: signalOf(cancellation) }, call);
  return {
    jobId,
    phase,
    attempt,
    get signal() {
      return signalOf(cancellation);
    },
    deadlineAt: atMs,
    ...(trace === undefined ? {} : { trace }),
    logger,
    progress(progress) {
      if (reasonOf(cancellation) !== undefined) return;
      const told = toProgress(progress);
      stalling.note(told);
      lease.progress = { ...told, phase };
      events.emit({ ...ref, name: "phase.progressed", progress: told });
    },
    // A part that was saved already stays as it is, so the call may be repeated: a restart of Postgres is no reason to
    // throw the work away. What a commit does may not be done twice, and whether it was cannot be known.
    async savePart(part, output, provenance) {
      const result = { ...assertStorable({ output, provenance }), phase };
      const save = (): Promise<"ok" | "lost"> => store.savePart(lease, part, result);
      await fenced(lease, cancellation, () => stalling.during(() => ask(save)));
    },
    ...createStructureContext({
      store,
      ask,
      jobId,
      lease,
      trace,
      outbox,
      cancellation,
      stalling,
    }),
  };
}

function deadlineExceeded(phase: string, timeoutMs: number): WorkerError {
  return new WorkerError(
    "deadline_exceeded",
    `Phase "${phase}" did not end within ${timeoutMs / 1000} s.`,
    { retryable: true },
  );
}

function phaseOver(): WorkerError {
  return new WorkerError("aborted", "This attempt is over: nothing more is written for it.");
}
