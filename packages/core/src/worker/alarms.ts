import type { Runtime } from "../runtime.ts";

/** What must be looked after at a moment on the runtime's clock. The moment may be put off without a word to anybody. */
export interface Alarm {
  readonly atMs: number;
}

/** Moments at which something must be done, unless it has become needless by then. */
export interface Alarms<Item extends Alarm> {
  set(item: Item): void;
  takeBack(item: Item): void;
  /** Takes all of them back, for good. */
  stop(): void;
}

/**
 * Keeps all alarms with one timer, set to the earliest. Every job sets some, and nearly all are taken back unused: that
 * must cost next to nothing, so an alarm is whatever record its owner has anyway.
 */
export function createAlarms<Item extends Alarm>(
  runtime: Runtime,
  ring: (item: Item) => void,
): Alarms<Item> {
  const alarms = new Set<Item>();
  let timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  let stopped = false;

  const wakeAt = (atMs: number): void => {
    if (timer !== undefined && timer.atMs <= atMs) return;
    timer?.cancel();
    timer = { atMs, cancel: runtime.after(Math.max(atMs - runtime.now(), 0), ringDue) };
  };

  const ringDue = (): void => {
    timer = undefined;
    const now = runtime.now();
    for (const alarm of alarms) {
      if (alarm.atMs > now) continue;
      alarms.delete(alarm);
      ring(alarm);
    }
    let earliest = Infinity;
    for (const { atMs } of alarms) earliest = Math.min(earliest, atMs);
    if (earliest < Infinity) wakeAt(earliest);
  };

  return {
    set(item) {
      if (stopped) return;
      alarms.add(item);
      wakeAt(item.atMs);
    },
    takeBack: (item) => void alarms.delete(item),
    stop() {
      stopped = true;
      timer?.cancel();
      alarms.clear();
    },
  };
}
