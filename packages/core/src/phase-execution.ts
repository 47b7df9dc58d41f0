import type { PhaseLogger, PhaseRequest, PhaseResult } from "./adapter.ts";
import type { Alarms } from "./alarms.ts";
import { type Cancellation, createCancellation } from "./cancellation.ts";
import type { WorkerSettings } from "./config.ts";
import { WorkerError, type WorkerErrorCode } from "./errors.ts";
import type { AttemptRef, EventHub } from "./events.ts";
import type { JobStore } from "./job-store.ts";
import type { HeldLease } from "./lease-keeper.ts";
import type { Outbox } from "./outbox.ts";
import type { PhasePlan } from "./phase-plan.ts";
import type { PhaseContext } from "./pipeline.ts";
import type { Runtime } from "./runtime.ts";
import { assertStorable, persist } from "./settlement.ts";
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
  readonly alarms: Alarms;
  readonly events: EventHub;
  readonly logger: PhaseLogger;
  readonly settings: WorkerSettings;
}

/**
 * Runs a phase under its lease, its total deadline and the worker's stop.
 *
 * Rejects with the reason of the abort, whatever the adapter made of it. An adapter that does not obey is left behind.
 */
export async function executePhase(
  execution: PhaseExecution,
  options: PhaseExecutionOptions,
): Promise<PhaseResult> {
  const { runtime, alarms, settings } = options;
  const { plan, lease, ref } = execution;
  const timeoutMs = (plan.phase.timeoutSeconds ?? settings.phaseTimeoutSeconds) * 1000;
  const deadlineAt = runtime.now() + timeoutMs;
  const cancellation = createCancellation();
  const leaveLease = lease.work.onAbort(() =>
    cancellation.abort(() => lease.work.reason() ?? phaseOver()),
  );
  const cancelDeadline = alarms.set(deadlineAt, () =>
    cancellation.abort(() => deadlineExceeded(ref.phase, timeoutMs)),
  );
  const context = createContext(execution, options, { cancellation, deadlineAt });
  try {
    const reason = cancellation.reason();
    if (reason !== undefined) throw reason;
    const work = Promise.resolve(plan.execute(execution.request, context));
    return await orAbandon(work, cancellation, {
      runtime,
      abandonMs: settings.abandonSeconds * 1000,
      onAbandoned: () => options.events.emit({ ...ref, name: "adapter.abandoned" }),
    });
  } catch (error) {
    throw cancellation.reason() ?? withoutOurWords(error);
  } finally {
    // From here on the context refuses everything, also to an adapter that was left behind.
    cancellation.abort(phaseOver);
    cancelDeadline();
    leaveLease();
  }
}

/** What only the worker can know. */
const ourWords: ReadonlySet<WorkerErrorCode> = new Set<WorkerErrorCode>([
  "worker_stopping",
  "worker_lost",
  "lease_lost",
]);

/** An adapter that says so, and nothing of it is true, would be given its job again at once and uncharged, for ever. */
function withoutOurWords(error: unknown): unknown {
  if (!WorkerError.is(error) || !ourWords.has(error.code)) return error;
  const message = `The adapter threw ${error.code}, which is for the worker to say.`;
  return new WorkerError("adapter_unknown", message, { retryable: true, cause: error });
}

/** The work's outcome. Some time after the abort it is waited for no more, so that a deaf adapter cannot keep its slot. */
function orAbandon(
  work: Promise<PhaseResult>,
  cancellation: Cancellation,
  { runtime, abandonMs, onAbandoned }: Abandonment,
): Promise<PhaseResult> {
  return new Promise((resolve, reject) => {
    let cancelTimer: (() => void) | undefined;
    const ignore = cancellation.onAbort(() => {
      cancelTimer = runtime.after(abandonMs, () => {
        onAbandoned();
        reject(cancellation.reason());
      });
    });
    const over = (): void => {
      ignore();
      cancelTimer?.();
    };
    work.then(
      (result) => {
        over();
        resolve(result);
      },
      (error: unknown) => {
        over();
        reject(error);
      },
    );
  });
}

interface Abandonment {
  readonly runtime: Runtime;
  readonly abandonMs: number;
  readonly onAbandoned: () => void;
}

function createContext(
  { lease, ref, trace, outbox }: PhaseExecution,
  options: PhaseExecutionOptions,
  {
    cancellation,
    deadlineAt,
  }: { readonly cancellation: Cancellation; readonly deadlineAt: number },
): PhaseContext {
  const { store } = options;
  const assertRunning = (): void => {
    const reason = cancellation.reason();
    if (reason !== undefined) throw reason;
  };
  const fenced = async (write: () => Promise<"ok" | "lost">): Promise<void> => {
    assertRunning();
    if ((await write()) === "ok") return;
    // What comes after the attempt is refused, also while the job goes on under the same lease.
    assertRunning();
    lease.lose();
    assertRunning();
  };
  return {
    jobId: ref.jobId,
    phase: ref.phase,
    attempt: ref.attempt,
    get signal() {
      return cancellation.signal;
    },
    deadlineAt,
    ...(trace === undefined ? {} : { trace }),
    logger: options.logger,
    progress(progress) {
      if (cancellation.reason() !== undefined) return;
      options.events.emit({ ...ref, name: "phase.progressed", progress });
    },
    // A part that was saved already stays as it is, so the call may be repeated: a restart of Postgres is no reason to
    // throw the work away. What a commit does may not be done twice, and whether it was cannot be known.
    async savePart(part, output, provenance) {
      const result = { ...assertStorable({ output, provenance }), phase: ref.phase };
      const save = (): Promise<"ok" | "lost"> => store.savePart(lease, part, result);
      await fenced(() => persist({ ...options, hardStop: cancellation.signal }, save));
    },
    ...createStructureContext({ store, lease, trace, outbox, cancellation, fenced }),
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
