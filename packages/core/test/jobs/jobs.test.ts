import { describe, expect, test } from "bun:test";

import newId from "../../sql/jobs/new_id.sql" with { type: "text" };
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const reason = { code: "input_corrupt", message: "It cannot be read." };
const nobody = "00000000-0000-4000-8000-000000000000";

test("jobs that are enqueued by the dozen are written as each by itself", async () => {
  await using queue = await setup();
  const jobs = Array.from({ length: 12 }, (_, index) => ({
    phase: index % 3 === 0 ? "grade" : "draft",
    payload: index === 0 ? null : { index },
    ...(index % 2 === 0
      ? { priority: index === 4 ? "bulk" : index % 10, tenant: "t" }
      : { delayMs: 60_000, subject: "s" }),
    ...(index % 4 === 0 ? { ttlMs: 1_000 } : {}),
    ...(index % 5 === 0 ? { deadlineMs: 2_000, runAt: "2100-01-01T00:00:00Z" } : {}),
    ...(index % 3 === 0
      ? { skipped: { draft: { output: index, provenance: { by: "test" } } } }
      : {}),
  }));
  const shared = { type: "essay", version: 1, queue: "default", priority: 3 };
  const rows = `select r.lane_id, r.priority, r.attempt, r.due_at > :"schema".clock() as waits,
      j.queue, j.type, j.version, j.tenant, j.subject, j.unique_key, j.payload,
      (select jsonb_agg(to_jsonb(o) - 'job_id' - 'saved_at') from :"schema".result as o where o.job_id = j.id) as results,
      round(extract(epoch from e.start_by - r.due_at)) as ttl, round(extract(epoch from e.end_by - r.due_at)) as deadline,
      e.look_at = least(e.start_by, e.end_by) as is_looked_at
    from :"schema".job as j join :"schema".ready as r on r.job_id = j.id
    left join :"schema".expiry as e on e.job_id = j.id order by j.id`;

  for (const job of jobs) await queue.call("enqueue_jobs", [job], shared);
  const one = await queue.query(rows);
  const answers = await queue.call("enqueue_jobs", jobs, shared);
  const all = await queue.query(rows);

  expect(one).toHaveLength(12);
  expect(all.slice(12)).toEqual([...one]);
  const written = await queue.query('select public_id from :"schema".job order by id offset 12');
  expect(answers.map(({ id }) => id)).toEqual(written.map(({ public_id: id }) => id));
});

test.each([
  ["this server", "do $do$ begin end $do$"],
  ["an older one", newId],
])("ids tell when they were made, as uuids of version 7, on %s", async (_, definition) => {
  await using queue = await setup();
  await queue.query(definition);

  const from = Date.now();
  const id = await queue.enqueue({});
  const until = Date.now();

  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const madeAt = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  expect(madeAt).toBeWithin(from - 60_000, until + 60_000);
});

