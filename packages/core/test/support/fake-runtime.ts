import type { Runtime } from "../../src/runtime.ts";

/** A runtime whose clock is the test's. */
export interface FakeRuntime extends Runtime {
  /** Moves the clock. Timers whose moment has come are called once it has arrived. */
  advance(ms: number): void;
  /** Timers that were set and have neither come nor been cancelled. */
  timers(): number;
}

export function createFakeRuntime(): FakeRuntime {
  let now = 0;
  const timers = new Map<symbol, { readonly atMs: number; readonly callback: () => void }>();
  return {
    now: () => now,
    random: () => 0,
    uuid: () => "uuid",
    after(ms, callback) {
      const key = Symbol("timer");
      timers.set(key, { atMs: now + ms, callback });
      return () => void timers.delete(key);
    },
    soon: queueMicrotask,
    advance(ms) {
      now += ms;
      for (const [key, { atMs, callback }] of timers) {
        if (atMs <= now && timers.delete(key)) callback();
      }
    },
    timers: () => timers.size,
  };
}
