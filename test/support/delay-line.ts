/** Passes bytes on later than they came, in the order they came. */
export interface DelayLine {
  send(bytes: Buffer, delayMs: number): void;
  /** Drops what is on its way. */
  clear(): void;
}

/** Makes a line that ends in `write`. */
export function createDelayLine(write: (bytes: Buffer) => void): DelayLine {
  const waiting: Buffer[] = [];
  const timers = new Set<ReturnType<typeof setTimeout>>();
  return {
    send(bytes, delayMs) {
      if (delayMs === 0 && waiting.length === 0) {
        write(bytes);
        return;
      }
      waiting.push(bytes);
      const timer = setTimeout(() => {
        timers.delete(timer);
        // The oldest, whoever's timer this is: a shorter delay must not let one overtake another.
        const oldest = waiting.shift();
        if (oldest !== undefined) write(oldest);
      }, delayMs);
      timers.add(timer);
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      waiting.length = 0;
    },
  };
}
