import type postgres from "postgres";

import type { Contender } from "../contenders/contender.ts";
import { createSqlLoop } from "../contenders/sql-loop.ts";
import base from "./base.sql" with { type: "text" };
import batchLease from "./batch-lease.sql" with { type: "text" };
import batch from "./batch.sql" with { type: "text" };
import inPlace from "./in-place.sql" with { type: "text" };
import lane from "./lane.sql" with { type: "text" };
import narrow from "./narrow.sql" with { type: "text" };

const leaseMs = 60_000;
const lanes = "{1,2}";

/** Ways to lay out the same queue in tables, behind the same functions, in bare SQL. */
export const layouts: readonly Contender[] = [
  createLayout("in-place", [base, inPlace]),
  createLayout("narrow", [base, narrow]),
  createLayout("batch-lease", [base, batchLease, batch]),
  createLayout("lane-mark", [base, batchLease, lane]),
];

function createLayout(name: string, parts: readonly string[]): Contender {
  return createSqlLoop({
    name: `layout ${name}`,
    schema: "layout",
    text: parts.join("\n"),
    async add(sql, payloads) {
      const jobs = payloads.map((payload) => ({ payload, tenant: `tenant-${payload.n % 20}` }));
      await sql`select layout.enqueue(${JSON.stringify(jobs)}::text::jsonb)`;
    },
    workOnce,
  });
}

/** Claims, runs and completes; answers how many jobs. */
async function workOnce(
  sql: postgres.Sql,
  limit: number,
  onJob: (n: number) => void,
): Promise<number> {
  const token = crypto.randomUUID();
  const jobs = await sql<{ job_id: string; payload: { n: number } }[]>`
    select job_id, payload from layout.claim(${token}, 'bench', ${lanes}::integer[], ${limit}, ${leaseMs})`;
  for (const { payload } of jobs) onJob(payload.n);
  if (jobs.length === 0) return 0;
  const ids = jobs.map((job) => job.job_id);
  const [row] = await sql<{ count: number }[]>`
    select layout.complete(${token}, ${ids}::bigint[]) as count`;
  if (row?.count !== jobs.length) throw new Error("a completion was refused");
  return jobs.length;
}
