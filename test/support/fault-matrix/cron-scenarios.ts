import { expect } from "bun:test";

import { definePipeline } from "@leasehold/core";
import {
  createScheduler,
  cronSql,
  defineSchedule,
  type Schedule,
  type Scheduler,
  type SchedulerOptions,
} from "@leasehold/cron";
import { z } from "zod";

import { asking, type ClientCall, same } from "./client-scenarios.ts";
import { inTime, type MatrixBench, patienceMs, statementMs } from "./matrix-bench.ts";
import type { Scenario } from "./scenario.ts";

const bundles = [cronSql];
const hourMs = 3_600_000;

const report = definePipeline({
  type: "report",
  version: 1,
  input: z.object({}),
  phases: [{ name: "write", output: z.unknown() }],
});

/** At half past, and the clock of these tests begins at noon: an hour has one slot, however slow the machine is. */
const hourly: Schedule = defineSchedule({
  name: "hourly",
  cron: "30 * * * *",
  timeZone: "UTC",
  pipeline: report,
  input: {},
});

function schedulerOf(
  connection: SchedulerOptions["connection"],
  { database }: MatrixBench,
): Scheduler {
  return createScheduler({ connection, schema: database.schema, pollSeconds: 0.2 });
}

/** Asks as somebody whom no fault meets. */
async function direct<Answer>(
  bench: MatrixBench,
  ask: (scheduler: Scheduler) => Promise<Answer>,
): Promise<Answer> {
  await using scheduler = schedulerOf(bench.database.connection, bench);
  return await ask(scheduler);
}

async function atNoon({ database }: MatrixBench): Promise<string> {
  const [row] = await database.query(
    `select extract(epoch from date_trunc('day', now) + interval '36 hours' - now) * 1000 as ms
    from (select :"schema".clock() as now) as c`,
  );
  await database.advance(Math.ceil(Number(row?.["ms"])));
  return "";
}

async function withSchedule(bench: MatrixBench): Promise<string> {
  await atNoon(bench);
  await direct(bench, (scheduler) => scheduler.upsert([hourly]));
  return "";
}

async function withDueSlot(bench: MatrixBench): Promise<string> {
  await withSchedule(bench);
  await bench.database.advance(hourMs);
  return "";
}

/** The plan is short by some hours, which is more than a scheduler leaves be. */
async function withShortPlan(bench: MatrixBench): Promise<string> {
  await withSchedule(bench);
  await bench.database.advance(6 * hourMs);
  return "";
}

async function countJobs({ database }: MatrixBench): Promise<number> {
  return (await database.query('select from :"schema".job')).length;
}

/** No slot is missing, and none is there twice. */
async function expectWholePlan(bench: MatrixBench): Promise<void> {
  const [slots] = await bench.database.query(
    `select count(*)::integer as ct, count(distinct slot_at)::integer as single,
      (extract(epoch from max(slot_at) - min(slot_at)) / 3600)::integer + 1 as hours
    from :"schema".cron_slot`,
  );
  expect(slots?.["single"]).toBe(slots?.["ct"]);
  expect(slots?.["hours"]).toBe(slots?.["ct"]);
}

interface SchedulerCall {
  readonly prepare: (bench: MatrixBench) => Promise<string>;
  readonly call: (scheduler: Scheduler) => Promise<unknown>;
  readonly again: ClientCall<unknown>["again"];
  readonly check?: (bench: MatrixBench) => Promise<void>;
}

/** A call of a scheduler is refused in time, and whoever asks again finds it done once. */
function askingScheduler(
  statement: RegExp,
  { prepare, call, again, check }: SchedulerCall,
): Scenario {
  const scenario = asking(statement, {
    prepare,
    async call(bench) {
      await using scheduler = schedulerOf(bench.proxy.url, bench);
      return { answer: await call(scheduler) };
    },
    again: { done: { answer: again.done }, notDone: { answer: again.notDone } },
    check: async (bench) => await check?.(bench),
  });
  return { ...scenario, bundles };
}

