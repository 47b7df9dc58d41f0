import { describe, expect, test } from "bun:test";

import { setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";
import { countReady, signal, waitForSignal } from "../support/waiting.ts";

// What ends a wait, and what comes in between.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

describe("waking", () => {
  const parked = async (queue: Queue, timeoutMs = 5_000): Promise<string> => {
    const id = await queue.enqueue();
    await waitForSignal(queue, await queue.claimOne(), { timeoutMs });
    return id;
  };

  test("by a signal, then by time: the job is woken once", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await queue.database.advance(5_001);
    await using session = await queue.begin();
    await signal(session, id);

    const [passedOver] = await queue.call("wake_due");
    await session.commit();
    await queue.call("wake_due");

    expect(passedOver?.["wake_due"]).toBe(0);
    expect(await countReady(queue, id)).toBe(1);
    expect(await queue.query('select payload from :"schema".signal')).toEqual([
      { payload: { by: "Ada" } },
    ]);
  });

  test("by time, then by a signal: the signal is late", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await queue.database.advance(5_001);
    await using rivals = await rivalsIn(queue);
    const [woken] = await rivals.first.call("wake_due");

    const [answer] = await rivals.overtaken((rival) => signal(rival, id));

    expect(woken?.["wake_due"]).toBe(1);
    expect(answer?.["signal_job"]).toBe("late");
    expect(await countReady(queue, id)).toBe(1);
  });

  test("by time from two sides wakes once", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await queue.database.advance(5_001);
    await using session = await queue.begin();
    await session.call("wake_due");

    const [answer] = await queue.call("wake_due");
    await session.commit();

    expect(answer?.["wake_due"]).toBe(0);
    expect(await countReady(queue, id)).toBe(1);
  });

  test("then cancel: the cancel waits, and ends the job", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await using rivals = await rivalsIn(queue);
    await signal(rivals.first, id);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(answer?.["cancel_job"]).toBe("ok");
    expect(await countReady(queue, id)).toBe(0);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled" });
  });

  test("after a cancel that is on its way: the job stays cancelled", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("cancel_job", id);

    await rivals.overtaken((rival) => signal(rival, id));

    expect(await countReady(queue, id)).toBe(0);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled", phase: "draft" });
  });

  test("when a cancel is taken back: the signal is not lost", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await using session = await queue.begin();
    await session.call("cancel_job", id);
    const rival = await queue.begin();
    const answer = signal(rival, id);
    await rival.blocked();

    await session.rollback();
    await answer;
    await rival.commit();
    await rival[Symbol.asyncDispose]();

    expect(await countReady(queue, id)).toBe(1);
  });

  test("is not kept from a job by its hook", async () => {
    await using queue = await setupHookedQueue(await server());
    const id = await queue.enqueue();
    await waitForSignal(queue, await queue.claimOne());
    await queue.raiseOn("queued");

    const [answer] = await signal(queue, id);

    expect(answer?.["signal_job"]).toBe("ok");
    expect(await countReady(queue, id)).toBe(1);
  });

  test("comes on time though the clock went back", async () => {
    await using queue = await setup();
    await queue.database.advance(3_600_000);
    await queue.call("lapse_leases");
    const id = await parked(queue);
    await queue.database.advance(-3_600_000);
    await queue.call("lapse_leases");

    await queue.database.advance(5_001);
    await queue.call("wake_due");

    expect(await countReady(queue, id)).toBe(1);
  });
});
