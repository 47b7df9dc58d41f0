/** Milliseconds since the epoch with fractions: one clock for all processes of the machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
