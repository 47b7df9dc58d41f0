import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import type { CountedJob } from "../../src/store/looking-routines.ts";
import type { JobFilter, PageOptions } from "../../src/store/looking-store.ts";
import { openExplainer } from "../support/explainer.ts";
import { type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();

const content = "A canary, which no list may show.";
const result = { output: { text: content }, provenance: { adapter: "stub@1", model: "tiny" } };
const outage = { code: "backend_unreachable", message: content };
const broken = { code: "output_invalid", message: content };

interface Subject extends LimitedQueue {
  list(filter?: JobFilter, page?: PageOptions): Promise<readonly CountedJob[]>;
  /** Adds a job and brings it somewhere. */
  stage(bring?: (job: ClaimedJob) => Promise<unknown>, worker?: string): Promise<string>;
}

async function setup(): Promise<Subject> {
  const queue = await setupLimitedQueue(await server());
  return {
    ...queue,
    list: async (filter, page) => (await queue.client.listJobs(filter, page)).jobs,
    async stage(bring, worker = "worker") {
      const payload = { text: content };
      // Before all that wait already, so that it is the one that is claimed.
      const id = await queue.enqueue({ payload, priority: bring === undefined ? 5 : 0 });
      if (bring !== undefined) {
        const [job] = await queue.claim({ limit: 1, worker, leaseMs: 3_600_000 });
        if (job?.publicId !== id) throw new Error("Another job was claimed.");
        await bring(job);
      }
      return id;
    },
  };
}

/** One job in each state, by state. */
async function stageStates(subject: Subject): Promise<Record<string, string>> {
  const { store, client } = subject;
  return {
    completed: await subject.stage((job) => store.completeJob(job, result)),
    failed: await subject.stage((job) => store.failJob(job, broken)),
    cancelled: await subject.stage(async (job) => await client.cancel(job.publicId)),
    waiting: await subject.stage((job) =>
      store.structure.waitJob(job, "draft", {
        reason: "signal",
        name: "approved",
        timeoutMs: undefined,
      }),
    ),
    leased: await subject.stage(async (job) => await store.startJob(job)),
    queued: await subject.stage(),
  };
}

describe("a list of jobs", () => {
  test("shows the newest first, each with its state and without content", async () => {
    await using subject = await setup();
    const ids = await stageStates(subject);

    const jobs = await subject.list();

    expect(jobs.map(({ id, state }) => [state, id])).toEqual(Object.entries(ids).toReversed());
    expect(jobs.at(-1)).toMatchObject({
      type: "essay",
      version: 1,
      queue: "default",
      priority: 0,
      phase: "draft",
      worker: "worker",
      createdAt: expect.any(Date),
      finishedAt: expect.any(Date),
      leasedUntil: undefined,
      waitsFor: undefined,
    });
    expect(jobs[2]?.waitsFor).toEqual({ reason: "signal", name: "approved", until: undefined });
    expect(JSON.stringify(jobs)).not.toContain("canary");
  });

  test("holds jobs of one state", async () => {
    await using subject = await setup();
    const ids = await stageStates(subject);

    const found = Object.keys(ids).map(async (state) => {
      const jobs = await subject.list({ state } as JobFilter);
      return [state, jobs.map(({ id }) => id)];
    });

    expect(await Promise.all(found)).toEqual(
      Object.entries(ids).map(([state, id]) => [state, [id]]),
    );
  });

  test("holds jobs by queue, type, code, tenant, worker, and by all of these", async () => {
    await using subject = await setup();
    const { store } = subject;
    const failed = await subject.stage((job) => store.failJob(job, broken), "ada");
    const released = await subject.stage((job) => store.releaseJob(job, "outage", outage), "bob");
    const poem = await subject.enqueue({
      type: "poem",
      phase: "run",
      queue: "bulk",
      tenant: "acme",
    });
    const idsOf = async (filter: JobFilter): Promise<readonly string[]> =>
      (await subject.list(filter)).map(({ id }) => id);

    expect(await idsOf({ queue: "bulk" })).toEqual([poem]);
    expect(await idsOf({ type: "essay" })).toEqual([released, failed]);
    expect(await idsOf({ tenant: "acme" })).toEqual([poem]);
    expect(await idsOf({ code: "output_invalid" })).toEqual([failed]);
    expect(await idsOf({ code: "backend_unreachable" })).toEqual([released]);
    expect(await idsOf({ worker: "bob" })).toEqual([released]);
    expect(await idsOf({ worker: "ada", state: "failed", code: "output_invalid" })).toEqual([
      failed,
    ]);
    expect(await idsOf({ worker: "ada", type: "poem" })).toEqual([]);
  });

  test.each<[string, JobFilter]>([
    ["of all states", {}],
    ["of those that wait their turn", { state: "queued" }],
    ["of those that failed", { state: "failed" }],
  ])("comes in pages %s, each job once, also while jobs are added", async (_, filter) => {
    await using subject = await setup();
    const { store, client } = subject;
    const fill = async (): Promise<void> => {
      await subject.enqueueAll(Array.from({ length: 7 }, () => ({})));
      if (filter.state === "failed") {
        const jobs = await subject.claim({ limit: 7 });
        await Promise.all(jobs.map((job) => store.failJob(job, broken)));
      }
    };
    await fill();
    const all = (await subject.list(filter)).map(({ id }) => id);

    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await client.listJobs(filter, {
        limit: 3,
        ...(after === undefined ? {} : { after }),
      });
      seen.push(...page.jobs.map(({ id }) => id));
      after = page.next;
      await fill();
    } while (after !== undefined);

    expect(seen).toEqual(all);
  });

  test("shows first what failed last, however old it is", async () => {
    await using subject = await setup();
    const { store } = subject;
    const [older, newer] = [await subject.enqueue(), await subject.enqueue()];
    const [first, second] = await subject.claim();
    await store.failJob(second as ClaimedJob, broken);
    await subject.database.advance(1);
    await store.failJob(first as ClaimedJob, broken);

    const jobs = await subject.list({ state: "failed" });

    expect(jobs.map(({ id }) => id)).toEqual([older, newer]);
  });

  test("refuses a filter, a page or a place that it does not know", async () => {
    await using subject = await setup();
    const refused: readonly (readonly [object, object])[] = [
      [{ subject: "ada" }, {}],
      [{ state: "done" }, {}],
      [{}, { limit: 201 }],
      [{}, { limit: 0 }],
      [{}, { after: "{}" }],
      [{}, { after: '{"jobId":1,"finishedAt":"x"}' }],
    ];

    const answers = await Promise.allSettled(refused.map((each) => subject.list(...each)));

    for (const answer of answers) {
      expect(answer).toMatchObject({ status: "rejected", reason: { code: "input_invalid" } });
    }
  });
});

