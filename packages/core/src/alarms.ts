import type { Runtime } from "./runtime.ts";

/** Moments at which something must be done, unless it has become needless by then. */
export interface Alarms {
  /** Calls back at that moment, on the runtime's clock. Returns the function that takes it back. */
  set(atMs: number, ring: () => void): () => void;
  /** Takes all of them back, for good. */
  stop(): void;
}

interface Alarm {
  readonly atMs: number;
  readonly ring: () => void;
}

/**
 * Keeps all alarms with one timer, set to the earliest. Every job sets some, and nearly all are taken back unused: that
 * must cost next to nothing.
 */
export function createAlarms(runtime: Runtime): Alarms {
  const alarms = new Set<Alarm>();
  let timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  let stopped = false;

  const wakeAt = (atMs: number): void => {
    if (stopped || (timer !== undefined && timer.atMs <= atMs)) return;
    timer?.cancel();
    timer = { atMs, cancel: runtime.after(Math.max(atMs - runtime.now(), 0), ringDue) };
  };

  const ringDue = (): void => {
    timer = undefined;
    const now = runtime.now();
    for (const alarm of alarms) {
      if (alarm.atMs > now) continue;
      alarms.delete(alarm);
      alarm.ring();
    }
    let earliest = Infinity;
    for (const { atMs } of alarms) earliest = Math.min(earliest, atMs);
    if (earliest < Infinity) wakeAt(earliest);
  };

  return {
    set(atMs, ring) {
      const alarm = { atMs, ring };
      alarms.add(alarm);
      wakeAt(atMs);
      return () => void alarms.delete(alarm);
    },
    stop() {
      stopped = true;
      timer?.cancel();
      alarms.clear();
    },
  };
}
