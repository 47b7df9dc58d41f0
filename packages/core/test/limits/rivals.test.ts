import { describe, expect, test } from "bun:test";

import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import type { Session } from "../support/queue.ts";
import { type Answer, rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Limits that come, change and go while others enqueue, claim and end. Where two want the same thing, one waits.

const server = useServer();
const setup = async (): Promise<LimitedQueue> => setupLimitedQueue(await server());

const job = { type: "essay", version: 1, phase: "draft", payload: {} };
const enqueue = (session: Session): Promise<Answer> => session.call("enqueue_jobs", [job]);
const setLimit = (session: Session, max: number, key = "default"): Promise<Answer> =>
  session.call("set_limit", "queue", key, max);

async function claimIn(
  queue: LimitedQueue,
  session: Session,
  { limit, phase = "draft" }: { readonly limit: number; readonly phase?: string },
): Promise<Answer> {
  const [lane] = await queue.lanes([phase]);
  const token = crypto.randomUUID();
  return await session.call("claim_jobs_v2", "w", token, `{${lane?.laneId}}`, "{}", limit, 1_000);
}

describe("a limit that is set", () => {
  test("counts the jobs that run, and holds for those that wait", async () => {
    await using queue = await setup();
    await queue.enqueueAll(jobsOf("acme", 10));
    const before = await queue.claim({ limit: 3 });

    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 4 });
    const after = await queue.claim();
    await queue.complete(before);
    const later = await queue.claim();

    expect([after.length, later.length]).toEqual([1, 3]);
  });

  test("waits for an enqueue that is not committed, and holds for its job", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await using rivals = await rivalsIn(queue);
    await enqueue(rivals.first);

    const [answer] = await rivals.overtaken((rival) => setLimit(rival, 1));

    expect(answer?.["set_limit"]).toBe("created");
    expect(await queue.claim()).toHaveLength(1);
  });

  test("holds for an enqueue that had to wait for it", async () => {
    await using queue = await setup();
    await using rivals = await rivalsIn(queue);
    await setLimit(rivals.first, 0);

    await rivals.overtaken((rival) => enqueue(rival));

    expect(await queue.claim()).toEqual([]);
  });

  test("waits for a plain claim, and counts what it took", async () => {
    await using queue = await setup();
    await queue.enqueueAll(jobsOf("acme", 10));
    await using rivals = await rivalsIn(queue);
    await claimIn(queue, rivals.first, { limit: 3 });

    await rivals.overtaken((rival) => setLimit(rival, 4));

    expect(await queue.claim()).toHaveLength(1);
  });

  test("holds for a plain claim that had to wait for it", async () => {
    await using queue = await setup();
    await queue.enqueueAll(jobsOf("acme", 10));
    await using rivals = await rivalsIn(queue);
    await setLimit(rivals.first, 4);

    await rivals.overtaken((rival) => claimIn(queue, rival, { limit: 10 }));
    const more = await queue.claim();

    expect(more.length + (await queue.countLeases())).toBeLessThanOrEqual(8);
    expect(await queue.countLeases()).toBe(4);
  });

  test("holds for a claim of gated jobs that had to wait for its change", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 9 });
    await queue.enqueueAll(jobsOf("acme", 10));
    await using rivals = await rivalsIn(queue);
    await setLimit(rivals.first, 2);

    const claimed = await rivals.overtaken((rival) => claimIn(queue, rival, { limit: 10 }));

    expect(claimed).toHaveLength(2);
  });

  test("waits for a claim of gated jobs when it changes", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 5 });
    await queue.enqueueAll(jobsOf("acme", 10));
    await using rivals = await rivalsIn(queue);
    await claimIn(queue, rivals.first, { limit: 5 });

    const [answer] = await rivals.overtaken((rival) => setLimit(rival, 2));

    expect(answer?.["set_limit"]).toBe("changed");
    expect(await queue.claim()).toEqual([]);
  });

  test("is there once when two set it", async () => {
    await using queue = await setup();
    await queue.enqueueAll(jobsOf("acme", 10));
    await using rivals = await rivalsIn(queue);
    await setLimit(rivals.first, 3);

    const [answer] = await rivals.overtaken((rival) => setLimit(rival, 5));

    expect(answer?.["set_limit"]).toBe("changed");
    expect(await queue.claim()).toHaveLength(5);
  });

  test("is refused, and leaves nothing behind, while somebody enqueues for longer than it waits", async () => {
    await using queue = await setup();
    await using session = await queue.begin();
    await enqueue(session);

    const refusal = queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });

    expect(await refusal.catch((error: object) => error)).toMatchObject({
      code: "database_unavailable",
      retryable: true,
    });
    expect(await queue.client.getLimits()).toEqual([]);
  });

  test.each(["set_limit", "claim_jobs_v2"])(
    "is not looked at from an old snapshot: %s",
    async (name) => {
      await using queue = await setup();
      await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
      await queue.enqueue();
      await using session = await queue.begin();
      await session.rollback();
      await session.query("begin isolation level repeatable read");

      const call =
        name === "set_limit" ? setLimit(session, 2) : claimIn(queue, session, { limit: 1 });

      expect(await call.catch((error: object) => Object(error).code)).toBe("25001");
    },
  );
});

