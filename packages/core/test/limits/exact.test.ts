import { expect, test } from "bun:test";

import postgres from "postgres";

import { renderSql } from "../../src/schema/migrate.ts";
import type { ClaimedJob } from "../../src/store/job-store.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();

const capMax = 7;
const jobCount = 1_000;
const claimerCount = 50;

/** Counts live leases over and over, on a connection of its own; answers the counts when it is stopped. */
function watchLeases(queue: LimitedQueue): { stop(): Promise<readonly number[]> } {
  const sql = postgres(queue.url, { max: 1 });
  const text = renderSql('select count(*)::integer as ct from :"schema".lease', queue.schema);
  const counts: number[] = [];
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const [row] = await sql.unsafe<{ ct: number }[]>(text);
      counts.push(row?.ct ?? 0);
    }
    await sql.end();
  })();
  return {
    async stop() {
      over.abort();
      await watching;
      return counts;
    },
  };
}

/** How many attempts went on at once at most, by what was written down of each: starts and ends in the order of time. */
async function mostAtOnce(queue: LimitedQueue, of = "true"): Promise<number> {
  const [row] = await queue.query(
    `select max(ct)::integer as most from (
       select sum(e.step) over (order by e.at, e.step) as ct
       from :"schema".attempt as a join :"schema".job as j on j.id = a.job_id
       cross join lateral (values (a.started_at, 1), (a.finished_at, -1)) as e (at, step)
       where ${of}
     ) as counted`,
  );
  return Number(row?.["most"]);
}

test("50 claimers never run more than the limits of a queue and of each tenant say", async () => {
  await using queue = await setupLimitedQueue(await server());
  const options = { connection: queue.workerUrl, schema: queue.schema, name: "claimers" };
  const store = createPostgresStore({ ...options, connections: claimerCount });
  await queue.client.setLimit({ queue: "default" }, { concurrencyMax: capMax });
  await queue.client.setLimit({ tenant: "*" }, { concurrencyMax: 3 });
  for (let tenant = 0; tenant < 5; tenant += 1) {
    await queue.enqueueAll(jobsOf(`tenant ${tenant}`, jobCount / 5));
  }
  const lanes = await queue.lanes(["draft"]);
  let left = jobCount;
  const claim = async (index: number): Promise<readonly ClaimedJob[]> => {
    const jobs = await store.claimJobs({
      worker: `claimer ${index}`,
      token: crypto.randomUUID(),
      lanes: lanes.map(({ laneId }) => laneId),
      soloLanes: lanes.map(({ soloLaneId }) => soloLaneId),
      limit: 1 + (index % 4),
      leaseMs: 60_000,
    });
    left -= jobs.length;
    return jobs;
  };
  const claimers = Array.from({ length: claimerCount }, (_, index) => index);
  const watch = watchLeases(queue);

  // All at once first, before any job ends, so that the limit is reached for certain.
  const held = await Promise.all(claimers.map(claim));
  const atFirst = await queue.countLeases();
  const claimUntilDone = async (index: number): Promise<void> => {
    let jobs = held[index] ?? [];
    for (;;) {
      for (const job of jobs) await store.completeJob(job, { output: null, provenance: {} });
      if (left === 0) return;
      jobs = await claim(index);
    }
  };
  await Promise.all(claimers.map(claimUntilDone));
  const counts = await watch.stop();
  await store.end();

  process.stdout.write(`${counts.length} looks at the leases, ${Math.max(...counts)} at most\n`);
  expect(atFirst).toBe(capMax);
  expect(Math.max(...counts)).toBeLessThanOrEqual(capMax);
  expect(await mostAtOnce(queue)).toBe(capMax);
  expect(await mostAtOnce(queue, "j.tenant = 'tenant 1'")).toBeLessThanOrEqual(3);
  const [row] = await queue.query(
    `select count(*)::integer as ct, count(distinct job_id)::integer as jobs from :"schema".attempt`,
  );
  expect(row).toEqual({ ct: jobCount, jobs: jobCount });
}, 120_000);
