import { WorkerError } from "@leasehold/core";
import { createScheduler, type ScheduleHealth, type Scheduler } from "@leasehold/cron";

import type { WorkerConfig } from "./config.ts";
import { logEvent, type WorkerLog } from "./logging.ts";

/** The scheduler beside a worker, if the configuration wants one. */
export interface Schedules extends AsyncDisposable {
  /** May be called again until it succeeds. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Slots that are known are looked for when they are due; this is for schedules that others add. */
const pollSeconds = 15;

export function createSchedules(
  { schedules, schema }: Pick<WorkerConfig, "schedules" | "schema">,
  url: string,
  log: WorkerLog,
): Schedules {
  let started: Scheduler | undefined;
  const stop = async (): Promise<void> => {
    await started?.stop();
  };
  return {
    async start() {
      if (!schedules || started !== undefined) return;
      const scheduler = createScheduler({ connection: url, schema, pollSeconds });
      scheduler.subscribe((event) => logEvent(log, event));
      try {
        await scheduler.start();
        started = scheduler;
      } finally {
        // One that could not start never can.
        if (started === undefined) await scheduler.stop();
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** How the schedules fare, as the doctor says it. */
export interface ScheduleFinding {
  readonly check: "schedules";
  readonly status: "ok" | "warn";
  readonly message: string;
}

/** Looks again and again. */
export interface ScheduleExaminer extends AsyncDisposable {
  /** Whether schedules get their slots and their jobs. Says nothing of a database that cannot be asked. */
  examine(): Promise<readonly ScheduleFinding[]>;
}

export function openScheduleExaminer(
  { schema }: Pick<WorkerConfig, "schema">,
  url: string,
): ScheduleExaminer {
  const scheduler = createScheduler({ connection: url, schema });
  return {
    async examine() {
      try {
        return judgeSchedules(await scheduler.listHealth());
      } catch (error) {
        // What it is, others have found: a database that is away, a schema that is old, a grant that is missing.
        if (WorkerError.is(error)) return [];
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => scheduler[Symbol.asyncDispose](),
  };
}

/** One finding for each warning that schedules have, or one that all is well. */
export function judgeSchedules(schedules: readonly ScheduleHealth[]): readonly ScheduleFinding[] {
  const found = [...complaints].flatMap(([warning, advice]) => {
    const names = schedules.filter((each) => each.warning === warning).map(({ name }) => name);
    if (names.length === 0) return [];
    return [{ check: "schedules", status: "warn", message: advice(list(names)) } as const];
  });
  if (found.length > 0) return found;
  const message =
    schedules.length === 0
      ? "There are no schedules."
      : `Schedules: ${schedules.length}, all planned for a day or more, and none overdue.`;
  return [{ check: "schedules", status: "ok", message }];
}

type Complaint = NonNullable<ScheduleHealth["warning"]>;

const complaints: ReadonlyMap<Complaint, (names: string) => string> = new Map([
  [
    "slots_overdue",
    (names) =>
      `Nobody enqueues the jobs of ${names}: start a worker with LEASEHOLD_SCHEDULER=on, or run \`cron enqueue\`.`,
  ],
  [
    "slots_low",
    (names) =>
      `Planned for less than a day: ${names}. Start a worker with LEASEHOLD_SCHEDULER=on, or run \`cron plan\`.`,
  ],
  [
    "slots_failed",
    (names) =>
      `Postgres refused jobs of ${names} within a day: mend what they enqueue; the table cron_slot has the SQLSTATE.`,
  ],
]);

/** More than that are only counted. */
const listedMax = 20;

function list(names: readonly string[]): string {
  const more = names.length - listedMax;
  return names.slice(0, listedMax).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
