import { describe, expect, test } from "bun:test";

import { type HookedQueue, setupHookedQueue } from "../support/hooked-queue.ts";
import { type NewJob, type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Dead letters, and new starts for many of them at once.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());
const setupHooked = async (): Promise<HookedQueue> => setupHookedQueue(await server());

const nothing = { matched: 0, requeued: 0, conflicted: 0, refused: 0 };

/** A job that failed with a code. */
async function fail(queue: Queue, code: string, job: NewJob = {}): Promise<string> {
  const id = await queue.enqueue(job);
  const lease = (await queue.claim()).find(({ publicId }) => publicId === id);
  if (lease === undefined) throw new Error("The job was not claimed.");
  await queue.store.failJob(lease, { code, message: "It failed." });
  return id;
}

/** A job that is dead, since its time was over, after so many outages. */
async function expire(queue: Queue, outages: number): Promise<string> {
  const id = await queue.enqueue({ deadlineMs: 600_000 });
  const down = { code: "backend_unreachable", message: "Nobody answers." };
  for (let count = 0; count < outages; count += 1) {
    await queue.store.releaseJob(await queue.claimOne(), "outage", down);
    await queue.database.advance(60_000);
  }
  await queue.database.advance(600_000);
  await queue.store.expireJobs(10);
  return id;
}

async function countQueued(queue: Queue): Promise<unknown> {
  const [row] = await queue.query('select count(*)::int as ct from :"schema".ready');
  return row?.["ct"];
}

describe("dead letters", () => {
  test("are what ended badly, by where and why, the most first", async () => {
    await using queue = await setup();
    const first = await fail(queue, "input_corrupt");
    const second = await fail(queue, "input_corrupt");
    await fail(queue, "output_invalid");
    await queue.client.cancel(await queue.enqueue());

    const letters = await queue.client.getDeadLetters();

    const job = { queue: "default", type: "essay", phase: "draft", state: "failed" };
    expect(letters).toMatchObject([
      { ...job, code: "input_corrupt", count: 2, sampleId: second },
      { ...job, code: "output_invalid", count: 1 },
    ]);
    const [letter] = letters;
    expect(letter?.firstAt).toEqual((await queue.client.getJob(first))?.finishedAt);
    expect(letter?.lastAt).toEqual((await queue.client.getJob(second))?.finishedAt);
  });
});