describe("enqueue_jobs", () => {
  test("adds a job that is due, under the id the caller chose", async () => {
    await using queue = await setup();
    const id = crypto.randomUUID();

    const answer = await queue.enqueue({ id, payload: { text: "Hi" } });

    expect(answer).toBe(id);
    const job = await queue.claimOne();
    expect(job).toMatchObject({ publicId: id, attempt: 1, solo: false, payload: { text: "Hi" } });
  });

  test("answers one row per job in the given order, and leaves known ones as they are", async () => {
    await using queue = await setup();
    const first = await queue.enqueue({ idempotencyKey: "first" });
    const job = { type: "essay", version: 1, phase: "draft", payload: {} };
    const jobs = [{ ...job, idempotencyKey: "other" }, { ...job, idempotencyKey: "first" }, job];

    const rows = await queue.call("enqueue_jobs", jobs);

    expect(rows.map((row) => [row["ordinal"], row["outcome"]])).toEqual([
      [1, "created"],
      [2, "existing"],
      [3, "created"],
    ]);
    expect(rows[1]?.["id"]).toBe(first);
    expect(await queue.claim()).toHaveLength(3);
  });

  test.each([
    ["urgent", 1],
    ["high", 3],
    ["normal", 5],
    ["low", 7],
    ["bulk", 9],
    ["4", 4],
  ])("takes the priority %s as %d", async (priority, number) => {
    await using queue = await setup();

    await queue.enqueue({ priority });

    expect(await queue.query('select priority from :"schema".ready')).toEqual([
      { priority: number },
    ]);
  });

  test("adds nothing for a request it has seen, also after that job completed", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ idempotencyKey: "request 1" });
    await queue.store.completeJob(await queue.claimOne(), { output: 1, provenance: {} });

    const again = await queue.enqueue({ idempotencyKey: "request 1" });

    expect(again).toBe(id);
    expect(await queue.claim()).toEqual([]);
  });

  test("adds nothing for an id it has seen", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const again = await queue.enqueue({ id, payload: { text: "other" } });

    expect(again).toBe(id);
    expect(await queue.claimOne()).toMatchObject({ payload: {} });
  });

  test("keeps one live job per queue and unique key", async () => {
    await using queue = await setup();
    const first = await queue.enqueue({ uniqueKey: "learner 7" });

    const same = await queue.enqueue({ uniqueKey: "learner 7" });
    const elsewhere = await queue.enqueue({ uniqueKey: "learner 7", queue: "other" });

    expect(same).toBe(first);
    expect(elsewhere).not.toBe(first);
  });

  test.each([
    ["completed", (queue: Queue) => finish(queue)],
    ["failed", async (queue: Queue) => queue.store.failJob(await queue.claimOne(), reason)],
    ["cancelled", (queue: Queue, id: string) => queue.client.cancel(id)],
  ])("takes a unique key again after its job is %s", async (state, end) => {
    await using queue = await setup();
    const first = await queue.enqueue({ uniqueKey: "learner 7" });
    await end(queue, first);

    const second = await queue.enqueue({ uniqueKey: "learner 7" });

    expect(second).not.toBe(first);
    expect((await queue.client.getJob(first))?.state).toBe(state as "completed");
  });

  test("stores what stands in for phases that the job does not need", async () => {
    await using queue = await setup();
    const skipped = { draft: { output: { text: "typed" }, provenance: { adapter: "none" } } };

    const id = await queue.enqueue({ phase: "grade", skipped });

    expect(await queue.client.getResults(id)).toEqual([
      { phase: "draft", output: { text: "typed" }, provenance: { adapter: "none" } },
    ]);
  });

  test.each([
    ["a payload above the hard limit", { payload: { text: randomText(1_100_000) } }],
    ["a priority above 9", { priority: 10 }],
    ["a key of more than 256 characters", { uniqueKey: "k".repeat(257) }],
    ["a type that is no name", { type: "Not a name" }],
    ["a phase that is no name", { phase: "" }],
    ["no payload at all", { payload: undefined }],
  ])("refuses %s and leaves nothing behind", async (_, job) => {
    await using queue = await setup();

    const refused = await queue.enqueue(job).then(String, (error: unknown) => error);

    expect(refused).toBeInstanceOf(Error);
    expect(await queue.query('select * from :"schema".job')).toEqual([]);
  });
});

describe("cancel_job", () => {
  test("ends a job that waits", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const answer = await queue.client.cancel(id);

    expect(answer).toBe("ok");
    expect(await queue.claim()).toEqual([]);
    expect(await queue.client.getJob(id)).toMatchObject({
      state: "cancelled",
      phase: "draft",
      attempt: 0,
      code: "cancelled",
      attempts: [],
    });
  });

  test("ends a job that runs, and takes its lease away", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    const answer = await queue.client.cancel(id);

    expect(answer).toBe("ok");
    expect(await queue.store.renewLeases([lease])).toEqual(new Map([[lease.jobId, "cancelled"]]));
    const attempts = [{ phase: "draft", attempt: 1, outcome: "cancelled" }];
    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled", attempts });
  });

  test("leaves a job that has ended as it is", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await finish(queue);

    expect(await queue.client.cancel(id)).toBe("settled");
    expect(await queue.client.cancel(nobody)).toBe("not_found");
  });
});

