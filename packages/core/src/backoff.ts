import type { Runtime } from "./runtime.ts";

/** Bounds of a wait that grows: `minMs`, doubled each time, up to `maxMs`. */
export interface BackoffBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The wait before try `count + 1`, with equal jitter: half of it fixed, half of it random. */
export function backoffMs(runtime: Runtime, count: number, bounds: BackoffBounds): number {
  const doublings = Math.min(Math.max(count, 1) - 1, 30);
  const full = Math.min(bounds.minMs * 2 ** doublings, bounds.maxMs);
  return full / 2 + (runtime.random() * full) / 2;
}
