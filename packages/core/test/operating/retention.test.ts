import { describe, expect, setDefaultTimeout, test } from "bun:test";

import * as fc from "fast-check";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import type { PruneAnswer, Retention } from "../../src/store/upkeep.ts";
import { readCheckSettings } from "../support/check-settings.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());
setDefaultTimeout(60_000);

const reason = { code: "input_corrupt", message: "It cannot be read." };
const result = { output: "done", provenance: { by: "test" } };
const dayMs = 86_400_000;
const everything = { completedMs: dayMs, failedMs: dayMs, deadMs: dayMs, cancelledMs: dayMs };

type EndState = "completed" | "failed" | "dead" | "cancelled";

/** Brings a job that is due to an end. */
const endings: Readonly<Record<EndState, (queue: Queue, job: ClaimedJob) => Promise<unknown>>> = {
  completed: ({ store }, job) => store.completeJob(job, result),
  failed: ({ store }, job) => store.failJob(job, reason),
  async dead(queue, job) {
    await queue.query(`select :"schema".register_type('essay', p_retries_max => 0::smallint)`);
    await queue.store.retryJob(job, reason);
  },
  cancelled: ({ client }, job) => client.cancel(job.publicId),
};

async function end(queue: Queue, state: EndState): Promise<string> {
  const job = { type: "essay", version: 1, phase: "draft", payload: {} };
  const bounds = { ttlMs: 900 * dayMs, deadlineMs: 900 * dayMs };
  const [row] = await queue.call("enqueue_jobs", [
    { ...job, ...bounds, idempotencyKey: crypto.randomUUID() },
  ]);
  const id = String(row?.["id"]);
  await endings[state](queue, await queue.claimOne());
  return id;
}

/** Rows of any table that belong to a job which is not there. */
async function findOrphans(queue: Queue): Promise<readonly string[]> {
  const tables = await queue.query(
    `select c.relname as name from pg_class as c join pg_attribute as a on a.attrelid = c.oid
     where c.relnamespace = $1::regnamespace and c.relkind = 'r' and c.relname <> 'prune_mark'
       and a.attname = 'job_id' and not a.attisdropped order by 1`,
    `"${queue.schema}"`,
  );
  const names = tables.map(({ name }) => String(name));
  expect(names).toEqual(expect.arrayContaining(["attempt", "result", "ready"]));
  const orphaned = await Promise.all(
    names.map(async (name) => {
      const rows = await queue.query(
        `select from :"schema".${name} as t
         where not exists (select from :"schema".job as j where j.id = t.job_id)`,
      );
      return rows.length > 0 ? [name] : [];
    }),
  );
  return orphaned.flat();
}

/** Asks until there is no more, from the start of a round. */
async function pruneAll(queue: Queue, retention: Retention, limit = 500): Promise<PruneAnswer> {
  await queue.query(`update :"schema".prune_mark set job_id = 0, rests_until = '-infinity'`);
  const { completedMs, failedMs, deadMs, cancelledMs } = retention;
  const keep = [completedMs, failedMs, deadMs, cancelledMs].map((ms) => ms ?? null);
  const sum = { completed: 0, failed: 0, dead: 0, cancelled: 0 };
  for (;;) {
    const [row] = await queue.call("prune_jobs", ...keep, limit);
    for (const state of ["completed", "failed", "dead", "cancelled"] as const) {
      sum[state] += Number(row?.[state]);
    }
    if (row?.["more"] !== true) return { ...sum, more: false };
  }
}

