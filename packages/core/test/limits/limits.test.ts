import { describe, expect, test } from "bun:test";

import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { useServer } from "../support/server.ts";
import { waitForSignal } from "../support/waiting.ts";

const server = useServer();
const setup = async (): Promise<LimitedQueue> => setupLimitedQueue(await server());

describe("a limit of concurrency", () => {
  test.each([
    ["a queue", { queue: "default" }],
    ["a type", { type: "essay" }],
    ["a tenant", { tenant: "acme" }],
    ["each tenant", { tenant: "*" }],
  ])("of %s lets no more run than it says, and one more for each that ends", async (_, scope) => {
    await using queue = await setup();
    await queue.client.setLimit(scope, { concurrencyMax: 3 });
    await queue.enqueueAll(jobsOf("acme", 10));

    const first = await queue.claim();
    const none = await queue.claim();
    await queue.complete(first.slice(0, 2));
    const second = await queue.claim();

    expect([first.length, none.length, second.length]).toEqual([3, 0, 2]);
    expect(await queue.client.getLimits()).toEqual([
      { scope, concurrencyMax: 3, fair: false, running: 3 },
    ]);
  });

  test("holds for each of several limits at once", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 5 });
    await queue.client.setLimit({ tenant: "*" }, { concurrencyMax: 2 });
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 1 });
    await queue.enqueueAll([
      ...jobsOf("acme", 9),
      ...jobsOf("umbrella", 9),
      ...jobsOf("initech", 9),
    ]);

    const claimed = await queue.claimTenants(20);

    expect(claimed.toSorted()).toEqual(["acme", "initech", "initech", "umbrella", "umbrella"]);
  });

  test("of each tenant says nothing of jobs without one", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "*" }, { concurrencyMax: 1 });
    await queue.enqueueAll([...jobsOf(undefined, 12), ...jobsOf("", 12)]);

    expect(await queue.claim({ limit: 30 })).toHaveLength(24);
  });

  test("of 0 lets nothing start", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 0 });
    await queue.enqueue();

    expect(await queue.claim()).toEqual([]);
  });
});

describe("every way out of a lease", () => {
  const ways: readonly [string, (queue: LimitedQueue) => Promise<void>][] = [
    ["complete", async (queue) => queue.complete([await queue.claimOne()])],
    [
      "fail",
      async (queue) =>
        void (await queue.store.failJob(await queue.claimOne(), { code: "bad", message: "" })),
    ],
    [
      "retry",
      async (queue) =>
        void (await queue.store.retryJob(await queue.claimOne(), { code: "bad", message: "" })),
    ],
    [
      "release",
      async (queue) => {
        const reason = { code: "worker_stopping", message: "" };
        await queue.store.releaseJob(await queue.claimOne(), "shutdown", reason);
      },
    ],
    [
      "a phase that yields",
      async (queue) => {
        const step = { phase: "draft", nextPhase: "grade", yields: true };
        await queue.store.checkpointJob(await queue.claimOne(), step, {
          output: 1,
          provenance: {},
        });
      },
    ],
    [
      "a phase that waits for a signal",
      async (queue) => void (await waitForSignal(queue, await queue.claimOne())),
    ],
    [
      "an abandoned claim",
      async (queue) => {
        const { token } = await queue.claimOne();
        await queue.store.abandonClaim("worker", token);
      },
    ],
    [
      "cancel",
      async (queue) => void (await queue.client.cancel((await queue.claimOne()).publicId)),
    ],
    [
      "lapse",
      async (queue) => {
        await queue.claimOne();
        await queue.database.advance(1_001);
        await queue.store.lapseLeases(10);
      },
    ],
  ];

  test.each(ways)("gives the slot back: %s", async (_, end) => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 2));

    await end(queue);
    const slots = await queue.query('select job_id from :"schema".slot');
    const next = await queue.claim();

    expect(slots).toEqual([]);
    expect(next).toHaveLength(1);
  });

  test("a phase that goes on under its lease keeps the slot", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 2));
    const job = await queue.claimOne();

    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await queue.store.checkpointJob(job, step, { output: 1, provenance: {} });

    expect(await queue.claim()).toEqual([]);
  });

  test("a slot that was left behind takes no place", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueue();
    await queue.query(
      `insert into :"schema".slot values ('queue', 'default', 99, gen_random_uuid())`,
    );

    expect(await queue.claim()).toHaveLength(1);
  });
});

