import {
  type DatabaseConnection,
  openPool,
  type Routine,
  type SqlValue,
  toStorableJson,
  WorkerError,
} from "@leasehold/core";

import {
  type ScheduleHealth,
  type ScheduleRecord,
  scheduleRoutines as routines,
  type UnplannedSchedule,
  type UpsertAnswer,
} from "./schedule-routines.ts";
import type { MissedPolicy, Schedule } from "./schedule.ts";

/** Slots of a schedule that were reckoned and are to be written. */
export interface SlotPlan extends Pick<UnplannedSchedule, "name" | "revision"> {
  /** They are complete up to here. */
  readonly until: Date;
  readonly slots: readonly Date[];
}

/** The calls of a scheduler. */
export interface ScheduleStore {
  upsertSchedules(schedules: readonly Schedule[]): Promise<readonly UpsertAnswer[]>;
  removeSchedule(name: string): Promise<"ok" | "not_found">;
  pauseSchedule(name: string): Promise<"ok" | "not_found">;
  resumeSchedule(name: string): Promise<"ok" | "not_found">;
  listSchedules(): Promise<readonly ScheduleRecord[]>;
  listHealth(): Promise<readonly ScheduleHealth[]>;
  listUnplanned(aheadMs: number, slackMs: number): Promise<readonly UnplannedSchedule[]>;
  planSlots(plan: SlotPlan): Promise<"ok" | "stale">;
  pruneSlots(keepMs: number): Promise<number>;
  /** Until the next open slot is due; 0: one is; `undefined`: there is none. */
  nextSlotMs(): Promise<number | undefined>;
  enqueueCronTasks(limit: number): Promise<number>;
  schemaVersion(bundle: string): Promise<number | undefined>;
  end(): Promise<void>;
}

export function createScheduleStore(connection: DatabaseConnection, schema: string): ScheduleStore {
  const pool = openPool({ connection, schema, name: "leasehold cron", max: 2, deadlineMs: 10_000 });
  const ask = async <Answer>(
    routine: Routine<Answer>,
    values: readonly SqlValue[] = [],
  ): Promise<Answer> => {
    const [row] = await pool.call(routine, values);
    if (row !== undefined) return row;
    throw new WorkerError("statement_failed", `Postgres gave no answer to ${routine.name}.`);
  };
  return {
    upsertSchedules: (schedules) =>
      pool.call(routines.upsertSchedules, [toStorableJson(schedules.map(toRow))]),
    removeSchedule: (name) => ask(routines.removeSchedule, [name]),
    pauseSchedule: (name) => ask(routines.pauseSchedule, [name]),
    resumeSchedule: (name) => ask(routines.resumeSchedule, [name]),
    listSchedules: () => pool.call(routines.listSchedules, []),
    listHealth: () => pool.call(routines.cronHealth, []),
    listUnplanned: (aheadMs, slackMs) => pool.call(routines.listUnplanned, [aheadMs, slackMs]),
    planSlots: ({ name, revision, until, slots }) => {
      const moments = `{${slots.map((slot) => slot.toISOString()).join(",")}}`;
      return ask(routines.planSlots, [name, revision, until, moments]);
    },
    pruneSlots: (keepMs) => ask(routines.pruneSlots, [keepMs]),
    nextSlotMs: async () => (await pool.call(routines.nextSlotMs, []))[0],
    enqueueCronTasks: (limit) => ask(routines.enqueueCronTasks, [limit]),
    schemaVersion: async (bundle) => (await pool.call(routines.schemaVersion, [bundle]))[0],
    end: () => pool.end(),
  };
}

function toRow({ name, cron, timeZone, missed, graceSeconds, job, slotField }: Schedule): object {
  const jobs: unknown = JSON.parse(job.jobs);
  const shared: unknown = JSON.parse(job.shared);
  const graceMs = Math.ceil(graceSeconds * 1_000);
  return { name, cron, timeZone, ...toMissed(missed), graceMs, jobs, shared, slotField };
}

function toMissed(missed: MissedPolicy): { readonly missed: string; readonly missedMax: number } {
  if (missed === "skip") return { missed, missedMax: 0 };
  if (missed === "last") return { missed, missedMax: 1 };
  return { missed: "all", missedMax: missed.all };
}