const planning = (statement: RegExp, again: SchedulerCall["again"]): Scenario =>
  askingScheduler(statement, {
    prepare: withShortPlan,
    call: (scheduler) => scheduler.planSlots(),
    again,
    check: expectWholePlan,
  });

/** A started scheduler says that it was not answered, and goes on: the next slot is one job. */
const looking: Scenario = {
  statement: /\.next_slot_ms\(/,
  bundles,
  async play(bench, kind) {
    await withSchedule(bench);
    await using scheduler = schedulerOf(bench.proxy.url, bench);
    const told = Promise.withResolvers<void>();
    const enqueued = Promise.withResolvers<void>();
    scheduler.subscribe((event) => {
      if (event.name === "database.failed") told.resolve();
      if (event.name === "slots.enqueued") enqueued.resolve();
    });
    const fault = bench.proxy.arm({ statement: this.statement, kind });

    await scheduler.start();
    await inTime(fault, statementMs.work, told.promise);
    await bench.database.advance(hourMs);
    await inTime(fault, patienceMs, enqueued.promise);
    await scheduler.stop();

    expect(await countJobs(bench)).toBe(1);
  },
};

/** Every statement of a scheduler, by its name. */
export const cronScenarios: Readonly<Record<string, Scenario>> = {
  schema_version: askingScheduler(/\.schema_version\(/, {
    prepare: withSchedule,
    call: (scheduler) => scheduler.start(),
    again: same(undefined),
  }),
  upsert_schedules: askingScheduler(/\.upsert_schedules\(/, {
    prepare: atNoon,
    call: (scheduler) => scheduler.upsert([hourly]),
    again: { done: [{ outcome: "unchanged" }], notDone: [{ outcome: "created" }] },
    check: expectWholePlan,
  }),
  remove_schedule: askingScheduler(/\.remove_schedule\(/, {
    prepare: withSchedule,
    call: (scheduler) => scheduler.removeSchedule("hourly"),
    again: { done: "not_found", notDone: "ok" },
    async check(bench) {
      expect(await direct(bench, (scheduler) => scheduler.listSchedules())).toEqual([]);
    },
  }),
  pause_schedule: askingScheduler(/\.pause_schedule\(/, {
    prepare: withSchedule,
    call: (scheduler) => scheduler.pauseSchedule("hourly"),
    again: same("ok"),
    async check(bench) {
      const schedules = await direct(bench, (scheduler) => scheduler.listSchedules());
      expect(schedules).toMatchObject([{ name: "hourly", enabled: false }]);
    },
  }),
  resume_schedule: askingScheduler(/\.resume_schedule\(/, {
    async prepare(bench) {
      await withSchedule(bench);
      return await direct(bench, (scheduler) => scheduler.pauseSchedule("hourly"));
    },
    call: (scheduler) => scheduler.resumeSchedule("hourly"),
    again: same("ok"),
    async check(bench) {
      const schedules = await direct(bench, (scheduler) => scheduler.listSchedules());
      expect(schedules).toMatchObject([{ name: "hourly", enabled: true }]);
      await expectWholePlan(bench);
    },
  }),
  list_schedules: askingScheduler(/\.list_schedules\(/, {
    prepare: withSchedule,
    call: (scheduler) => scheduler.listSchedules(),
    again: same([{ name: "hourly" }]),
  }),
  cron_health: askingScheduler(/\.cron_health\(/, {
    prepare: withSchedule,
    call: (scheduler) => scheduler.listHealth(),
    again: same([{ name: "hourly", overdueCount: 0 }]),
  }),
  list_unplanned: planning(/\.list_unplanned\(/, same(6)),
  plan_slots: planning(/\.plan_slots\(/, { done: 0, notDone: 6 }),
  // What it deletes is of use to nobody, so that the next time may do it as well.
  prune_slots: planning(/\.prune_slots\(/, same(0)),
  enqueue_cron_tasks: askingScheduler(/\.enqueue_cron_tasks\(/, {
    prepare: withDueSlot,
    call: (scheduler) => scheduler.enqueueDue(),
    again: { done: 0, notDone: 1 },
    async check(bench) {
      expect(await countJobs(bench)).toBe(1);
    },
  }),
  next_slot_ms: looking,
};
