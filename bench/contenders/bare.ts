import postgres from "postgres";

import { pause } from "../measure/clock.ts";
import createTable from "./bare.sql" with { type: "text" };
import type { Contender, WorkMode } from "./contender.ts";

/** Jobs per claim. */
const claimSizes: Readonly<Record<WorkMode, number>> = { throughput: 500, single: 1 };
const idlePollMs = 5;

/**
 * The limit: a loop that leases jobs and deletes them when they are done, with statements that somebody would write who
 * wants nothing else. No history, no fence, no retries, no hook.
 */
export const bare: Contender = {
  name: "bare-loop",
  schema: "bare",
  async prepare(url) {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    await sql.unsafe(createTable).simple();
    await sql.end();
  },
  openEnqueuer(url) {
    const sql = postgres(url, { max: 16 });
    return Promise.resolve({
      async addOne(payload) {
        await sql`insert into bare.job (payload) values (${JSON.stringify(payload)}::text::jsonb)`;
      },
      async addMany(payloads) {
        const texts = payloads.map((payload) => JSON.stringify(payload));
        await sql`insert into bare.job (payload) select t::jsonb from unnest(${texts}::text[]) as t`;
      },
      [Symbol.asyncDispose]: () => sql.end(),
    });
  },
  openObserver(url) {
    const sql = postgres(url, { max: 1 });
    return Promise.resolve({
      async isDone() {
        const [row] = await sql<{ done: boolean }[]>`
          select not exists (select from bare.job) as done`;
        return row?.done === true;
      },
      [Symbol.asyncDispose]: () => sql.end(),
    });
  },
  startWorker({ url, mode, onJob, onCompleted }) {
    const sql = postgres(url, { max: 1 });
    const stopping = new AbortController();
    const loop = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        const jobs = await claim(sql, claimSizes[mode]);
        for (const { n } of jobs) onJob(n);
        if (jobs.length === 0) await pause(idlePollMs);
        else await sql`delete from bare.job where id = any(${jobs.map(({ id }) => id)}::bigint[])`;
        for (const _ of jobs) onCompleted();
      }
    };
    const ended = loop();
    return Promise.resolve({
      async [Symbol.asyncDispose]() {
        stopping.abort();
        await ended;
        await sql.end();
      },
    });
  },
};

async function claim(
  sql: postgres.Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly n: number }[]> {
  const rows = await sql<{ id: string; payload: { n: number; text: string } }[]>`
    update bare.job set state = 1, attempt = attempt + 1, worker = 'bare',
      lease_until = clock_timestamp() + interval '1 minute'
    where id = any(array(
      select id from bare.job where queue = 'default' and state = 0 and run_at <= now()
      order by priority, run_at, id limit ${limit} for update skip locked
    ))
    returning id, payload`;
  return rows.map(({ id, payload }) => ({ id, n: payload.n }));
}
