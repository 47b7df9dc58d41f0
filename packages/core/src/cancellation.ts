import type { WorkerError } from "./errors.ts";

/**
 * Says that some work must end, and why. Most work ends by itself, so what is only needed otherwise, the signal and the
 * error, is made when somebody asks for it.
 */
export interface Cancellation {
  /** For those who know nothing of us. */
  readonly signal: AbortSignal;
  /** Why the work must end, once it must. */
  reason(): WorkerError | undefined;
  /** Only the first time counts. */
  abort(why: () => WorkerError): void;
  /** Calls back when it happens, or at once when it has. Returns the function that takes that back. */
  onAbort(callback: () => void): () => void;
}

export function createCancellation(): Cancellation {
  let callbacks: readonly (() => void)[] = [];
  let controller: AbortController | undefined;
  let why: (() => WorkerError) | undefined;
  let known: WorkerError | undefined;
  const reason = (): WorkerError | undefined => (known ??= why?.());
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (why !== undefined) controller.abort(reason());
      }
      return controller.signal;
    },
    reason,
    abort(because) {
      if (why !== undefined) return;
      why = because;
      controller?.abort(reason());
      for (const callback of callbacks) callback();
    },
    onAbort(callback) {
      if (why === undefined) callbacks = [...callbacks, callback];
      else callback();
      return () => {
        callbacks = callbacks.filter((other) => other !== callback);
      };
    },
  };
}
