import { expect, test } from "bun:test";

import type { TestRow } from "@leasehold/core/testing";
import { z } from "zod";

import { scheduleOf, setupCron } from "./support/cron-bench.ts";
import { useDatabase } from "./support/server.ts";
import { openSession } from "./support/session.ts";

const server = useDatabase();

const explained = z.tuple([
  z.object({
    Plan: z.object({ "Shared Hit Blocks": z.int(), "Shared Read Blocks": z.int() }),
  }),
]);

/** Shared buffers of a whole call. */
function buffersOf([row]: readonly TestRow[]): number {
  const [{ Plan: plan }] = explained.parse(row?.["QUERY PLAN"]);
  return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
}

test.each([
  ["without statistics", ""],
  ["with statistics of an empty table", "before"],
  ["with statistics", "after"],
])("a look for due slots costs nothing for those that were consumed, %s", async (_, analysed) => {
  await using cron = await setupCron(await server());
  await cron.scheduler.upsert([scheduleOf({ name: "often", cron: "* * * * *" })]);
  await cron.query('alter table :"schema".cron_slot set (autovacuum_enabled = off)');
  if (analysed === "before") await cron.query('analyze :"schema".cron_slot');
  await cron.query(
    `insert into :"schema".cron_slot (schedule, slot_at, consumed_at, outcome)
     select 'often', '2026-05-31'::timestamptz - g * interval '1 minute', now(), 'passed' from generate_series(1, 50000) as g`,
  );
  if (analysed === "after") await cron.query('analyze :"schema".cron_slot');
  await using session = await openSession(cron);
  const explain = (call: string): Promise<readonly TestRow[]> =>
    session.query(`explain (analyze, buffers, format json) select :"schema".${call}`);
  // The first call of a session reads the catalogue, too.
  await explain("enqueue_cron_tasks()");
  await explain("next_slot_ms()");

  const looking = buffersOf(await explain("enqueue_cron_tasks()"));
  const waiting = buffersOf(await explain("next_slot_ms()"));

  expect(looking).toBeLessThan(20);
  expect(waiting).toBeLessThan(20);
});
