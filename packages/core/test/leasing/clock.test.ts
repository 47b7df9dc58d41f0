import { expect, test } from "bun:test";

import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

// The clock of the database goes back: somebody set it wrong, and right again.

const server = useServer();
const hourMs = 3_600_000;

/** A queue whose clock is three hours ahead, as a worker's maintenance has seen. */
async function setup(): Promise<Queue> {
  const queue = await setupQueue(await server());
  await queue.call("advance_clock", 3 * hourMs);
  await queue.store.lapseLeases(100);
  return queue;
}

/** Sets the clock right. Maintenance comes by every few seconds. */
async function goBack(queue: Queue): Promise<void> {
  await queue.call("advance_clock", -3 * hourMs);
  await queue.store.lapseLeases(100);
}

test("a job that was due is due, and not when the clock has caught up", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();

  await goBack(queue);

  expect((await queue.claimOne()).publicId).toBe(id);
});

test("a delay counts from when it was given", async () => {
  await using queue = await setup();
  await queue.enqueue({ delayMs: 60_000 });

  await goBack(queue);

  expect(await queue.claim()).toEqual([]);
  await queue.call("advance_clock", 61_000);
  expect(await queue.claim()).toHaveLength(1);
});

test("a job that waits for its next try waits as long as it would have", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const reason = { code: "backend_failed", message: "It broke.", retryAfterMs: 60_000 };
  await queue.store.retryJob(await queue.claimOne(), reason);

  await goBack(queue);

  expect(await queue.claim()).toEqual([]);
  await queue.call("advance_clock", 61_000);
  expect((await queue.claimOne()).attempt).toBe(2);
});

test("what was given for a time to come, before the clock went wrong, stays so", async () => {
  await using queue = await setupQueue(await server());
  await queue.store.lapseLeases(100);
  await queue.enqueue({ delayMs: 4 * hourMs });
  await queue.call("advance_clock", 3 * hourMs);
  await queue.store.lapseLeases(100);

  await goBack(queue);
  await queue.call("advance_clock", 3.5 * hourMs);

  expect(await queue.claim()).toEqual([]);
});

test("the lease of a dead worker lasts one lease, and not three hours more", async () => {
  await using queue = await setup();
  await queue.enqueue();
  await queue.claimOne({ leaseMs: 5_000 });

  await goBack(queue);
  const early = await queue.store.lapseLeases(100);
  await queue.call("advance_clock", 6_000);
  const late = await queue.store.lapseLeases(100);

  expect([early.length, late.length]).toEqual([0, 1]);
});

test("a worker that is alive keeps what it has", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const lease = await queue.claimOne({ leaseMs: 60_000 });

  await goBack(queue);
  const renewed = await queue.store.renewLeases([lease]);

  expect(renewed.get(lease.jobId)).toBe("ok");
  expect(await queue.store.lapseLeases(100)).toEqual([]);
  const answer = await queue.store.completeJob(lease, { output: 1, provenance: {} });
  expect(answer.outcome).toBe("ok");
});

test("a step of a few milliseconds moves nothing", async () => {
  await using queue = await setup();
  await queue.enqueue({ delayMs: 5_000 });
  const [before] = await queue.query('select due_at from :"schema".ready');

  await queue.call("advance_clock", -500);
  await queue.store.lapseLeases(100);

  expect(await queue.query('select due_at from :"schema".ready')).toEqual([before ?? {}]);
});
