import { setTimeout as sleep } from "node:timers/promises";

import type { TestDatabase } from "./test-database.ts";

export interface DrainOptions {
  /** Default: 10,000. */
  readonly timeoutMs?: number;
}

const pollIntervalMs = 10;

/**
 * Resolves when no job is due or leased: what was enqueued is done, or waits for its time.
 *
 * The test's own worker does the work; without one, or when none knows a type, this rejects and says what is left. A
 * job that waits to be retried is left alone: `advance` the clock and drain again.
 *
 * @example
 * await client.enqueue(greeting, { name: "Ada" });
 * await drain(database);
 */
export async function drain(
  database: Pick<TestDatabase, "listBusy">,
  { timeoutMs = 10_000 }: DrainOptions = {},
): Promise<void> {
  const over = performance.now() + timeoutMs;
  for (;;) {
    const busy = await database.listBusy();
    if (busy.length === 0) return;
    if (performance.now() > over) {
      const left = busy.map(({ type, state, count }) => `${count} ${state} of type "${type}"`);
      throw new Error(`Not drained within ${timeoutMs} ms: ${left.join(", ")} left.`);
    }
    await sleep(pollIntervalMs);
  }
}
