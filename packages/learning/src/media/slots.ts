import { aborted } from "./aborted.ts";

/** Gives its slot back. Idempotent. */
export type ReleaseSlot = () => void;

/** A fixed number of places; who comes later waits, first come first served. */
export interface Slots {
  acquire(signal: AbortSignal): Promise<ReleaseSlot>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];

  const createRelease = (): ReleaseSlot => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = waiting.shift();
      // A slot that somebody waits for changes hands without becoming free.
      if (next === undefined) free += 1;
      else next();
    };
  };

  return {
    acquire(signal) {
      if (signal.aborted) return Promise.reject(aborted(signal));
      if (free > 0) {
        free -= 1;
        return Promise.resolve(createRelease());
      }
      return new Promise((resolve, reject) => {
        const onTurn = (): void => {
          signal.removeEventListener("abort", onAbort);
          resolve(createRelease());
        };
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(onTurn), 1);
          reject(aborted(signal));
        };
        signal.addEventListener("abort", onAbort, { once: true });
        waiting.push(onTurn);
      });
    },
  };
}