describe("a long list", () => {
  test("costs what a short one does, and a search ends where it has looked enough", async () => {
    await using subject = await setup();
    await subject.lanes();
    await subject.query(
      `with made as (
         insert into :"schema".job (public_id, queue, type, version, priority, payload, created_at)
         select gen_random_uuid(), 'default', 'essay', 1, 5, '{}', clock_timestamp()
         from generate_series(1, 30000) returning id
       )
       insert into :"schema".stopped (job_id, state, phase, code, finished_at)
       select id, 'dead', 'draft', 'backend_failed', clock_timestamp() - id * interval '1 second' from made`,
    );
    await using explainer = await openExplainer(await server(), subject.schema);

    const page = await explainer.explain(`select * from :"schema".list_jobs('{}', 20)`);
    const dead = await explainer.explain(
      `select * from :"schema".list_jobs('{"state":"dead"}', 20)`,
    );
    const first = await subject.client.listJobs({ state: "dead", tenant: "nobody" });
    const rest = await subject.client.listJobs(
      { state: "dead", tenant: "nobody" },
      { after: String(first.next) },
    );

    const byScan = [...page.paths, ...dead.paths].filter((path) => path.endsWith("Seq Scan"));
    expect(byScan.filter((path) => !path.startsWith("lane "))).toEqual([]);
    expect(page.buffers).toBeLessThan(2_500);
    expect(dead.buffers).toBeLessThan(2_500);
    expect(first).toEqual({ jobs: [], next: expect.any(String) });
    expect(rest).toEqual({ jobs: [], next: undefined });
  });

  test("finds what completed behind a backlog that is newer", async () => {
    await using subject = await setup();
    const id = await subject.stage((job) => subject.store.completeJob(job, result));
    await subject.query(
      `with made as (
         insert into :"schema".job (public_id, queue, type, version, priority, payload, created_at)
         select gen_random_uuid(), 'default', 'essay', 1, 5, '{}', clock_timestamp()
         from generate_series(1, 25000) returning id
       )
       insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
       select m.id, n.id, 5, clock_timestamp(), 0 from made as m
       cross join (select min(id) as id from :"schema".lane) as n`,
    );

    const page = await subject.client.listJobs({ state: "completed" });

    expect(page.jobs.map((job) => job.id)).toEqual([id]);
    expect(page.next).toBeUndefined();
  });
});