describe("a job that waits at a gate", () => {
  test("is queued like any other, for whoever asks", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 0 });

    const id = await queue.enqueue({ tenant: "acme", delayMs: 0 });
    await queue.enqueue({ delayMs: 60_000 });

    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", phase: "draft" });
    expect(await queue.client.getQueue()).toMatchObject([
      { queue: "default", type: "essay", state: "delayed", count: 1 },
      { queue: "default", type: "essay", state: "due", count: 1 },
    ]);
  });

  test("can be cancelled and requeued, and waits there again", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 0 });
    const id = await queue.enqueue();

    const cancelled = await queue.client.cancel(id);
    const requeued = await queue.client.requeue(id);

    expect([cancelled, requeued]).toEqual(["ok", "ok"]);
    expect(await queue.claim()).toEqual([]);
    expect((await queue.client.getJob(id))?.state).toBe("queued");
  });

  test("goes by priority, then by due time, within its tenant", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { fair: true });
    const late = await queue.enqueue({ tenant: "acme", priority: 5 });
    const later = await queue.enqueue({ tenant: "acme", priority: 5 });
    const urgent = await queue.enqueue({ tenant: "acme", priority: 1 });
    await queue.enqueue({ tenant: "acme", priority: 0, delayMs: 60_000 });

    const claimed = await queue.claim();

    expect(claimed.map(({ publicId }) => publicId)).toEqual([urgent, late, later]);
  });

  test("is claimed for a worker of the version before, too", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 2));
    const [lane] = await queue.lanes(["draft"]);

    const rows = await queue.call(
      "claim_jobs",
      "old",
      crypto.randomUUID(),
      `{${lane?.laneId}}`,
      "{}",
      5,
      1_000,
    );

    expect(rows).toHaveLength(1);
    expect(rows[0]?.["lane_id"]).toBe(lane?.laneId);
  });

  test("is not claimed while its queue is paused", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueue();

    await queue.client.pause({ queue: "default" });

    expect(await queue.claim()).toEqual([]);
  });

  test("runs alone after a loss, within its limit", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 2));
    await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);

    const alone = await queue.claimOne();
    const none = await queue.claim();

    expect(alone).toMatchObject({ solo: true, attempt: 2 });
    expect(none).toEqual([]);
  });

  test("is due when the clock went back", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { rate: { max: 2, windowMs: 1_000 } });
    await queue.database.advance(3_600_000);
    await queue.store.lapseLeases(10);
    await queue.enqueueAll(jobsOf("acme", 2));
    const before = await queue.claim({ limit: 1 });
    await queue.database.advance(-3_600_000);

    await queue.store.lapseLeases(10);
    const after = await queue.claim();
    await queue.database.advance(1_000);
    await queue.enqueueAll(jobsOf("acme", 2));
    const later = await queue.claim();

    expect([before.length, after.length, later.length]).toEqual([1, 1, 2]);
  });
});

describe("plain jobs beside gated ones", () => {
  test("take what slots the gated ones leave, and the other way round", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 2 });
    await queue.enqueueAll([...jobsOf("acme", 20), ...jobsOf(undefined, 20)]);

    const first = await queue.claimTenants(10);
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 100 });
    const second = await queue.claimTenants(10);
    const rest = await queue.claimTenants(30);

    expect(first.filter((tenant) => tenant === "acme")).toHaveLength(2);
    expect(first).toHaveLength(10);
    expect(second.filter((tenant) => tenant === "acme")).toHaveLength(5);
    expect(second).toHaveLength(10);
    expect(rest).toHaveLength(20);
  });

  test("get their turn, one slot at a time, whatever waits at the gates", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 1_000 });
    await queue.enqueueAll([...jobsOf("acme", 100), ...jobsOf(undefined, 100)]);

    const claimed: string[] = [];
    for (let claim = 0; claim < 40; claim += 1) claimed.push(...(await queue.claimTenants(1)));

    // By chance: that one of them gets fewer than 4 of 40 is less likely than one in ten million.
    const acme = claimed.filter((tenant) => tenant === "acme").length;
    expect(claimed).toHaveLength(40);
    expect(acme).toBeWithin(4, 37);
  });

  test("a job that must run alone comes before all gated ones", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 10 });
    await queue.enqueue();
    await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);
    await queue.enqueueAll(jobsOf("acme", 5));

    const claimed = await queue.claim();

    expect(claimed.map(({ solo }) => solo)).toEqual([true]);
  });
});