describe("requeue_job", () => {
  test("gives a job a new start at the phase where it ended, with its results and new counters", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const draft = await queue.claimOne();
    const page = { output: "page 1", provenance: {} };
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await queue.store.checkpointJob(draft, step, { output: "text", provenance: {} });
    await queue.store.savePart(draft, 1, page);
    await queue.store.retryJob(draft, reason);
    await queue.database.advance(60_000);
    await queue.store.failJob(await queue.claimOne(), reason);

    const answer = await queue.client.requeue(id);

    expect(answer).toBe("ok");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", failures: 0 });
    const again = await queue.claimOne({ phases: ["grade"] });
    expect(again.attempt).toBe(3);
    expect(await queue.store.loadResults(again)).toEqual({
      results: { draft: "text" },
      parts: { grade: [{ part: 1, output: "page 1" }] },
    });
  });

  test("gives a job that was cancelled before its first start a first attempt", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.client.cancel(id);

    await queue.client.requeue(id);

    expect((await queue.claimOne()).attempt).toBe(1);
  });

  test("refuses a job that waits, runs or completed", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const waiting = await queue.client.requeue(id);
    const lease = await queue.claimOne();
    const running = await queue.client.requeue(id);
    await queue.store.completeJob(lease, { output: 1, provenance: {} });
    const completed = await queue.client.requeue(id);

    expect([waiting, running, completed]).toEqual(["not_settled", "not_settled", "not_settled"]);
    expect(await queue.client.requeue(nobody)).toBe("not_found");
  });

  test("refuses a job whose unique key a newer job has, and changes nothing", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey: "learner 7" });
    await queue.client.cancel(id);
    const newer = await queue.enqueue({ uniqueKey: "learner 7" });

    const answer = await queue.client.requeue(id);

    expect(answer).toBe("conflict");
    expect((await queue.client.getJob(id))?.state).toBe("cancelled");
    await queue.client.cancel(newer);
    expect(await queue.client.requeue(id)).toBe("ok");
  });
});

describe("queue_health", () => {
  test("ages due jobs only, and counts jobs that were retried often", async () => {
    await using queue = await setup();
    await queue.enqueue({ delayMs: 60_000 });
    await queue.enqueue();
    await queue.database.advance(30_000);
    await queue.enqueue({ priority: 0 });
    const lease = await queue.claimOne({ limit: 1 });
    await queue.query(
      `insert into :"schema".job_counter (job_id, phase, failures, last_at) values ($1, 'draft', 4, now())`,
      lease.jobId,
    );

    const rows = await queue.query('select * from :"schema".queue_health order by state');

    expect(rows).toMatchObject([
      { type: "essay", state: "delayed", ct: 1, p95_age_sec: null, oldest_age_sec: null },
      { type: "essay", state: "due", ct: 1, high_retry_ct: 0 },
      { type: "essay", state: "leased", ct: 1, high_retry_ct: 1, p95_age_sec: null },
    ]);
    expect(Math.round(Number(rows[1]?.["p95_age_sec"]))).toBe(30);
  });
});

describe("register_type", () => {
  test("changes what it is given and keeps the rest", async () => {
    await using queue = await setup();
    const set = 'select from :"schema".register_type';

    await queue.query(`${set}('essay', p_retries_max => 5::smallint)`);
    await queue.query(`${set}('essay', p_backoff_base_ms => 100)`);

    const [type] = await queue.query('select * from :"schema".job_type');
    expect(type).toMatchObject({ retries_max: 5, losses_max: 3, backoff_base_ms: 100 });
  });
});

async function finish(queue: Queue): Promise<void> {
  await queue.store.completeJob(await queue.claimOne(), { output: 1, provenance: {} });
}

/** Text that does not compress: the limit is on what is stored. */
function randomText(length: number): string {
  let text = "";
  while (text.length < length) text += crypto.randomUUID();
  return text;
}
