import { expect, test } from "bun:test";

import { migrate, migrateRoles } from "@leasehold/core";
import postgres from "postgres";

import { cronSql } from "../src/cron-sql.ts";
import { createScheduler } from "../src/scheduler.ts";
import { scheduleOf } from "./support/cron-bench.ts";
import { useDatabase } from "./support/server.ts";

const server = useDatabase();

const names = {
  owner: "cron_test_owner",
  worker: "cron_test_worker",
  limited: "cron_test_limited",
};

test("the worker's login keeps schedules without a right to any table, and the application's may look", async () => {
  const { url, urlAs } = await server();
  await migrate({ connection: url, bundles: [cronSql] });
  await migrateRoles({ connection: urlAs("postgres"), bundles: [cronSql], ...names });
  await using worker = createScheduler({ connection: urlAs(names.worker) });

  await worker.start();
  await worker.upsert([scheduleOf()]);
  await worker.enqueueDue();
  await worker.pauseSchedule("hourly");
  await worker.resumeSchedule("hourly");

  expect(await worker.listHealth()).toMatchObject([{ name: "hourly" }]);
  expect(await worker.removeSchedule("hourly")).toBe("ok");
  expect(await listRights(urlAs("postgres"))).toEqual([
    { role: names.limited, functions: ["cron_health", "list_schedules"], tables: [] },
    {
      role: names.worker,
      functions: [
        "cron_health",
        "enqueue_cron_tasks",
        "list_schedules",
        "list_unplanned",
        "next_slot_ms",
        "pause_schedule",
        "plan_slots",
        "prune_slots",
        "remove_schedule",
        "resume_schedule",
        "upsert_schedules",
      ],
      tables: [],
    },
  ]);
});

async function listRights(url: string): Promise<readonly object[]> {
  const sql = postgres(url, { max: 1 });
  try {
    return Array.from(
      await sql<object[]>`
        select r.rolname as role,
          coalesce(array_agg(p.proname order by p.proname) filter (where has_function_privilege(r.oid, p.oid, 'execute')), '{}')
            as functions,
          array(select c.relname from pg_class as c where c.relname in ('schedule', 'cron_slot')
            and c.relkind = 'r' and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')) as tables
        from pg_roles as r cross join pg_proc as p
        where r.rolname in (${names.worker}, ${names.limited}) and p.pronamespace = 'leasehold'::regnamespace
          and (p.proname ~ 'slot|schedule|cron' or p.proname = 'list_unplanned')
        group by r.oid, r.rolname order by r.rolname`,
    );
  } finally {
    await sql.end();
  }
}
