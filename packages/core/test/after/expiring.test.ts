import { describe, expect, test } from "bun:test";

import { type HookedQueue, setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Jobs that must start or end by a time.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());
const setupHooked = async (): Promise<HookedQueue> => setupHookedQueue(await server());

const done = { output: 1, provenance: {} };
const reason = { code: "output_invalid", message: "It was none." };
const minuteMs = 60_000;

/** How many bounds are still looked at. */
async function countBounds(queue: Queue): Promise<unknown> {
  const [row] = await queue.query('select count(*)::int as ct from :"schema".expiry');
  return row?.["ct"];
}

async function stateOf(queue: Queue, id: string): Promise<object> {
  const job = await queue.client.getJob(id);
  return { state: job?.state, code: job?.code };
}

const expired = { state: "dead", code: "expired" };

describe("a job with a time to live", () => {
  test("is dead when it did not start in time, its hook is called and its key is free", async () => {
    await using queue = await setupHooked();
    const id = await queue.enqueue({ ttlMs: minuteMs, uniqueKey: "learner 7" });
    await queue.database.advance(minuteMs);

    const ended = await queue.store.expireJobs(10);

    expect(ended).toEqual([
      { publicId: id, type: "essay", phase: "draft", attempt: 0, state: "dead", code: "expired" },
    ]);
    expect(await queue.client.getJob(id)).toMatchObject({
      ...expired,
      message: "Its time was over.",
    });
    expect(await queue.calls()).toMatchObject([
      { job_id: id, from_state: "queued", to_state: "dead", phase: "draft", code: "expired" },
    ]);
    expect(await queue.claim()).toEqual([]);
    expect(await queue.enqueue({ uniqueKey: "learner 7" })).not.toBe(id);
    expect(await countBounds(queue)).toBe(0);
  });

  test("is left alone before", async () => {
    await using queue = await setup();
    await queue.enqueue({ ttlMs: minuteMs });
    await queue.database.advance(minuteMs - 5_000);

    expect(await queue.store.expireJobs(10)).toEqual([]);

    expect(await queue.claim()).toHaveLength(1);
  });

  test("counts from when it is due", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ ttlMs: minuteMs, delayMs: minuteMs });
    await queue.database.advance(minuteMs + 5_000);

    expect(await queue.store.expireJobs(10)).toEqual([]);
    await queue.database.advance(minuteMs);
    await queue.store.expireJobs(10);

    expect(await stateOf(queue, id)).toEqual(expired);
  });

  test("that started in time goes on, and is tried again", async () => {
    await using queue = await setup();
    await queue.enqueue({ ttlMs: minuteMs });
    await queue.store.retryJob(await queue.claimOne(), reason);
    await queue.database.advance(10 * minuteMs);

    expect(await queue.store.expireJobs(10)).toEqual([]);

    expect(await queue.claim()).toHaveLength(1);
    expect(await countBounds(queue)).toBe(0);
  });

  test("that runs for the first time goes on, and is watched until its claim is no more in doubt", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ ttlMs: minuteMs });
    const lease = await queue.claimOne({ leaseMs: 10 * minuteMs });
    await queue.database.advance(minuteMs);

    expect(await queue.store.expireJobs(10)).toEqual([]);
    await queue.store.abandonClaim("worker", lease.token);
    await queue.database.advance(minuteMs);
    await queue.store.expireJobs(10);

    expect(await stateOf(queue, id)).toEqual(expired);
  });

  test.each([
    ["within a minute of its time goes on", minuteMs - 5_000, "leased"],
    ["more than a minute late is stopped", minuteMs + 5_000, "dead"],
  ])("that was claimed %s", async (_, lateMs, state) => {
    await using queue = await setup();
    const id = await queue.enqueue({ ttlMs: minuteMs });
    await queue.database.advance(minuteMs + lateMs);
    await queue.claimOne({ leaseMs: 10 * minuteMs });

    await queue.store.expireJobs(10);

    expect((await queue.client.getJob(id))?.state).toBe(state as "leased");
  });
});

