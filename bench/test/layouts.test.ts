import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import postgres from "postgres";

import { layouts } from "../layouts/layouts.ts";
import { assertEachOnce } from "../measure/drain.ts";
import { type Lab, type LabDatabase, openLab } from "../measure/lab.ts";

const patienceMs = 60_000;
const longMs = 60_000;

let lab: Lab;

beforeAll(async () => {
  lab = await openLab({ durability: "none" });
}, patienceMs);

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
}, patienceMs);

interface Claimed {
  readonly job_id: string;
  readonly attempt: number;
}

interface Queue extends AsyncDisposable {
  readonly url: string;
  readonly sql: postgres.Sql;
  claim(token: string, limit: number, leaseMs?: number): Promise<readonly Claimed[]>;
  complete(token: string, jobs: readonly Claimed[]): Promise<number>;
}

async function setup(layout: (typeof layouts)[number], jobs: readonly object[]): Promise<Queue> {
  const database: LabDatabase = await lab.createDatabase();
  await layout.prepare(database.url);
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await sql`select layout.enqueue(${JSON.stringify(jobs)}::text::jsonb)`;
  return {
    url: database.url,
    sql,
    claim: (token, limit, leaseMs = longMs) => sql<Claimed[]>`
      select job_id, attempt from layout.claim(${token}, 'test', '{1}', ${limit}, ${leaseMs})`,
    async complete(token, claimed) {
      const ids = claimed.map((job) => job.job_id);
      const [row] = await sql<{ count: number }[]>`
        select layout.complete(${token}, ${ids}::bigint[]) as count`;
      return row?.count ?? -1;
    },
    async [Symbol.asyncDispose]() {
      await sql.end();
      await database[Symbol.asyncDispose]();
    },
  };
}

const jobsOf = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, n) => ({ payload: { n } }));
const newToken = (): string => crypto.randomUUID();

describe.each(layouts.map((layout) => [layout.name, layout] as const))("%s", (_, layout) => {
  test("a lapsed lease is fenced, and its jobs run again as the next attempt", async () => {
    await using queue = await setup(layout, jobsOf(30));
    const [late, next] = [newToken(), newToken()];
    const lost = await queue.claim(late, 10, 0);
    await queue.sql`select layout.lapse()`;
    const claimed = await queue.claim(next, 30);

    const refused = await queue.complete(late, lost);
    const accepted = await queue.complete(next, claimed);
    const again = await queue.complete(next, claimed);

    expect([lost.length, refused, accepted, again]).toEqual([10, 0, 30, 0]);
    expect(claimed.filter(({ attempt }) => attempt === 2)).toHaveLength(10);
    const [history] = await queue.sql`
      select count(*)::integer as all, count(distinct job_id)::integer as jobs,
        count(*) filter (where outcome = 'completed')::integer as completed from layout.attempt`;
    expect(history).toEqual({ all: 40, jobs: 30, completed: 30 });
  });

  test("two workers at once take each job once", async () => {
    await using queue = await setup(layout, jobsOf(3_000));
    const ran: number[] = [];
    const allCompleted = Promise.withResolvers<void>();
    let completed = 0;
    const request = {
      url: queue.url,
      mode: "throughput" as const,
      onJob: (n: number) => void ran.push(n),
      onCompleted() {
        completed += 1;
        if (completed === 3_000) allCompleted.resolve();
      },
    };

    await using workers = new AsyncDisposableStack();
    for (let count = 0; count < 2; count += 1) workers.use(await layout.startWorker(request));
    await allCompleted.promise;

    expect(() => assertEachOnce(ran, 3_000)).not.toThrow();
    const [history] = await queue.sql`select count(*)::integer as count from layout.attempt`;
    expect(history).toEqual({ count: 3_000 });
  });

  test("part of a claim may be completed, and the rest later", async () => {
    await using queue = await setup(layout, jobsOf(5));
    const token = newToken();
    const claimed = await queue.claim(token, 5);

    const first = await queue.complete(token, claimed.slice(0, 2));
    const rest = await queue.complete(token, claimed);

    expect([first, rest]).toEqual([2, 3]);
    expect(await queue.sql`select from layout.job`).toHaveLength(0);
  });

  test("what is paused, delayed, capped or there already is not claimed", async () => {
    await using queue = await setup(layout, [
      { payload: {}, priority: 7, uniqueKey: "late" },
      { payload: {}, priority: 1, uniqueKey: "early" },
      { payload: {}, uniqueKey: "early" },
      { payload: {}, laneId: 2 },
      { payload: {}, delayMs: 60_000 },
      { payload: {}, tenant: "greedy" },
    ]);
    await queue.sql`insert into layout.full_tenant values ('greedy')`;

    const first = await queue.claim(newToken(), 1);
    const others = await queue.claim(newToken(), 10);
    await queue.sql`delete from layout.full_tenant`;
    await queue.sql`update layout.lane set is_paused = true`;
    const paused = await queue.claim(newToken(), 10);

    const keys = await queue.sql`
      select id, unique_key from layout.job where unique_key is not null order by priority`;
    const claimed = [...first, ...others].map((job) => job.job_id);
    expect(keys.map((row) => row["unique_key"])).toEqual(["early", "late"]);
    expect(claimed).toEqual(keys.map((row) => row["id"]));
    expect(paused).toHaveLength(0);
  });
});
