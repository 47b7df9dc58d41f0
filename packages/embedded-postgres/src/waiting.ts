import { setTimeout as sleep } from "node:timers/promises";

/** A limit of time and a caller's signal as one. Clear it in a `finally`. */
export interface Deadline {
  readonly signal: AbortSignal;
  clear(): void;
}

/** Aborts after `ms` with what `onExpiry` returns, or earlier, with the caller's reason. */
export function createDeadline(ms: number, onExpiry: () => Error, caller?: AbortSignal): Deadline {
  const expiry = new AbortController();
  const timer = setTimeout(() => expiry.abort(onExpiry()), ms);
  return {
    signal: caller === undefined ? expiry.signal : AbortSignal.any([caller, expiry.signal]),
    clear: () => clearTimeout(timer),
  };
}

/** Waits, and throws the signal's own reason when it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Waits for work that knows no signal. The work itself goes on; its late failure is swallowed. */
export async function abortable<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