describe("a limit that goes", () => {
  test("lets its jobs flow, and no job is gated after the last", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 10));
    await queue.claim();

    const dropped = await queue.client.dropLimit({ queue: "default" });
    await queue.enqueueAll(jobsOf("acme", 5));
    const [gated] = await queue.query(
      'select count(*)::integer as ct from :"schema".ready where lane_id < 0',
    );
    const claimed = await queue.claim({ limit: 30 });

    expect(dropped).toBe("ok");
    expect(await queue.client.dropLimit({ queue: "default" })).toBe("not_found");
    expect(gated?.["ct"]).toBe(9);
    expect(claimed).toHaveLength(14);
  });

  test("leaves the others in force", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 2 });
    await queue.enqueueAll([...jobsOf("acme", 5), ...jobsOf("umbrella", 5)]);

    await queue.client.dropLimit({ queue: "default" });
    const claimed = await queue.claimTenants(10);

    expect(claimed.toSorted()).toEqual(["acme", "acme", ...Array<string>(5).fill("umbrella")]);
  });

  test("of a tenant's own gives it back to the limit of each", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "*" }, { concurrencyMax: 3 });
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 5));
    const first = await queue.claim();

    await queue.client.dropLimit({ tenant: "acme" });

    expect([first.length, (await queue.claim()).length]).toEqual([1, 2]);
  });
});

describe("at a gate", () => {
  test("a claim waits for another that takes other jobs, and takes what that left", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 5 });
    await queue.enqueueAll([...jobsOf("acme", 9), ...jobsOf("umbrella", 9, { phase: "grade" })]);
    await using rivals = await rivalsIn(queue);
    await claimIn(queue, rivals.first, { limit: 3 });

    const others = await rivals.overtaken((rival) =>
      claimIn(queue, rival, { limit: 9, phase: "grade" }),
    );

    expect(others).toHaveLength(2);
  });

  test("a slot is free when the end of its lease is committed, and not before", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await queue.enqueueAll(jobsOf("acme", 2));
    const held = await queue.claimOne();
    await using session = await queue.begin();
    await session.call("complete_job", held.jobId, held.token, null, {});

    const during = await queue.claim();
    await session.commit();
    const after = await queue.claim();

    expect([during.length, after.length]).toEqual([0, 1]);
  });

  test("claims of other queues do not wait", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 5 });
    await queue.client.setLimit({ queue: "other" }, { concurrencyMax: 5 });
    await queue.enqueueAll([...jobsOf("acme", 1), ...jobsOf("acme", 1, { queue: "other" })]);
    await using session = await queue.begin();
    await claimIn(queue, session, { limit: 3 });
    const declared = { queue: "other", type: "essay", version: 1, phases: ["draft"] };
    const [lane] = await queue.store.declareLanes(declared);

    const claimed = await queue.store.claimJobs({
      worker: "w",
      token: crypto.randomUUID(),
      lanes: [lane?.laneId ?? 0],
      soloLanes: [],
      limit: 5,
      leaseMs: 1_000,
    });

    expect(claimed).toHaveLength(1);
  });

  test("a claim passes over a job that is being cancelled", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 5 });
    const id = await queue.enqueue();
    await using session = await queue.begin();
    await session.call("cancel_job", id);

    const claimed = await queue.claim();
    await session.commit();

    expect(claimed).toEqual([]);
  });
});
