import { type ModelContext, ModelError, type ModelProgress } from "../model.ts";

/** The context of one call, and all the progress that it was told of. */
export interface RecordedCall extends ModelContext {
  readonly seen: readonly ModelProgress[];
}

/** What differs from a call that nobody disturbs. */
export interface RecordedCallOptions {
  readonly signal?: AbortSignal;
  /** Default: a minute, which is long enough never to pass by accident. */
  readonly deadlineMs?: number;
  readonly onProgress?: (progress: ModelProgress) => void;
}

const deadlineMsDefault = 60_000;

/** Makes a context for one call of a model, for tests beside the kit's. */
export function recordCall(options: RecordedCallOptions = {}): RecordedCall {
  const seen: ModelProgress[] = [];
  return {
    signal: options.signal ?? new AbortController().signal,
    deadlineAt: performance.now() + (options.deadlineMs ?? deadlineMsDefault),
    progress(progress) {
      seen.push(progress);
      options.onProgress?.(progress);
    },
    seen,
  };
}

/** The `ModelError` that some work fails with. Throws when it succeeds, or fails with anything else. */
export async function caughtModelError(work: Promise<unknown>): Promise<ModelError> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ModelError.is(thrown)) throw new Error("no ModelError was thrown", { cause: thrown });
  return thrown;
}
