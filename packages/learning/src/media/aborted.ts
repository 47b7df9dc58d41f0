import { WorkerError } from "@leasehold/core";

/** The error of work that its own caller stopped: the caller's reason where it is one of ours. */
export function aborted(signal: AbortSignal): WorkerError {
  const reason: unknown = signal.reason;
  if (WorkerError.is(reason)) return reason;
  return new WorkerError("aborted", "The work was stopped by its caller.", {
    scope: "backend",
    retryable: true,
    cause: reason,
  });
}
