import { WorkerError } from "@leasehold/core";
import { ModelError } from "@leasehold/model";

/** Wraps an error of a model, once, at this seam. What is no error of a model passes through. */
export function toSubmissionError(thrown: unknown): unknown {
  if (!ModelError.is(thrown)) return thrown;
  const { code, message, scope, retryable, retryAfterMs, adapterCode } = thrown;
  return new WorkerError(code, message, {
    scope,
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(adapterCode === undefined ? {} : { adapterCode }),
    cause: thrown,
  });
}
