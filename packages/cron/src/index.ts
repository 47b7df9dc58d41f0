export { cronSql } from "./cron-sql.ts";
export { defineSchedule, missedSlotsMax } from "./schedule.ts";
export type { MissedPolicy, Schedule, ScheduleDefinition } from "./schedule.ts";
export type { ScheduleHealth, ScheduleRecord, UpsertAnswer } from "./schedule-routines.ts";
export { createScheduler } from "./scheduler.ts";
export type { Scheduler, SchedulerEvent, SchedulerOptions } from "./scheduler.ts";
