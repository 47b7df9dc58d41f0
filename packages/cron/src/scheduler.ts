import { setTimeout as wait } from "node:timers/promises";

import {
  type DatabaseConnection,
  defaultSchema,
  toWorkerError,
  WorkerError,
  type WorkerErrorCode,
} from "@leasehold/core";

import { cronSql } from "./cron-sql.ts";
import type {
  ScheduleHealth,
  ScheduleRecord,
  UnplannedSchedule,
  UpsertAnswer,
} from "./schedule-routines.ts";
import { createScheduleStore, type ScheduleStore } from "./schedule-store.ts";
import type { Schedule } from "./schedule.ts";
import { type ReckonedSlots, reckonSlots } from "./slot-planner.ts";

export interface SchedulerOptions {
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** How far ahead slots are written, in hours; from 25 to 8,784. Default: 48. */
  readonly planHours?: number;
  /**
   * The longest wait between two looks, in seconds; up to 3,600. Slots that are known are looked for when they are due:
   * this is for those that others add. Default: 5.
   */
  readonly pollSeconds?: number;
}

/** What a scheduler tells. Names are `noun.past`; no event carries content. */
export type SchedulerEvent =
  | { readonly name: "scheduler.started" }
  | { readonly name: "scheduler.stopped" }
  | { readonly name: "slots.planned"; readonly schedule: string; readonly count: number }
  | { readonly name: "slots.enqueued"; readonly count: number }
  /** Its expression or its zone is none that this process knows; the others are planned. */
  | { readonly name: "schedule.refused"; readonly schedule: string }
  | {
      readonly name: "database.failed";
      readonly operation: "plan_slots" | "enqueue_cron_tasks";
      readonly code: WorkerErrorCode;
    };

