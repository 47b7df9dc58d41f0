import postgres from "postgres";

import type { Contender, WorkMode } from "../contenders/contender.ts";
import { pause } from "../measure/clock.ts";
import base from "./base.sql" with { type: "text" };
import batchLease from "./batch-lease.sql" with { type: "text" };
import batch from "./batch.sql" with { type: "text" };
import inPlace from "./in-place.sql" with { type: "text" };
import lane from "./lane.sql" with { type: "text" };
import narrow from "./narrow.sql" with { type: "text" };

const claimSizes: Readonly<Record<WorkMode, number>> = { throughput: 500, single: 1 };
const leaseMs = 60_000;
const idlePollMs = 5;
const lanes = "{1,2}";

/** Ways to lay out the same queue in tables, behind the same functions, in bare SQL. */
export const layouts: readonly Contender[] = [
  createLayout("in-place", [base, inPlace]),
  createLayout("narrow", [base, narrow]),
  createLayout("batch-lease", [base, batchLease, batch]),
  createLayout("lane-mark", [base, batchLease, lane]),
];

function createLayout(name: string, parts: readonly string[]): Contender {
  return {
    name: `layout ${name}`,
    schema: "layout",
    async prepare(url) {
      const sql = postgres(url, { max: 1, onnotice: () => undefined });
      await sql.unsafe(parts.join("\n")).simple();
      await sql.end();
    },
    openEnqueuer(url) {
      const sql = postgres(url, { max: 16 });
      const add = async (payloads: readonly { readonly n: number }[]): Promise<void> => {
        const jobs = payloads.map((payload) => ({ payload, tenant: `tenant-${payload.n % 20}` }));
        await sql`select layout.enqueue(${JSON.stringify(jobs)}::text::jsonb)`;
      };
      return Promise.resolve({
        addOne: (payload) => add([payload]),
        addMany: add,
        [Symbol.asyncDispose]: () => sql.end(),
      });
    },
    openObserver(url) {
      const sql = postgres(url, { max: 1 });
      return Promise.resolve({
        async isDone() {
          const [row] = await sql<{ done: boolean }[]>`
            select not exists (select from layout.job) as done`;
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
          const count = await workOnce(sql, claimSizes[mode], onJob);
          for (let done = 0; done < count; done += 1) onCompleted();
          if (count === 0) await pause(idlePollMs);
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