describe("a job with a deadline", () => {
  test("that waits for its next try is dead", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ deadlineMs: minuteMs });
    await queue.store.retryJob(await queue.claimOne(), reason);
    await queue.database.advance(minuteMs);

    const [ended] = await queue.store.expireJobs(10);

    expect(ended).toMatchObject({ attempt: 1, code: "expired" });
    expect(await stateOf(queue, id)).toEqual(expired);
  });

  test("that runs is stopped: its worker writes nothing more", async () => {
    await using queue = await setupHooked();
    const id = await queue.enqueue({ deadlineMs: minuteMs });
    const lease = await queue.claimOne({ leaseMs: 10 * minuteMs });
    await queue.database.advance(minuteMs);

    await queue.store.expireJobs(10);

    expect((await queue.store.completeJob(lease, done)).outcome).toBe("lost");
    expect(await queue.store.renewLeases([lease])).toEqual(new Map([[lease.jobId, "expired"]]));
    expect(await queue.client.getJob(id)).toMatchObject({
      ...expired,
      attempts: [{ outcome: "cancelled", code: "expired" }],
    });
    expect(await queue.calls()).toMatchObject([
      { from_state: "leased", to_state: "dead", code: "expired" },
    ]);
  });

  test("and a time to live keeps the deadline when it has started", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ ttlMs: minuteMs, deadlineMs: 5 * minuteMs });
    await queue.store.retryJob(await queue.claimOne(), reason);
    await queue.database.advance(minuteMs);

    expect(await queue.store.expireJobs(10)).toEqual([]);
    await queue.database.advance(4 * minuteMs);
    await queue.store.expireJobs(10);

    expect(await stateOf(queue, id)).toEqual(expired);
  });

  test("that ended before is left as it is, and its bound goes when its time comes", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ deadlineMs: minuteMs });
    await queue.store.completeJob(await queue.claimOne(), done);
    await queue.database.advance(minuteMs);

    expect(await queue.store.expireJobs(10)).toEqual([]);

    expect(await stateOf(queue, id)).toMatchObject({ state: "completed" });
    expect(await countBounds(queue)).toBe(0);
  });

  test("that is deleted takes its bound along", async () => {
    await using queue = await setup();
    await queue.enqueue({ deadlineMs: minuteMs });
    await queue.store.completeJob(await queue.claimOne(), done);
    await queue.database.advance(5_000);

    await queue.call("prune_jobs", 0);

    expect(await queue.query('select from :"schema".job')).toEqual([]);
    expect(await countBounds(queue)).toBe(0);
  });

  test("that is requeued has no bounds any more", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ deadlineMs: minuteMs });
    await queue.client.cancel(id);
    await queue.client.requeue(id);
    await queue.database.advance(2 * minuteMs);

    expect(await queue.store.expireJobs(10)).toEqual([]);

    expect(await queue.claim()).toHaveLength(1);
  });

  test("that is replaced has those of the new one", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ deadlineMs: minuteMs, uniqueKey: "learner 7" });
    await queue.enqueue({ ttlMs: 3 * minuteMs, uniqueKey: "learner 7", onConflict: "replace" });

    await queue.database.advance(2 * minuteMs);
    expect(await queue.store.expireJobs(10)).toEqual([]);
    await queue.database.advance(2 * minuteMs);
    await queue.store.expireJobs(10);

    expect(await stateOf(queue, id)).toEqual(expired);
  });
});

