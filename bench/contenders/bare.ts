import type postgres from "postgres";

import createTable from "./bare.sql" with { type: "text" };
import type { BenchPayload, Contender } from "./contender.ts";
import { createSqlLoop } from "./sql-loop.ts";

/**
 * The limit: a loop that leases jobs and deletes them when they are done, with statements that somebody would write who
 * wants nothing else. No history, no fence, no retries, no hook.
 */
export const bare: Contender = createSqlLoop({
  name: "bare-loop",
  schema: "bare",
  text: createTable,
  add,
  async workOnce(sql, limit, onJob) {
    const jobs = await claim(sql, limit);
    for (const { n } of jobs) onJob(n);
    if (jobs.length === 0) return 0;
    await sql`delete from bare.job where id = any(${jobs.map(({ id }) => id)}::bigint[])`;
    return jobs.length;
  },
});

async function add(sql: postgres.Sql, payloads: readonly BenchPayload[]): Promise<void> {
  const texts = payloads.map((payload) => JSON.stringify(payload));
  // One job alone needs no list: that is what a single enqueue is measured against.
  if (texts.length === 1)
    await sql`insert into bare.job (payload) values (${texts[0] ?? ""}::text::jsonb)`;
  else await sql`insert into bare.job (payload) select t::jsonb from unnest(${texts}::text[]) as t`;
}

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