/** Plans slots ahead and enqueues the jobs of those that are due, beside any number of others that do the same. */
export interface Scheduler extends AsyncDisposable {
  /** Returns the function that ends it. */
  subscribe(listener: (event: SchedulerEvent) => void): () => void;
  /** Throws `schema_outdated` when the tables of schedules are not there. */
  start(): Promise<void>;
  /** Ends what is under way first. */
  stop(): Promise<void>;
  /** Adds schedules or changes them, and plans their slots: all or none. Needs no `start`. */
  upsert(schedules: readonly Schedule[]): Promise<readonly UpsertAnswer[]>;
  /** The jobs that it enqueued stay. */
  removeSchedule(name: string): Promise<"ok" | "not_found">;
  /** What is due is passed over, and nothing that comes meanwhile counts as missed. */
  pauseSchedule(name: string): Promise<"ok" | "not_found">;
  resumeSchedule(name: string): Promise<"ok" | "not_found">;
  listSchedules(): Promise<readonly ScheduleRecord[]>;
  listHealth(): Promise<readonly ScheduleHealth[]>;
  /** What a started scheduler does again and again, once: answers how many slots it wrote. */
  planSlots(): Promise<number>;
  /** What a started scheduler does at every slot, once: answers how many jobs it enqueued. */
  enqueueDue(): Promise<number>;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Consumed slots are kept for so long. */
const slotDaysKept = 30;
/** As many as one call looks at. */
const dueMax = 1_000;
/** Where a due slot is another scheduler's, or there are more of them than one call takes. */
const waitMsMin = 100;

/**
 * Makes a scheduler; nothing happens before `start`.
 *
 * @example
 * await using scheduler = createScheduler({ connection: url });
 * await scheduler.upsert([digest]);
 * await scheduler.start();
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { planHours = 48, pollSeconds = 5 } = options;
  checkOptions({ planHours, pollSeconds });
  const store = createScheduleStore(options.connection, options.schema ?? defaultSchema);
  const listeners = new Set<(event: SchedulerEvent) => void>();
  const emit = (event: SchedulerEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const over = new AbortController();
  const parts = { store, emit, signal: over.signal };
  const duties = createDuties({ ...parts, aheadMs: planHours * hourMs });
  let started: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  const start = async (): Promise<void> => {
    const version = await store.schemaVersion(cronSql.name);
    if (version === undefined || version < cronSql.migrations.length) {
      const message = `The schema has version ${version ?? "none"} of cron, and this one needs ${cronSql.migrations.length}: run migrate with bundles: [cronSql].`;
      throw new WorkerError("schema_outdated", message, { scope: "config" });
    }
    emit({ name: "scheduler.started" });
    running = keepDuties({ ...parts, duties, pollMs: pollSeconds * 1_000 });
  };
  const stop = async (): Promise<void> => {
    over.abort();
    await started?.catch(() => undefined);
    await running;
    await store.end();
    if (running !== undefined) emit({ name: "scheduler.stopped" });
  };

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async start() {
      if (started !== undefined || stopped !== undefined) {
        throw new WorkerError("config_invalid", "A scheduler starts once.", { scope: "config" });
      }
      started = start();
      await started;
    },
    stop: () => (stopped ??= stop()),
    async upsert(schedules) {
      checkNames(schedules);
      if (schedules.length === 0) return [];
      const answers = await store.upsertSchedules(schedules);
      await duties.planSlots();
      return answers;
    },
    removeSchedule: (name) => store.removeSchedule(name),
    pauseSchedule: (name) => store.pauseSchedule(name),
    async resumeSchedule(name) {
      const answer = await store.resumeSchedule(name);
      if (answer === "ok") await duties.planSlots();
      return answer;
    },
    listSchedules: () => store.listSchedules(),
    listHealth: () => store.listHealth(),
    ...duties,
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

type Duties = Pick<Scheduler, "planSlots" | "enqueueDue">;

interface DutyOptions {
  readonly store: ScheduleStore;
  readonly emit: (event: SchedulerEvent) => void;
  readonly aheadMs: number;
  readonly signal: AbortSignal;
}

function createDuties({ store, emit, aheadMs, signal }: DutyOptions): Duties {
  const reckon = (schedule: UnplannedSchedule): ReckonedSlots | undefined => {
    try {
      return reckonSlots(schedule);
    } catch {
      emit({ name: "schedule.refused", schedule: schedule.name });
      return undefined;
    }
  };
  return {
    async planSlots() {
      let count = 0;
      let isDone = false;
      while (!isDone && !signal.aborted) {
        isDone = true;
        // An hour less than wanted is not worth a call.
        for (const schedule of await store.listUnplanned(aheadMs, hourMs)) {
          const plan = reckon(schedule);
          // Stale: somebody else is at it, and goes on.
          if (plan === undefined || (await store.planSlots(plan)) === "stale") continue;
          count += plan.slots.length;
          if (!plan.isAll) isDone = false;
          const { name } = schedule;
          emit({ name: "slots.planned", schedule: name, count: plan.slots.length });
        }
      }
      if (count > 0) await store.pruneSlots(slotDaysKept * dayMs);
      return count;
    },
    async enqueueDue() {
      const count = await store.enqueueCronTasks(dueMax);
      if (count > 0) emit({ name: "slots.enqueued", count });
      return count;
    },
  };
}

interface KeepingOptions extends Omit<DutyOptions, "aheadMs"> {
  readonly duties: Duties;
  readonly pollMs: number;
}

async function keepDuties({ store, duties, emit, pollMs, signal }: KeepingOptions): Promise<void> {
  const attempt = async (
    operation: "plan_slots" | "enqueue_cron_tasks",
    duty: () => Promise<number | undefined>,
  ): Promise<number | undefined> => {
    try {
      return await duty();
    } catch (error) {
      emit({ name: "database.failed", operation, code: toWorkerError(error).code });
      return undefined;
    }
  };
  while (!signal.aborted) {
    // First what is to be: a slot that was missed unplanned tells which of those before it is the last.
    await attempt("plan_slots", () => duties.planSlots());
    const nextMs = await attempt("enqueue_cron_tasks", async () => {
      await duties.enqueueDue();
      return await store.nextSlotMs();
    });
    const waitMs = Math.min(Math.max(nextMs ?? pollMs, waitMsMin), pollMs);
    await wait(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

function checkOptions({
  planHours,
  pollSeconds,
}: Required<Pick<SchedulerOptions, "planHours" | "pollSeconds">>): void {
  const problems: string[] = [];
  if (!(planHours >= 25 && planHours <= 8_784)) {
    problems.push(`planHours must be from 25 to 8784, got ${planHours}`);
  }
  if (!(pollSeconds > 0 && pollSeconds <= 3_600)) {
    problems.push(`pollSeconds must be above 0 and at most 3600, got ${pollSeconds}`);
  }
  if (problems.length === 0) return;
  throw new WorkerError("config_invalid", `Scheduler settings refused: ${problems.join("; ")}.`, {
    scope: "config",
  });
}

function checkNames(schedules: readonly Schedule[]): void {
  const names = new Set<string>();
  const twice = schedules
    .map(({ name }) => name)
    .find((name) => names.size === names.add(name).size);
  if (twice === undefined) return;
  throw new WorkerError("config_invalid", `Schedule "${twice}" is given twice.`, {
    scope: "config",
  });
}