describe("expiring", () => {
  test("leaves out a hook that raises, and says so", async () => {
    await using queue = await setupHooked();
    const id = await queue.enqueue({ ttlMs: minuteMs });
    await queue.raiseOn("dead");
    await queue.database.advance(minuteMs);

    const ended = await queue.store.expireJobs(10);

    expect(ended).toHaveLength(1);
    expect(await queue.client.getJob(id)).toMatchObject({
      ...expired,
      message: "Its time was over. The hook of this job's type raised SQLSTATE P0001.",
    });
  });

  test("looks again later when the hook meets trouble of the server, and goes on with the others", async () => {
    await using queue = await setupHooked();
    const troubled = await queue.enqueue({ ttlMs: minuteMs });
    await queue.raiseOn("dead", "55P03");
    await queue.database.advance(minuteMs);
    const other = { type: "letter", version: 1, phase: "draft", payload: {}, ttlMs: 0 };
    await queue.call("enqueue_jobs", [other]);

    const ended = await queue.store.expireJobs(10);
    await queue.raiseNoMore();
    await queue.database.advance(10_000);
    const later = await queue.store.expireJobs(10);

    expect(ended.map(({ type }) => type)).toEqual(["letter"]);
    expect(later.map(({ publicId }) => publicId)).toEqual([troubled]);
  });

  test("ends a job that waits at a gate, and one that was replaced there", async () => {
    await using queue = await setupHooked();
    await queue.query(`select :"schema".set_limit('type', 'essay', 1)`);
    const uniqueKey = "learner 7";
    const ids = [await queue.enqueue({ ttlMs: minuteMs }), await queue.enqueue({ uniqueKey })];
    await queue.enqueue({ uniqueKey, onConflict: "replace", ttlMs: minuteMs });
    await queue.database.advance(minuteMs + 5_000);

    const ended = await queue.store.expireJobs(10);

    expect(ended.map(({ publicId }) => publicId)).toEqual(ids);
    expect(await queue.calls()).toMatchObject([{ phase: "draft" }, { phase: "draft" }]);
    expect(await queue.claim()).toEqual([]);
  });

  test("takes no more than it is asked for, the oldest bound first", async () => {
    await using queue = await setup();
    await queue.enqueue({ ttlMs: 30_000 });
    const id = await queue.enqueue({ ttlMs: 1 });
    await queue.database.advance(minuteMs);

    const ended = await queue.store.expireJobs(1);

    expect(ended.map(({ publicId }) => publicId)).toEqual([id]);
  });

  test("passes over a job that somebody completes at this moment", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ deadlineMs: minuteMs });
    const { jobId, token } = await queue.claimOne();
    await queue.database.advance(minuteMs);
    await using session = await queue.begin();
    await session.call("complete_job", jobId, token, null, null);

    const during = await queue.store.expireJobs(10);
    await session.commit();
    const after = await queue.store.expireJobs(10);

    expect([...during, ...after]).toEqual([]);
    expect(await stateOf(queue, id)).toMatchObject({ state: "completed" });
    expect(await countBounds(queue)).toBe(0);
  });

  test("passes over a job that somebody replaces at this moment", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ ttlMs: minuteMs, uniqueKey: "learner 7" });
    await queue.database.advance(minuteMs);
    await using session = await queue.begin();
    const job = { type: "essay", version: 1, phase: "draft", payload: {}, uniqueKey: "learner 7" };
    await session.call("enqueue_jobs", [{ ...job, onConflict: "replace" }]);

    const during = await queue.store.expireJobs(10);
    await session.commit();

    expect(during).toEqual([]);
    expect(await queue.store.expireJobs(10)).toEqual([]);
    expect(await stateOf(queue, id)).toMatchObject({ state: "queued" });
  });

  test("leaves a job alone that was replaced while another one's hook was waited for", async () => {
    await using queue = await setupHooked();
    const first = await queue.enqueue({ ttlMs: 1_000 });
    const uniqueKey = "learner 7";
    const second = await queue.enqueue({ ttlMs: minuteMs, uniqueKey });
    await queue.database.advance(minuteMs);
    await using session = await queue.begin();
    await session.query('lock table :"schema".hook_call');
    await using rival = await queue.begin();
    const answer = rival.call("expire_jobs", 10);
    await rival.blocked();

    await queue.enqueue({ ttlMs: minuteMs, uniqueKey, onConflict: "replace" });
    await session.rollback();
    const ended = await answer;
    await rival.commit();

    expect(ended.map((row) => row["job_id"])).toEqual([first]);
    expect(await stateOf(queue, second)).toMatchObject({ state: "queued" });
  });

  test("expire, then complete: the completion is lost", async () => {
    await using queue = await setup();
    await queue.enqueue({ deadlineMs: minuteMs });
    const { jobId, token } = await queue.claimOne();
    await queue.database.advance(minuteMs);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("expire_jobs", 10);

    const [answer] = await rivals.overtaken((rival) =>
      rival.call("complete_job", jobId, token, null, null),
    );

    expect(answer?.["outcome"]).toBe("lost");
  });

  test("expire, then expire: it ends once", async () => {
    await using queue = await setupHooked();
    await queue.enqueue({ ttlMs: minuteMs });
    await queue.database.advance(minuteMs);
    await using session = await queue.begin();
    const first = await session.call("expire_jobs", 10);

    const second = await queue.store.expireJobs(10);
    await session.commit();

    expect(first).toHaveLength(1);
    expect(second).toEqual([]);
    expect(await queue.calls()).toHaveLength(1);
    expect(await countBounds(queue)).toBe(0);
  });
});
