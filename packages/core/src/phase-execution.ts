import type { PhaseLogger, PhaseRequest, PhaseResult } from "./adapter.ts";
import { WorkerError } from "./errors.ts";
import type { AttemptRef, EventHub } from "./events.ts";
import type { JobStore } from "./job-store.ts";
import type { HeldLease } from "./lease-keeper.ts";
import type { PhasePlan } from "./phase-plan.ts";
import type { PhaseContext } from "./pipeline.ts";
import type { Runtime } from "./runtime.ts";
import { assertStorable, persist } from "./settlement.ts";

export interface PhaseExecution {
  readonly plan: PhasePlan;
  readonly request: PhaseRequest;
  readonly ref: AttemptRef;
  readonly lease: HeldLease;
}

export interface PhaseExecutionOptions {
  readonly store: Pick<JobStore, "savePart" | "commit">;
  readonly runtime: Runtime;
  readonly events: EventHub;
  readonly logger: PhaseLogger;
  readonly timeoutMs: number;
  readonly abandonMs: number;
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
  const { runtime, events } = options;
  const { plan, lease, ref } = execution;
  const controller = new AbortController();
  const onLeaseAbort = (): void => controller.abort(lease.signal.reason);
  if (lease.signal.aborted) throw lease.signal.reason;
  lease.signal.addEventListener("abort", onLeaseAbort);
  const cancelDeadline = runtime.after(options.timeoutMs, () =>
    controller.abort(deadlineExceeded(ref.phase, options.timeoutMs)),
  );
  const deadlineAt = runtime.now() + options.timeoutMs;
  const context = createContext(execution, { ...options, signal: controller.signal, deadlineAt });
  const work = Promise.resolve().then(() => plan.execute(execution.request, context));
  const abandonment = abandonAfter(controller.signal, options);
  try {
    return await Promise.race([work, abandonment.promise]);
  } catch (error) {
    if (abandonment.happened()) events.emit({ ...ref, name: "adapter.abandoned" });
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    // From here on the context refuses everything, also to an adapter that was left behind.
    controller.abort(phaseOver());
    cancelDeadline();
    abandonment.cancel();
    lease.signal.removeEventListener("abort", onLeaseAbort);
    work.catch(() => undefined);
  }
}

interface Abandonment {
  readonly promise: Promise<never>;
  happened(): boolean;
  cancel(): void;
}

/** Rejects some time after the abort, so that a deaf adapter cannot keep its slot. */
function abandonAfter(signal: AbortSignal, options: PhaseExecutionOptions): Abandonment {
  let cancelTimer: (() => void) | undefined;
  let happened = false;
  const promise = new Promise<never>((_, reject) => {
    signal.addEventListener(
      "abort",
      () => {
        cancelTimer = options.runtime.after(options.abandonMs, () => {
          happened = true;
          reject(signal.reason);
        });
      },
      { once: true },
    );
  });
  return { promise, happened: () => happened, cancel: () => cancelTimer?.() };
}

function createContext(
  { lease, ref }: PhaseExecution,
  options: PhaseExecutionOptions & { readonly signal: AbortSignal; readonly deadlineAt: number },
): PhaseContext {
  const { signal, store } = options;
  const fenced = async (write: () => Promise<"ok" | "lost">): Promise<void> => {
    if (signal.aborted) throw signal.reason;
    if ((await write()) === "lost") {
      // What comes after the attempt is refused, also while the job goes on under the same lease.
      if (signal.aborted) throw signal.reason;
      lease.lose();
      throw lease.signal.reason;
    }
  };
  return {
    jobId: ref.jobId,
    phase: ref.phase,
    attempt: ref.attempt,
    signal,
    deadlineAt: options.deadlineAt,
    logger: options.logger,
    progress(progress) {
      if (!signal.aborted) options.events.emit({ ...ref, name: "phase.progressed", progress });
    },
    // A part that was saved already stays as it is, so the call may be repeated: a restart of Postgres is no reason to
    // throw the work away. What a commit does may not be done twice, and whether it was cannot be known.
    async savePart(part, output, provenance) {
      const result = { ...assertStorable({ output, provenance }), phase: ref.phase };
      const save = (): Promise<"ok" | "lost"> => store.savePart(lease, part, result);
      await fenced(() => persist({ ...options, hardStop: signal }, save));
    },
    commit: (statements) => fenced(() => store.commit(lease, statements)),
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
