import { type Runtime, wait } from "../runtime.ts";

/** Something that others wait for to happen. */
export interface Pulse {
  beat(): void;
  /** How often it beat so far. */
  count(): number;
  /** Resolves at the next beat or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
}

export function createPulse(): Pulse {
  const waiters = new Set<() => void>();
  let beats = 0;
  return {
    count: () => beats,
    beat() {
      beats += 1;
      for (const finish of waiters) finish();
    },
    next(signal) {
      return new Promise((resolve) => {
        const finish = (): void => {
          waiters.delete(finish);
          signal.removeEventListener("abort", finish);
          resolve();
        };
        waiters.add(finish);
        if (signal.aborted) finish();
        else signal.addEventListener("abort", finish, { once: true });
      });
    },
  };
}

/** Waits for a beat after the `since`-th, but no longer than `ms`. */
export async function nextWithin(
  pulse: Pulse,
  limit: { readonly runtime: Runtime; readonly ms: number; readonly since: number },
  signal: AbortSignal,
): Promise<void> {
  if (pulse.count() > limit.since) return;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  await Promise.race([pulse.next(either), wait(limit.runtime, limit.ms, either)]);
  over.abort();
}
