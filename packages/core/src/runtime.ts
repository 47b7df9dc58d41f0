/** Time and chance, as the worker sees them. A simulation passes its own. */
export interface Runtime {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
  uuid(): string;
  /** Calls back once, unless the returned function was called before. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back soon, once what was asked of others until now is on its way to them. */
  soon(callback: () => void): void;
}

/** The runtime of a real process. */
export const systemRuntime: Runtime = {
  now: () => performance.now(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  // The driver writes what is small at the end of a turn of the loop.
  soon: (callback) => void setImmediate(() => setImmediate(callback)),
};

/** Waits; an aborted signal ends the wait early and without an error. */
export function wait(runtime: Runtime, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = runtime.after(ms, finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}
