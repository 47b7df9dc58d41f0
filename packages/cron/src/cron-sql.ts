import type { SqlBundle } from "@leasehold/core";

import createCron from "../sql/migrations/0001_create_cron.sql" with { type: "text" };
import grantCron from "../sql/roles/grant_cron.sql" with { type: "text" };
import cronHealth from "../sql/schedules/cron_health.sql" with { type: "text" };
import enqueueCronTasks from "../sql/schedules/enqueue_cron_tasks.sql" with { type: "text" };
import listSchedules from "../sql/schedules/list_schedules.sql" with { type: "text" };
import listUnplanned from "../sql/schedules/list_unplanned.sql" with { type: "text" };
import nextSlotMs from "../sql/schedules/next_slot_ms.sql" with { type: "text" };
import pauseSchedule from "../sql/schedules/pause_schedule.sql" with { type: "text" };
import planSlots from "../sql/schedules/plan_slots.sql" with { type: "text" };
import pruneSlots from "../sql/schedules/prune_slots.sql" with { type: "text" };
import removeSchedule from "../sql/schedules/remove_schedule.sql" with { type: "text" };
import resumeSchedule from "../sql/schedules/resume_schedule.sql" with { type: "text" };
import slotJob from "../sql/schedules/slot_job.sql" with { type: "text" };
import upsertSchedules from "../sql/schedules/upsert_schedules.sql" with { type: "text" };

/** The tables and functions of schedules: pass it to `migrate`. They live in the schema of the jobs. */
export const cronSql: SqlBundle = {
  name: "cron",
  migrations: [{ version: 1, name: "create_cron", text: createCron }],
  definitions: [
    upsertSchedules,
    removeSchedule,
    pauseSchedule,
    resumeSchedule,
    listSchedules,
    listUnplanned,
    planSlots,
    pruneSlots,
    nextSlotMs,
    slotJob,
    enqueueCronTasks,
    cronHealth,
  ],
  grants: grantCron,
};
