import type { WorkerError } from "../errors.ts";

/**
 * Says that some work must end, and why.
 *
 * A record with functions beside it: every job has two of them, and most are never aborted. What is only needed then, the
 * signal and the error, is made when somebody asks for it.
 */
export interface Cancellation {
  /** Work within this work, which ends with it. */
  inner: Cancellation | undefined;
  /** Called once, when it happens. */
  onAbort: (() => void) | undefined;
  why: (() => WorkerError) | undefined;
  error: WorkerError | undefined;
  controller: AbortController | undefined;
}

/** Of work on its own, or within other work: then it takes the place of what was there before. */
export function createCancellation(outer?: Cancellation): Cancellation {
  const cancellation: Cancellation = {
    inner: undefined,
    onAbort: undefined,
    why: undefined,
    error: undefined,
    controller: undefined,
  };
  if (outer === undefined) return cancellation;
  outer.inner = cancellation;
  if (outer.why !== undefined) abortInner(outer, outer.why);
  return cancellation;
}

/** Ends the work. Only the first time counts. */
export function abort(cancellation: Cancellation, why: () => WorkerError): void {
  if (cancellation.why !== undefined) return;
  cancellation.why = why;
  cancellation.controller?.abort(reasonOf(cancellation));
  cancellation.onAbort?.();
  abortInner(cancellation, why);
}

/** Why the work must end, once it must. */
export function reasonOf(cancellation: Cancellation): WorkerError | undefined {
  return (cancellation.error ??= cancellation.why?.());
}

/** Throws the reason, if there is one. */
export function throwIfOver(cancellation: Cancellation): void {
  const reason = reasonOf(cancellation);
  if (reason !== undefined) throw reason;
}

/** For those who know nothing of us. */
export function signalOf(cancellation: Cancellation): AbortSignal {
  if (cancellation.controller === undefined) {
    cancellation.controller = new AbortController();
    if (cancellation.why !== undefined) cancellation.controller.abort(reasonOf(cancellation));
  }
  return cancellation.controller.signal;
}

/** Both tell one error, which is still made only when somebody wants to know. */
function abortInner(outer: Cancellation, why: () => WorkerError): void {
  if (outer.inner !== undefined) abort(outer.inner, () => reasonOf(outer) ?? why());
}