describe("requeueAll", () => {
  test("gives what fits the filter a new start, and leaves the rest", async () => {
    await using queue = await setup();
    const ids = [await fail(queue, "backend_odd"), await fail(queue, "backend_odd")];
    const other = await fail(queue, "input_corrupt");

    const report = await queue.client.requeueAll({ code: "backend_odd" });

    expect(report).toEqual({ ...nothing, matched: 2, requeued: 2 });
    const claimed = await queue.claim();
    expect(claimed.map(({ publicId }) => publicId).toSorted()).toEqual(ids.toSorted());
    expect(await queue.client.getJob(other)).toMatchObject({ state: "failed" });
  });

  test.each([
    ["queue", { queue: "default" }, { queue: "other" }],
    ["type", { type: "essay" }, { type: "letter" }],
    ["tenant", { tenant: "acme" }, { tenant: "other" }],
    ["phase", { phase: "draft" }, { phase: "grade" }],
    ["state", { state: "failed" }, { state: "dead" }],
    ["since", { since: new Date(0) }, { since: new Date("2100-01-01") }],
    ["until", { until: new Date("2100-01-01") }, { until: new Date(0) }],
    ["outage", { outage: true }, { outage: true, code: "input_corrupt" }],
  ] as const)("filters by %s", async (_, fits, doesNotFit) => {
    await using queue = await setup();
    await fail(queue, "backend_failed", { tenant: "acme" });

    const missed = await queue.client.requeueAll(doesNotFit);
    const hit = await queue.client.requeueAll(fits);

    expect([missed.matched, hit.requeued]).toEqual([0, 1]);
  });

  test("leaves cancelled jobs alone unless they are asked for", async () => {
    await using queue = await setup();
    await queue.client.cancel(await queue.enqueue());

    const all = await queue.client.requeueAll({});
    const cancelled = await queue.client.requeueAll({ state: "cancelled" });

    expect([all.matched, cancelled.requeued]).toEqual([0, 1]);
  });

  test("only counts when it is told to", async () => {
    await using queue = await setup();
    for (let count = 0; count < 3; count += 1) await fail(queue, "backend_odd");

    const report = await queue.client.requeueAll({}, { dryRun: true });

    expect(report).toEqual({ ...nothing, matched: 3 });
    expect(await countQueued(queue)).toBe(0);
  });

  test("goes on batch by batch, and each job is looked at once", async () => {
    await using queue = await setup();
    const jobs = Array.from({ length: 250 }, (_, index) => ({
      type: "essay",
      version: 1,
      phase: "draft",
      payload: {},
      // Some cannot be requeued, the last of a batch among them, and must not be looked at over and over.
      ...(index % 4 === 0 ? { uniqueKey: `key ${index}` } : {}),
    }));
    await queue.call("enqueue_jobs", jobs);
    for (const state of ["failed", "dead"]) {
      await queue.query(
        `with gone as (delete from :"schema".ready where job_id % 2 = $1::text::int returning job_id),
           freed as (delete from :"schema".unique_key as u using gone as g where u.job_id = g.job_id)
         insert into :"schema".stopped (job_id, state, phase, finished_at)
         select job_id, $2, 'draft', t.now from gone cross join (select :"schema".clock() as now) as t`,
        state === "dead" ? "0" : "1",
        state,
      );
    }
    await queue.call("enqueue_jobs", jobs);
    await queue.query('delete from :"schema".ready');

    const soFar: number[] = [];
    const report = await queue.client.requeueAll(
      {},
      { onBatch: ({ matched }) => soFar.push(matched) },
    );

    expect(soFar).toEqual([100, 200, 250]);
    expect(report).toEqual({ matched: 250, requeued: 187, conflicted: 63, refused: 0 });
    expect(await countQueued(queue)).toBe(187);
  });

  test("takes no more than its limit, the oldest end first", async () => {
    await using queue = await setup();
    const ids = [await fail(queue, "a"), await fail(queue, "a"), await fail(queue, "a")];

    const report = await queue.client.requeueAll({}, { limit: 2 });

    expect(report).toMatchObject({ matched: 2, requeued: 2 });
    const claimed = await queue.claim();
    expect(claimed.map(({ publicId }) => publicId).toSorted()).toEqual(ids.slice(0, 2).toSorted());
  });

  test("spreads them over time", async () => {
    await using queue = await setup();
    await queue.query("select setseed(0.5)");
    for (let count = 0; count < 8; count += 1) await fail(queue, "a");

    await queue.client.requeueAll({}, { spreadMs: 3_600_000 });

    const [row] = await queue.query(
      `select bool_and(due_at > :"schema".clock() - interval '1 minute'
         and due_at < :"schema".clock() + interval '61 minutes') as is_within,
         count(distinct due_at)::int as times from :"schema".ready`,
    );
    expect(row).toEqual({ is_within: true, times: 8 });
  });

  test("goes on past a hook that refuses, and counts it", async () => {
    await using queue = await setupHooked();
    const refused = await fail(queue, "a");
    await queue.query(`create or replace function :"schema".on_essay(
        p_job_id uuid, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
      ) returns void language plpgsql as $$ begin
        if p_to = 'queued' and p_job_id = '${refused}' then raise exception 'No.'; end if;
      end $$`);
    const other = await fail(queue, "a");

    const report = await queue.client.requeueAll({});

    expect(report).toEqual({ ...nothing, matched: 2, requeued: 1, refused: 1 });
    expect(await queue.client.getJob(refused)).toMatchObject({ state: "failed" });
    expect(await queue.client.getJob(other)).toMatchObject({ state: "queued" });
  });

  test("tries again later when the hook meets trouble of the server", async () => {
    await using queue = await setupHooked();
    await fail(queue, "a");
    await queue.raiseOn("queued", "55P03");

    const error = await queue.client.requeueAll({}).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: "database_unavailable", retryable: true });
    expect(await countQueued(queue)).toBe(0);
  });

  test.each([
    ["an unknown field", { typ: "essay" }],
    ["a state that is none", { state: "queued" }],
    ["a date that is none", { since: "some day" }],
  ])("refuses %s, which would mean all jobs", async (_, filter) => {
    await using queue = await setup();
    await fail(queue, "a");

    const error = await queue.client
      .requeueAll(filter as object)
      .catch((thrown: unknown) => thrown);
    const refusal = await queue.call("requeue_jobs", filter).then(() => "none", String);

    expect(error).toMatchObject({ code: "input_invalid" });
    expect(refusal).toMatch(/requeue_jobs|timestamp/);
    expect(await countQueued(queue)).toBe(0);
  });

  test("twice at once: each job is requeued by one of them", async () => {
    await using queue = await setup();
    for (let count = 0; count < 3; count += 1) await fail(queue, "a");
    await using session = await queue.begin();
    const [first] = await session.call("requeue_jobs", {}, 2);

    const [second] = await queue.call("requeue_jobs", {});
    await session.commit();

    expect([first?.["requeued"], second?.["requeued"]]).toEqual([2, 1]);
    expect(await queue.claim()).toHaveLength(3);
  });

  test("waits for an enqueue with the same unique key, and leaves its job", async () => {
    await using queue = await setup();
    const id = await fail(queue, "a", { uniqueKey: "learner 7" });
    await using rivals = await rivalsIn(queue);
    const job = { type: "essay", version: 1, phase: "draft", payload: {}, uniqueKey: "learner 7" };
    await rivals.first.call("enqueue_jobs", [job]);

    const [answer] = await rivals.overtaken((rival) => rival.call("requeue_jobs", {}));

    expect(answer).toMatchObject({ matched: 1, requeued: 0, conflicted: 1 });
    expect(await queue.client.getJob(id)).toMatchObject({ state: "failed" });
  });
});

