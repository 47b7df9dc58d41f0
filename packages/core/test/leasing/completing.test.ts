import { expect, test } from "bun:test";

import type { LeaseKey } from "../../src/store/job-store.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

// Many jobs completed by one call of `complete_jobs`. What one alone goes through is told by the tests of settling.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const reason = { code: "worker_stopping", message: "It stops." };
const result = { output: { text: "done" }, provenance: { adapter: "test" } };

/** Sends them as one group, in the order of their ids. */
async function completeTogether(
  queue: Queue,
  leases: readonly LeaseKey[],
  results: readonly unknown[] = [],
): Promise<readonly string[]> {
  const rows = await queue.query(
    `select c.outcome || ' ' || coalesce(c.state, '-') as answer
     from :"schema".complete_jobs($1::text::bigint[], $2::text::uuid[], $3::text::jsonb) as c
     cross join unnest(c.places) as p (place) order by p.place`,
    `{${leases.map(({ jobId }) => jobId).join()}}`,
    `{${leases.map(({ token }) => token).join()}}`,
    JSON.stringify(results),
  );
  return rows.map((row) => String(row["answer"]));
}

test("completes a group, and tells those apart whose lease is gone", async () => {
  await using queue = await setup();
  for (let job = 0; job < 4; job += 1) await queue.enqueue();
  const [first, lost, done, last] = await queue.claim({ limit: 4 });
  if (!first || !lost || !done || !last) throw new Error("Four jobs were due.");
  await queue.client.cancel(lost.publicId);
  await queue.store.completeJob(done, result);

  const answers = await completeTogether(queue, [first, lost, done, last]);

  expect(answers).toEqual(["ok completed", "lost -", "already completed", "ok completed"]);
  const states = await queue.query('select state from :"schema".job_overview order by created_at');
  expect(states.map(({ state }) => state)).toEqual([
    "completed",
    "cancelled",
    "completed",
    "completed",
  ]);
});

test("keeps what was returned, and no row for a phase that returned nothing", async () => {
  await using queue = await setup();
  const one = await queue.enqueue();
  const other = await queue.enqueue();
  const leases = await queue.claim({ limit: 2 });

  await completeTogether(queue, leases, [null, result]);

  expect(await queue.client.getResults(one)).toEqual([]);
  expect(await queue.client.getResults(other)).toEqual([{ phase: "draft", ...result }]);
});

test("takes the same job twice for what each token makes of it", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  const stale = await queue.claimOne();
  await queue.store.releaseJob(stale, "shutdown", reason);
  const lease = await queue.claimOne();

  const answers = await completeTogether(queue, [stale, lease]);

  expect(answers).toEqual(["already completed", "ok completed"]);
  expect(await queue.client.getJob(id)).toMatchObject({ state: "completed", attempt: 2 });
});

test("frees the unique keys of all", async () => {
  await using queue = await setup();
  await queue.enqueue({ uniqueKey: "one" });
  await queue.enqueue({ uniqueKey: "other" });

  await completeTogether(queue, await queue.claim({ limit: 2 }));

  expect(await queue.query('select * from :"schema".unique_key')).toEqual([]);
});