describe("prune_jobs", () => {
  test.each<[EndState, Retention]>([
    ["completed", { completedMs: dayMs }],
    ["failed", { failedMs: dayMs }],
    ["dead", { deadMs: dayMs }],
    ["cancelled", { cancelledMs: dayMs }],
  ])("deletes a job that was %s too long ago, and all that hangs on it", async (state, keep) => {
    await using queue = await setup();
    const id = await end(queue, state);
    await queue.database.advance(dayMs - 60_000);
    const early = await pruneAll(queue, keep);
    await queue.database.advance(60_000);

    const late = await pruneAll(queue, keep);

    expect(early[state]).toBe(0);
    expect(late).toEqual({
      completed: 0,
      failed: 0,
      dead: 0,
      cancelled: 0,
      more: false,
      [state]: 1,
    });
    expect(await queue.client.getJob(id)).toBeUndefined();
    expect(await findOrphans(queue)).toEqual([]);
  });

  test("keeps what it is not told to delete, for ever", async () => {
    await using queue = await setup();
    for (const state of ["failed", "dead", "cancelled"] as const) await end(queue, state);
    await queue.database.advance(1_000 * dayMs);

    const answer = await pruneAll(queue, { completedMs: 0 });

    expect(answer).toMatchObject({ completed: 0, failed: 0, dead: 0, cancelled: 0 });
  });

  test("frees the idempotency key of a job that it deletes", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ idempotencyKey: "once" });
    await endings.completed(queue, await queue.claimOne());
    await queue.database.advance(2 * dayMs);
    const before = await queue.enqueue({ idempotencyKey: "once" });

    await pruneAll(queue, everything);

    expect(before).toBe(id);
    expect(await queue.enqueue({ idempotencyKey: "once" })).not.toBe(id);
  });

  test("takes no more than it may in one call, and goes on from there", async () => {
    await using queue = await setup();
    const ids = [];
    for (let count = 0; count < 5; count += 1) ids.push(await end(queue, "completed"));
    await queue.database.advance(2 * dayMs);

    const calls = [];
    for (let count = 0; count < 4; count += 1) {
      calls.push(...(await queue.call("prune_jobs", dayMs, null, null, null, 2)));
    }

    expect(calls.map(({ completed }) => completed)).toEqual([2, 2, 1, 0]);
    expect(calls.map(({ more }) => more)).toEqual([true, true, true, false]);
    expect(await queue.query('select from :"schema".job')).toEqual([]);
  });

  test("passes jobs that live and comes back to them in a later round", async () => {
    await using queue = await setup();
    const slow = await queue.enqueue();
    await queue.claimOne({ leaseMs: 10 * dayMs });
    const quick = await end(queue, "completed");
    await queue.database.advance(2 * dayMs);
    const first = await pruneAll(queue, everything);
    const [lease] = await queue.query('select job_id::text, token from :"schema".lease');
    const key = { jobId: String(lease?.["job_id"]), token: String(lease?.["token"]) };
    await queue.store.completeJob(key, result);
    await queue.database.advance(2 * dayMs);

    const second = await queue.client.pruneJobs(everything);

    expect([first.completed, second.completed]).toEqual([1, 1]);
    expect(await queue.client.getJob(quick)).toBeUndefined();
    expect(await queue.client.getJob(slow)).toBeUndefined();
  });

  test("keeps a job that waited for long and ended just now", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ delayMs: 90 * dayMs });
    await queue.database.advance(90 * dayMs + 1);
    await endings.completed(queue, await queue.claimOne());

    const answer = await pruneAll(queue, everything);

    expect(answer.completed).toBe(0);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "completed" });
  });

  test("rests between two rounds, and no longer when the clock went back", async () => {
    await using queue = await setup();
    await end(queue, "completed");
    await queue.database.advance(2 * dayMs);
    await pruneAll(queue, everything);
    await end(queue, "completed");
    await queue.database.advance(dayMs + 1);
    await queue.query(`update :"schema".prune_mark
      set rests_until = :"schema".clock() + interval '30 minutes'`);

    const resting = await queue.client.pruneJobs(everything);
    await queue.query(`update :"schema".prune_mark
      set rests_until = :"schema".clock() + interval '3 hours'`);
    const back = await queue.client.pruneJobs(everything);

    expect([resting.completed, back.completed]).toEqual([0, 1]);
  });

  test("refuses what is no length of time", async () => {
    await using queue = await setup();

    const refused = queue.client.pruneJobs({ failedMs: -1 }).catch((error: unknown) => error);

    expect(await refused).toMatchObject({ code: "statement_failed" });
  });

  const { numRuns, timeoutMs, ...check } = readCheckSettings({ runs: 6, msPerRun: 20_000 });
  test(
    "never deletes a job that lives or is young, whatever its neighbours are",
    async () => {
      const anyState = fc.constantFrom(
        "completed",
        "failed",
        "dead",
        "cancelled",
        "queued",
        "leased",
        "waiting",
        "yielded",
      );
      const anyJob = fc.record({ state: anyState, restDays: fc.nat(3) });
      const anyDays = fc.option(fc.nat(4), { nil: undefined });
      const anyKeep = fc.record({
        completed: anyDays,
        failed: anyDays,
        dead: anyDays,
        cancelled: anyDays,
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyJob, { minLength: 1, maxLength: 12 }),
          anyKeep,
          fc.integer({ min: 1, max: 5 }),
          async (jobs, days, limit) => {
            await using queue = await setup();
            let ageDays = 0;
            const made = [];
            for (const { state, restDays } of jobs) {
              made.push({ id: await bring(queue, state), state, madeAtDay: ageDays });
              ageDays += restDays;
              await queue.database.advance(restDays * dayMs);
            }
            const ms = (keep: number | undefined): number | undefined =>
              keep === undefined ? undefined : keep * dayMs + dayMs / 2;

            await pruneAll(
              queue,
              {
                completedMs: ms(days.completed),
                failedMs: ms(days.failed),
                deadMs: ms(days.dead),
                cancelledMs: ms(days.cancelled),
              },
              limit,
            );

            for (const { id, state, madeAtDay } of made) {
              const keep = Object.hasOwn(days, state) ? days[state as EndState] : undefined;
              const isGone = keep !== undefined && ageDays - madeAtDay > keep;
              const now = state === "yielded" ? "queued" : state;
              expect((await queue.client.getJob(id))?.state as string | undefined).toBe(
                isGone ? undefined : now,
              );
            }
            expect(await findOrphans(queue)).toEqual([]);
          },
        ),
        { numRuns, ...check },
      );
    },
    timeoutMs,
  );
});

