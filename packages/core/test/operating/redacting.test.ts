import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const reason = { code: "output_invalid", message: "A canary said so." };
const result = { output: { text: "canary output" }, provenance: { by: "canary model" } };

/** Adds a job that is full of canaries, and brings it to where it is told of. */
async function plant(queue: Queue, bring?: (job: ClaimedJob) => Promise<unknown>): Promise<string> {
  const [row] = await queue.call("enqueue_jobs", [
    {
      type: "essay",
      version: 1,
      phase: "draft",
      subject: "canary-ada",
      tenant: "canary school",
      uniqueKey: `canary unique ${crypto.randomUUID()}`,
      idempotencyKey: `canary once ${crypto.randomUUID()}`,
      payload: { text: "canary text" },
      skipped: { before: { output: "canary skipped", provenance: {} } },
    },
  ]);
  if (bring !== undefined) await bring(await queue.claimOne({ phases: ["draft"] }));
  return String(row?.["id"]);
}

/** Every table of the schema in which a word is found, whatever the column. */
async function findWord(queue: Queue, word: string): Promise<readonly string[]> {
  const tables = await queue.query(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'm', 'p')`,
    `"${queue.schema}"`,
  );
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await queue.query(
        `select from :"schema"."${String(name)}" as t where t::text ilike $1`,
        `%${word}%`,
      );
      return rows.length > 0 ? [String(name)] : [];
    }),
  );
  return found.flat().toSorted();
}

/** A job in every state, each with all that can be said of it. */
async function plantEverywhere(queue: Queue): Promise<readonly string[]> {
  const { store, client } = queue;
  const retried = await plant(queue, (job) => store.retryJob(job, reason));
  const waitedFor = await plant(queue, (job) => store.releaseJob(job, "outage", reason));
  const failed = await plant(queue, (job) => store.failJob(job, reason));
  const completed = await plant(queue, async (job) => {
    await store.savePart(job, 1, result);
    await store.completeJob(job, result);
  });
  const cancelled = await plant(queue, (job) => client.cancel(job.publicId));
  const yielded = await plant(queue, (job) =>
    store.checkpointJob(job, { phase: "draft", nextPhase: "later", yields: true }, result),
  );
  const leased = await plant(queue, (job) => store.savePart(job, 1, result));
  const waiting = await plant(queue, (job) =>
    queue.call("wait_job", job.jobId, job.token, "draft", "signal", "go", null, false),
  );
  const signalled = await plant(queue, (job) =>
    queue.call("signal_job", job.publicId, "go", { text: "canary signal" }),
  );
  const queued = await plant(queue);
  await queue.query(`select :"schema".register_type('essay', p_retries_max => 0::smallint)`);
  await client.cancel(queued);
  const dead = await plant(queue, (job) => store.retryJob(job, reason));
  return [
    retried,
    waitedFor,
    failed,
    completed,
    cancelled,
    yielded,
    leased,
    waiting,
    signalled,
    queued,
    dead,
  ];
}

describe("redact_subject", () => {
  test("leaves no word of the subject's in any table, wherever its jobs are", async () => {
    await using queue = await setup();
    const ids = await plantEverywhere(queue);
    const waiting = await plant(queue);
    const before = await findWord(queue, "canary");

    const answer = await queue.client.redactSubject("canary-ada");

    expect(before).toEqual(
      expect.arrayContaining([
        "attempt",
        "job",
        "job_counter",
        "result",
        "signal",
        "stopped",
        "unique_key",
      ]),
    );
    expect(answer).toMatchObject({ jobs: ids.length + 1, cancelled: 7 });
    expect(answer.results).toBeGreaterThan(ids.length);
    expect(await findWord(queue, "canary")).toEqual([]);
    expect(await queue.client.getJob(waiting)).toMatchObject({
      state: "cancelled",
      code: "redacted",
    });
  });

  test("keeps what happened to its jobs", async () => {
    await using queue = await setup();
    const id = await plant(queue, (job) => queue.store.failJob(job, reason));

    await queue.client.redactSubject("canary-ada");

    expect(await queue.client.getJob(id)).toMatchObject({
      type: "essay",
      state: "failed",
      code: "output_invalid",
      message: undefined,
      attempts: [{ phase: "draft", outcome: "failed", code: "output_invalid" }],
    });
  });

  test("touches nobody else", async () => {
    await using queue = await setup();
    const job = { type: "essay", version: 1, phase: "draft", payload: { text: "Hi" } };
    const [other] = await queue.call("enqueue_jobs", [{ ...job, subject: "ben" }]);
    const [nobody] = await queue.call("enqueue_jobs", [job]);
    await plant(queue);

    await queue.client.redactSubject("canary-ada");

    const left = await queue.claim();
    expect(left.map(({ publicId, payload }) => [publicId, payload])).toEqual([
      [String(other?.["id"]), { text: "Hi" }],
      [String(nobody?.["id"]), { text: "Hi" }],
    ]);
  });

  test("finds nothing the second time, and nothing of a subject that nobody knows", async () => {
    await using queue = await setup();
    await plant(queue);
    await queue.client.redactSubject("canary-ada");

    const again = await queue.client.redactSubject("canary-ada");
    const unknown = await queue.client.redactSubject("nobody");

    expect([again, unknown]).toEqual([
      { jobs: 0, cancelled: 0, results: 0 },
      { jobs: 0, cancelled: 0, results: 0 },
    ]);
  });

  test("tells the hooks of live jobs that they are cancelled, and is undone when one raises", async () => {
    await using queue = await setup();
    await plant(queue);
    await queue.query(`create function :"schema".refuse(uuid, text, text, text, text, text, jsonb) returns void
      language plpgsql as $$ begin raise exception 'no'; end $$`);
    await queue.query(
      `select :"schema".register_type('essay', '"${queue.schema}".refuse(uuid, text, text, text, text, text, jsonb)')`,
    );

    const refused = queue.client.redactSubject("canary-ada").catch((error: unknown) => error);

    expect(await refused).toMatchObject({ code: "statement_failed" });
    expect(await findWord(queue, "canary")).toContain("job");
  });
});

describe("rivals", () => {
  test("a part that is being saved is waited for, and erased", async () => {
    await using queue = await setup();
    const job = await plantLeased(queue);
    await using rivalry = await rivalsIn(queue);
    await rivalry.first.call("save_part", job.jobId, job.token, 2, result.output, {});

    const answer = await rivalry.overtaken((rival) => rival.call("redact_subject", "canary-ada"));

    expect(answer).toMatchObject([{ jobs: 1, cancelled: 1 }]);
    expect(await findWord(queue, "canary")).toEqual([]);
  });

  test("a result that is being written down is waited for, and erased", async () => {
    await using queue = await setup();
    const job = await plantLeased(queue);
    await using rivalry = await rivalsIn(queue);
    await rivalry.first.call("complete_job", job.jobId, job.token, result.output, {});

    const answer = await rivalry.overtaken((rival) => rival.call("redact_subject", "canary-ada"));

    expect(answer).toMatchObject([{ jobs: 1, cancelled: 0 }]);
    expect(await findWord(queue, "canary")).toEqual([]);
  });

  test("a worker that comes later than the redaction writes nothing", async () => {
    await using queue = await setup();
    const job = await plantLeased(queue);
    await using rivalry = await rivalsIn(queue);
    await rivalry.first.call("redact_subject", "canary-ada");

    const answer = await rivalry.overtaken((rival) =>
      rival.call("complete_job", job.jobId, job.token, result.output, {}),
    );

    expect(answer).toMatchObject([{ outcome: "lost" }]);
    expect(await findWord(queue, "canary")).toEqual([]);
  });

  test("of two who erase the same subject, both hear of an end", async () => {
    await using queue = await setup();
    await plantLeased(queue);
    await using rivalry = await rivalsIn(queue);
    const one = await rivalry.first.call("redact_subject", "canary-ada");

    const other = await rivalry.overtaken((rival) => rival.call("redact_subject", "canary-ada"));

    expect(one).toMatchObject([{ jobs: 1, cancelled: 1 }]);
    expect(other).toMatchObject([{ cancelled: 0, results: 0 }]);
    expect(await findWord(queue, "canary")).toEqual([]);
  });
});

async function plantLeased(queue: Queue): Promise<ClaimedJob> {
  await plant(queue);
  return await queue.claimOne();
}