describe("victims of an outage", () => {
  test.each([
    ["a code of the backend's", (queue: Queue) => fail(queue, "backend_timeout"), 1],
    ["a code of Postgres", (queue: Queue) => fail(queue, "database_unavailable"), 1],
    ["its time over after an outage", (queue: Queue) => expire(queue, 2), 1],
    ["its time over for other reasons", (queue: Queue) => expire(queue, 0), 0],
    ["a code of its own", (queue: Queue) => fail(queue, "output_invalid"), 0],
  ])("with %s", async (_, end, requeued) => {
    await using queue = await setup();
    const id = await end(queue);

    const [answer] = await queue.query(
      `select * from :"schema".requeue_outage_victims('essay', '-infinity', p_spread_ms => 0)`,
    );

    expect(answer).toMatchObject({ requeued });
    expect(await queue.claim()).toHaveLength(requeued);
    expect(await queue.client.getJob(id)).toMatchObject({
      state: requeued === 1 ? "leased" : expect.stringMatching(/failed|dead/),
    });
  });

  test("of another type, or from before, stay", async () => {
    await using queue = await setup();
    await fail(queue, "backend_failed");
    const [row] = await queue.query('select :"schema".clock()::text as now');

    const other = await queue.query(
      `select * from :"schema".requeue_outage_victims('letter', '-infinity')`,
    );
    const before = await queue.query(
      'select * from :"schema".requeue_outage_victims(null, $1::text::timestamptz)',
      String(row?.["now"]),
    );

    expect([other, before]).toMatchObject([[{ matched: 0 }], [{ matched: 0 }]]);
  });
});