describe("the timeline of a job", () => {
  test("tells its phases, attempts, signals and where its results come from, without content", async () => {
    await using subject = await setup();
    const { client, store } = subject;
    const skipped = { plan: { output: content, provenance: { synthetic: true } } };
    const id = await subject.enqueue({
      payload: { text: content },
      skipped,
      deadlineMs: 3_600_000,
    });
    await store.retryJob(await subject.claimOne({ worker: "ada" }), { ...broken, retryAfterMs: 1 });
    await client.signal(id, "approved", { text: content });
    await subject.database.advance(600_000);
    const held = await subject.claimOne({ worker: "bob", leaseMs: 3_600_000 });
    await store.savePart(held, 1, result);
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await store.structure.settlePhase(held, { step, result, followUps: [], effect: undefined });

    const timeline = await client.getTimeline(id);

    expect(timeline).toMatchObject({
      id,
      state: "leased",
      phase: "grade",
      worker: "bob",
      endBy: expect.any(Date),
      startBy: undefined,
      parent: undefined,
      openChildren: 0,
      phases: [
        { phase: "plan", isSkipped: true, provenance: { synthetic: true }, attempts: 0 },
        {
          phase: "draft",
          attempts: 2,
          failures: 1,
          losses: 0,
          outages: 0,
          code: "output_invalid",
          parts: 1,
          savedAt: expect.any(Date),
          isSkipped: false,
          provenance: result.provenance,
        },
        { phase: "grade", attempts: 0, savedAt: undefined, provenance: undefined },
      ],
      attempts: [
        { phase: "draft", attempt: 1, outcome: "retried", code: "output_invalid", worker: "ada" },
        { phase: "draft", attempt: 2, outcome: "completed", code: undefined, worker: "bob" },
        { phase: "grade", attempt: 1, outcome: undefined, worker: "bob", finishedAt: undefined },
      ],
      signals: [{ name: "approved", at: expect.any(Date), isLate: false }],
      children: [],
    });
    expect(JSON.stringify(timeline)).not.toContain("canary");
  });

  test("names the parent of a child and the children of a parent", async () => {
    await using subject = await setup();
    const { client } = subject;
    const parent = await subject.enqueue();
    const whole = { type: "poem", version: 1, phase: "run", payload: {}, parent };
    const [child] = await subject.call("enqueue_jobs", [whole]);
    const [other] = await subject.call("enqueue_jobs", [whole]);
    await client.cancel(String(other?.["id"]));

    const family = await client.getTimeline(parent);

    expect(family).toMatchObject({ openChildren: 1, failedChildren: 1 });
    expect(family?.children).toEqual([
      { id: String(child?.["id"]), type: "poem", state: undefined },
      { id: String(other?.["id"]), type: "poem", state: "cancelled" },
    ]);
    expect((await client.getTimeline(String(child?.["id"])))?.parent).toBe(parent);
  });

  test("is none where there is no such job", async () => {
    await using subject = await setup();

    expect(await subject.client.getTimeline(crypto.randomUUID())).toBeUndefined();
    expect(await subject.client.getTimeline("' or true")).toBeUndefined();
  });
});

describe("the throughput", () => {
  test("counts by the minute what began and how it ended, and jobs once however many phases", async () => {
    await using subject = await setup();
    const { store, client } = subject;
    await subject.stage((job) => store.failJob(job, broken));
    await subject.database.advance(60_000);
    await subject.enqueue({ phase: "draft" });
    const held = await subject.claimOne({ leaseMs: 3_600_000 });
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await store.structure.settlePhase(held, { step, result, followUps: [], effect: undefined });
    const before = await client.getThroughput(3);
    await store.completeJob(held, result);

    const minutes = await client.getThroughput(3);

    expect(before.at(-1)).toMatchObject({ started: 2, completed: 0 });
    expect(minutes.map(({ minute }) => minute.getTime() % 60_000)).toEqual([0, 0, 0]);
    expect(minutes.map((each) => ({ ...each, minute: 0 }))).toEqual([
      { minute: 0, started: 0, completed: 0, failed: 0, dead: 0, cancelled: 0, isWhole: true },
      { minute: 0, started: 1, completed: 0, failed: 1, dead: 0, cancelled: 0, isWhole: true },
      { minute: 0, started: 2, completed: 1, failed: 0, dead: 0, cancelled: 0, isWhole: true },
    ]);
  });

  test("looks at no more than 50,000 attempts, and says so", async () => {
    await using subject = await setup();
    await subject.query(
      `insert into :"schema".attempt (job_id, phase, attempt, token, worker, started_at, finished_at, outcome)
       select id, 'draft', 1, gen_random_uuid(), 'worker', t.now, t.now, 'completed'
       from generate_series(1, 55000) as id cross join (select :"schema".clock() as now) as t`,
    );

    const [now] = await subject.client.getThroughput(1);

    expect(now).toMatchObject({ completed: 50_000, isWhole: false });
  });

  test("refuses what are no minutes, or too many", async () => {
    await using subject = await setup();

    const answers = await Promise.allSettled(
      [0, 1_441, 1.5, Number.NaN].map((minutes) => subject.client.getThroughput(minutes)),
    );

    for (const answer of answers) {
      expect(answer).toMatchObject({ status: "rejected", reason: { code: "input_invalid" } });
    }
  });
});
