import { type ModelContext, ModelError } from "./model.ts";

/** The longest time a timer of Node and Bun can hold; beyond it they fire at once. */
const timerMsMax = 2_147_483_647;

/**
 * Runs one piece of a model's work, a call or its warm-up, under the caller's context and a time limit of its own.
 *
 * The work's signal aborts when the caller's does (`aborted`) or when the time is over: `backend_timeout` if the model
 * was still silent, which is an outage; `output_runaway` if it was already writing, which is the job's. Work that ignores
 * its signal is waited for: whoever gave the context decides when to abandon it.
 */
export async function withDeadline<Result>(
  context: ModelContext,
  timeoutMs: number | undefined,
  work: (context: ModelContext) => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const deadlineAt = Math.min(context.deadlineAt, startedAt + (timeoutMs ?? Infinity));
  const controller = new AbortController();
  let isDecoding = false;
  const onAbort = (): void => controller.abort(toAborted(context.signal.reason));
  const onTimeout = (): void => controller.abort(isDecoding ? toRunaway() : toTimeout());
  const remainingMs = Math.max(0, deadlineAt - startedAt);
  const timer = setTimeout(onTimeout, Math.min(remainingMs, timerMsMax));
  context.signal.addEventListener("abort", onAbort, { once: true });
  if (context.signal.aborted) onAbort();
  else if (remainingMs === 0) onTimeout();
  try {
    controller.signal.throwIfAborted();
    const result = await work({
      signal: controller.signal,
      deadlineAt,
      progress(progress) {
        isDecoding ||= progress.stage === "decoding";
        context.progress(progress);
      },
    });
    controller.signal.throwIfAborted();
    return result;
  } catch (error) {
    // What a model throws on its way out says less than why it was stopped.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener("abort", onAbort);
  }
}

function toAborted(reason: unknown): ModelError {
  return new ModelError("aborted", "The model's work was stopped by its caller.", {
    scope: "backend",
    retryable: true,
    cause: reason,
  });
}

function toTimeout(): ModelError {
  return new ModelError("backend_timeout", "The model said nothing before its deadline.", {
    scope: "backend",
    retryable: true,
  });
}

function toRunaway(): ModelError {
  return new ModelError("output_runaway", "The model was still writing at its deadline.", {
    scope: "job",
    retryable: true,
  });
}
