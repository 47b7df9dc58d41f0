import { defineRoutine, type Routine } from "@leasehold/core";
import { z } from "zod";

import type { MissedPolicy } from "./schedule.ts";

/** What became of a schedule that was given to `upsert`. */
export interface UpsertAnswer {
  readonly schedule: string;
  readonly outcome: "created" | "changed" | "unchanged";
}

/** A schedule as it is in the database. */
export interface ScheduleRecord {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly missed: MissedPolicy;
  readonly graceSeconds: number;
  readonly type: string;
  readonly queue: string;
  /** `false`: it was paused. */
  readonly enabled: boolean;
  /** Slots are written up to here. */
  readonly plannedUntil: Date;
  /** The first slot that nobody consumed yet. */
  readonly nextSlotAt: Date | undefined;
}

/** How a schedule fares. */
export interface ScheduleHealth {
  readonly name: string;
  readonly enabled: boolean;
  /** The last slot that was planned. */
  readonly lastSlotAt: Date | undefined;
  readonly nextSlotAt: Date | undefined;
  /** How far ahead slots are complete, in hours. */
  readonly plannedHours: number;
  /** Slots that were due a minute ago and that nobody consumed. */
  readonly overdueCount: number;
  /** Jobs that Postgres refused in the last 24 hours. */
  readonly failedCount: number;
  /**
   * `slots_overdue`: nobody enqueues. `slots_low`: slots are planned for less than 24 hours. `slots_failed`: Postgres
   * refuses the jobs.
   */
  readonly warning: "slots_overdue" | "slots_low" | "slots_failed" | undefined;
}

/** A schedule whose slots are to be written further. */
export interface UnplannedSchedule {
  readonly name: string;
  /** The fence: goes up with everything that changes which slots are to come. */
  readonly revision: number;
  readonly cron: string;
  readonly timeZone: string;
  /** How many slots before `onTimeFrom` are of use. */
  readonly missedMax: number;
  readonly plannedUntil: Date;
  readonly onTimeFrom: Date;
  readonly planUntil: Date;
}

interface ScheduleRoutines {
  readonly upsertSchedules: Routine<UpsertAnswer>;
  readonly removeSchedule: Routine<"ok" | "not_found">;
  readonly pauseSchedule: Routine<"ok" | "not_found">;
  readonly resumeSchedule: Routine<"ok" | "not_found">;
  readonly listSchedules: Routine<ScheduleRecord>;
  readonly listUnplanned: Routine<UnplannedSchedule>;
  readonly planSlots: Routine<"ok" | "stale">;
  readonly pruneSlots: Routine<number>;
  readonly nextSlotMs: Routine<number | undefined>;
  readonly enqueueCronTasks: Routine<number>;
  readonly cronHealth: Routine<ScheduleHealth>;
  readonly schemaVersion: Routine<number | undefined>;
}

const optional = <Value>(column: z.ZodType<Value>): z.ZodType<Value | undefined> =>
  column.nullable().transform((value) => value ?? undefined);
const first = <Value>(column: z.ZodType<Value>): z.ZodType<Value> =>
  z.tuple([column]).transform(([value]) => value);

const changed = first(z.enum(["ok", "not_found"]));
// A bigint arrives as text.
const milliseconds = z.coerce.number();

const upserted: z.ZodType<UpsertAnswer> = z
  .tuple([z.string(), z.enum(["created", "changed", "unchanged"])])
  .transform(([schedule, outcome]) => ({ schedule, outcome }));

const schedule: z.ZodType<ScheduleRecord> = z
  .tuple([
    z.string(),
    z.string(),
    z.string(),
    z.enum(["skip", "last", "all"]),
    z.int(),
    milliseconds,
    z.string(),
    z.string(),
    z.boolean(),
    z.date(),
    optional(z.date()),
  ])
  .transform(([name, cron, timeZone, missed, missedMax, graceMs, type, queue, ...rest]) => ({
    name,
    cron,
    timeZone,
    missed: missed === "all" ? { all: missedMax } : missed,
    graceSeconds: graceMs / 1_000,
    type,
    queue,
    enabled: rest[0],
    plannedUntil: rest[1],
    nextSlotAt: rest[2],
  }));

const unplanned: z.ZodType<UnplannedSchedule> = z
  .tuple([z.string(), z.int(), z.string(), z.string(), z.int(), z.date(), z.date(), z.date()])
  .transform(([name, revision, cron, timeZone, missedMax, ...moments]) => ({
    name,
    revision,
    cron,
    timeZone,
    missedMax,
    plannedUntil: moments[0],
    onTimeFrom: moments[1],
    planUntil: moments[2],
  }));

const health: z.ZodType<ScheduleHealth> = z
  .tuple([
    z.string(),
    z.boolean(),
    optional(z.date()),
    optional(z.date()),
    z.number(),
    z.int(),
    z.int(),
    optional(z.enum(["slots_overdue", "slots_low", "slots_failed"])),
  ])
  .transform(([name, enabled, lastSlotAt, nextSlotAt, plannedHours, ...rest]) => ({
    name,
    enabled,
    lastSlotAt,
    nextSlotAt,
    plannedHours,
    overdueCount: rest[0],
    failedCount: rest[1],
    warning: rest[2],
  }));

/** The functions of the schema that a scheduler calls. */
export const scheduleRoutines: ScheduleRoutines = {
  upsertSchedules: defineRoutine("upsert_schedules", ["text::jsonb"], upserted),
  removeSchedule: defineRoutine("remove_schedule", ["text"], changed),
  pauseSchedule: defineRoutine("pause_schedule", ["text"], changed),
  resumeSchedule: defineRoutine("resume_schedule", ["text"], changed),
  listSchedules: defineRoutine("list_schedules", [], schedule),
  listUnplanned: defineRoutine("list_unplanned", ["bigint", "bigint"], unplanned),
  planSlots: defineRoutine(
    "plan_slots",
    ["text", "integer", "timestamptz", "text::timestamptz[]"],
    first(z.enum(["ok", "stale"])),
  ),
  pruneSlots: defineRoutine("prune_slots", ["bigint"], first(z.int())),
  nextSlotMs: defineRoutine("next_slot_ms", [], first(optional(z.int()))),
  enqueueCronTasks: defineRoutine("enqueue_cron_tasks", ["integer"], first(z.int())),
  cronHealth: defineRoutine("cron_health", [], health),
  schemaVersion: defineRoutine("schema_version", ["text"], first(optional(z.int()))),
};