/** Makes a job that is in this state and stays there. */
async function bring(queue: Queue, state: string): Promise<string> {
  if (state === "queued") return await queue.enqueue({ phase: "later" });
  const id = await queue.enqueue();
  const job = await queue.claimOne({ phases: ["draft"], leaseMs: 20 * dayMs });
  if (state === "yielded") {
    const step = { phase: "draft", nextPhase: "later", yields: true };
    await queue.store.checkpointJob(job, step, result);
  } else if (state === "waiting") {
    await queue.call("wait_job", job.jobId, job.token, "draft", "signal", "go", null, false);
  } else if (state !== "leased") {
    await endings[state as EndState](queue, job);
  }
  return id;
}

describe("rivals", () => {
  test("of two who prune, one walks over the completed jobs, and nobody waits", async () => {
    await using queue = await setup();
    await end(queue, "completed");
    await end(queue, "failed");
    await queue.database.advance(2 * dayMs);
    await using first = await queue.begin();
    const keep = [dayMs, dayMs, dayMs, dayMs] as const;

    const one = await first.call("prune_jobs", ...keep);
    const other = await queue.call("prune_jobs", ...keep);
    await first.commit();

    expect(one).toMatchObject([{ completed: 1, failed: 1 }]);
    expect(other).toMatchObject([{ completed: 0, failed: 0 }]);
  });

  test("who requeues a job that is being deleted hears that it has no new start", async () => {
    await using queue = await setup();
    const id = await end(queue, "failed");
    await queue.database.advance(2 * dayMs);
    await using rivalry = await rivalsIn(queue);
    await rivalry.first.call("prune_jobs", null, dayMs);

    const answer = await rivalry.overtaken((rival) => rival.call("requeue_job", id));

    expect(["not_settled", "not_found"]).toContain(String(answer[0]?.["requeue_job"]));
    expect(await findOrphans(queue)).toEqual([]);
  });

  test.each<EndState>(["completed", "failed"])(
    "who replays a %s job that is being deleted hears that there is none",
    async (state) => {
      await using queue = await setup();
      const id = await end(queue, state);
      await queue.database.advance(2 * dayMs);
      await using rivalry = await rivalsIn(queue);
      await rivalry.first.call("prune_jobs", dayMs, dayMs);

      const answer = await rivalry.overtaken((rival) => rival.call("replay_job", id, "draft"));

      expect(answer).toEqual([{ replay_job: "not_found" }]);
      expect(await findOrphans(queue)).toEqual([]);
    },
  );

  test.each<EndState>(["completed", "failed"])(
    "a %s job that is being replayed is not deleted, and nobody waits",
    async (state) => {
      await using queue = await setup();
      const id = await end(queue, state);
      await queue.database.advance(2 * dayMs);
      await using host = await queue.begin();
      await host.call("replay_job", id, "draft");

      const answer = await queue.client.pruneJobs(everything);
      await host.commit();

      expect([answer.completed, answer.failed]).toEqual([0, 0]);
      expect(await queue.client.getJob(id)).toMatchObject({ state: "queued" });
    },
  );

  test("a job that is being requeued is not deleted, and nobody waits", async () => {
    await using queue = await setup();
    const id = await end(queue, "failed");
    await queue.database.advance(2 * dayMs);
    await using host = await queue.begin();
    await host.call("requeue_job", id);

    const answer = await queue.client.pruneJobs(everything);
    await host.commit();

    expect(answer.failed).toBe(0);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued" });
  });

  test("a completed job whose row somebody holds is left for a later round", async () => {
    await using queue = await setup();
    const id = await end(queue, "completed");
    await queue.database.advance(2 * dayMs);
    await using host = await queue.begin();
    await host.query('select from :"schema".job for update');

    const held = await queue.client.pruneJobs(everything);
    await host.commit();

    expect(held.completed).toBe(0);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "completed" });
    expect((await pruneAll(queue, everything)).completed).toBe(1);
  });
});
