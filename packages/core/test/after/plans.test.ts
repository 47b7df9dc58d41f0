import { describe, expect, test } from "bun:test";

import { type Explainer, keepStatistics, openExplainer } from "../support/explainer.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

// What looks for jobs whose time is over, or that have ended, goes by indexes whatever the statistics say.

const server = useServer();

interface Subject extends Queue {
  readonly explainer: Explainer;
  /** Fills the tables with jobs that ended and with bounds, without going through the functions. */
  fill(count: number): Promise<void>;
  analyze(): Promise<void>;
}

const tables = ["job", "stopped", "expiry", "ready", "lease"];

async function setup(): Promise<Subject> {
  const testServer = await server();
  const queue = await setupQueue(testServer);
  await keepStatistics(queue);
  await queue.lanes();
  const explainer = await openExplainer(testServer, queue.schema);
  return {
    ...queue,
    explainer,
    async fill(count) {
      await queue.query(
        `with made as (
           insert into :"schema".job (public_id, queue, type, version, priority, payload, created_at)
           select gen_random_uuid(), 'default', 'essay', 1, 5, '{}', clock_timestamp()
           from generate_series(1, $1::text::integer) returning id
         ), bound as (
           insert into :"schema".expiry (job_id, end_by, look_at)
           select id, t.at, t.at from made cross join lateral (select clock_timestamp() + id * interval '1 hour' as at) as t
         )
         insert into :"schema".stopped (job_id, state, phase, code, finished_at)
         select id, case when id % 2 = 0 then 'dead' else 'failed' end, 'draft', 'backend_failed',
           clock_timestamp() - interval '1 hour' + id * interval '1 millisecond' from made`,
        String(count),
      );
    },
    analyze: async () =>
      void (await queue.query(`analyze ${tables.map((name) => `:"schema".${name}`).join()}`)),
    async [Symbol.asyncDispose]() {
      await explainer[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

type Prepare = (subject: Subject) => Promise<void>;
const statistics: readonly (readonly [string, Prepare])[] = [
  ["there are no statistics", (subject) => subject.fill(3_000)],
  [
    "the statistics are those of an empty table",
    async (subject) => {
      await subject.analyze();
      await subject.fill(3_000);
    },
  ],
  [
    "the statistics are those of a full table",
    async (subject) => {
      await subject.fill(3_000);
      await subject.analyze();
    },
  ],
];

describe.each([...statistics])("when %s", (_, prepare) => {
  test("expire_jobs goes by its index", async () => {
    await using subject = await setup();
    await prepare(subject);

    const { paths, buffers } = await subject.explainer.explain(
      'select * from :"schema".expire_jobs(100)',
    );

    expect(paths.filter((path) => path.startsWith("expiry "))).toEqual(["expiry by expiry_look"]);
    // Nothing is due: a look is a handful of pages, however many bounds there are.
    expect(buffers).toBeLessThan(20);
  });

  test("requeue_jobs goes by its indexes, and reads no more than it takes", async () => {
    await using subject = await setup();
    await prepare(subject);

    const { paths, buffers, answer } = await subject.explainer.explain(
      `select * from :"schema".requeue_jobs('{"type": "essay", "outage": true}', 10, p_dry_run => true)`,
    );

    expect(answer).toMatchObject([{ matched: 10 }]);
    const read = paths.filter((path) => /^(?:stopped|job) /.test(path));
    expect(read).toEqual(["job by job_pkey", "stopped by stopped_state"]);
    expect(buffers).toBeLessThan(150);
  });
});
