import { describe, expect, test } from "bun:test";

import { createWorker, definePipeline, migrate } from "@leasehold/core";
import { createTestDatabase, drain } from "@leasehold/core/testing";
import { z } from "zod";

import { cronSql } from "../src/cron-sql.ts";
import { defineSchedule } from "../src/schedule.ts";
import { createScheduler, type SchedulerEvent } from "../src/scheduler.ts";
import { type CronBench, report, scheduleOf, setupCron } from "./support/cron-bench.ts";
import { errorOf } from "./support/error-of.ts";
import { useDatabase } from "./support/server.ts";

const server = useDatabase();
const setup = async (moment?: string): Promise<CronBench> => setupCron(await server(), moment);

const openSlots = async (cron: CronBench): Promise<readonly string[]> =>
  (await cron.listSlots()).filter(({ outcome }) => outcome === null).map(({ slot }) => slot);

describe("upsert", () => {
  test("adds schedules and plans their slots for 48 hours", async () => {
    await using cron = await setup();

    const answers = await cron.scheduler.upsert([
      scheduleOf({ name: "b" }),
      scheduleOf({ name: "a" }),
    ]);

    expect(answers).toEqual([
      { schedule: "a", outcome: "created" },
      { schedule: "b", outcome: "created" },
    ]);
    const slots = await openSlots(cron);
    expect(slots).toHaveLength(96);
    expect(slots[0]).toBe("2026-06-01T01:00:00.000Z");
    expect(slots.at(-1)).toBe("2026-06-03T00:00:00.000Z");
    expect(cron.events).toContainEqual({ name: "slots.planned", schedule: "a", count: 48 });
  });

  test("changes nothing when nothing changed", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf()]);

    expect(await cron.scheduler.upsert([scheduleOf()])).toEqual([
      { schedule: "hourly", outcome: "unchanged" },
    ]);
  });

  test("with another expression takes back the slots to come, and plans anew", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf()]);
    await cron.setClock("2026-06-01T02:30:00Z");
    await cron.scheduler.enqueueDue();

    await cron.scheduler.upsert([scheduleOf({ cron: "15 */6 * * *" })]);

    expect((await openSlots(cron)).slice(0, 2)).toEqual([
      "2026-06-01T06:15:00.000Z",
      "2026-06-01T12:15:00.000Z",
    ]);
    expect((await cron.listSlots()).map(({ outcome }) => outcome).slice(0, 3)).toEqual([
      "passed",
      "enqueued",
      null,
    ]);
  });

  test("with another zone does, too", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf({ cron: "0 6 * * *" })]);

    await cron.scheduler.upsert([scheduleOf({ cron: "0 6 * * *", timeZone: "Asia/Kolkata" })]);

    expect((await openSlots(cron))[0]).toBe("2026-06-01T00:30:00.000Z");
  });

  test("with another input keeps the slots, and their jobs get it", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf()]);
    const before = await openSlots(cron);

    await cron.scheduler.upsert([scheduleOf({ input: { topic: "sport" } })]);

    expect(await openSlots(cron)).toEqual(before);
    await cron.setClock("2026-06-01T01:00:10Z");
    await cron.scheduler.enqueueDue();
    expect(await cron.query('select payload from :"schema".job')).toEqual([
      { payload: { topic: "sport" } },
    ]);
  });

  test("refuses the same name twice", async () => {
    await using cron = await setup();

    const refused = cron.scheduler.upsert([scheduleOf(), scheduleOf()]);

    expect(await errorOf(refused)).toMatchObject({ code: "config_invalid" });
  });

  test("plans a week of every five minutes in several calls", async () => {
    await using cron = await setup();
    const { connection, schema } = cron.database;
    await using far = createScheduler({ connection, schema, planHours: 24 * 7 });

    await far.upsert([scheduleOf({ cron: "*/5 * * * *" })]);

    expect(await openSlots(cron)).toHaveLength(7 * 24 * 12);
  });
});

describe("a job", () => {
  test("has the queue, the tenant, the priority and the input that the schedule says, and its slot", async () => {
    await using cron = await setup();
    const dated = defineSchedule({
      name: "dated",
      cron: "0 * * * *",
      timeZone: "UTC",
      pipeline: report,
      input: { topic: "weather" },
      slotField: "at",
      tenant: "school",
      priority: 2,
    });
    await cron.scheduler.upsert([dated]);
    await cron.setClock("2026-06-01T01:00:01Z");

    await cron.scheduler.enqueueDue();

    const [job] = await cron.query(
      'select type, queue, tenant, priority, payload, idempotency_key from :"schema".job',
    );
    expect(job).toEqual({
      type: "report",
      queue: "default",
      tenant: "school",
      priority: 2,
      payload: { topic: "weather", at: "2026-06-01T01:00:00Z" },
      idempotency_key: "cron dated 2026-06-01T01:00:00Z",
    });
  });

  test("runs as any other does", async () => {
    await using cron = await setup();
    const topics: string[] = [];
    const working = definePipeline({
      ...report,
      phases: [
        {
          name: "write",
          output: z.string(),
          run: async ({ input }) => {
            topics.push(input.topic);
            return { output: "written", provenance: {} };
          },
        },
      ],
    });
    const { connection, schema } = cron.database;
    await using worker = createWorker({ connection, schema, pipelines: [working] });
    await cron.scheduler.upsert([scheduleOf()]);
    await worker.start();
    await cron.setClock("2026-06-01T01:00:01Z");

    await cron.scheduler.enqueueDue();
    await drain(cron.database);

    expect(topics).toEqual(["weather"]);
  });
});

test("slots that were planned are consumed by plain SQL alone", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf()]);
  await cron.scheduler.stop();
  await cron.setClock("2026-06-01T01:00:30Z");

  const call = 'select :"schema".enqueue_cron_tasks()';

  expect(await cron.query(call)).toEqual([{ enqueue_cron_tasks: 1 }]);
  expect(await cron.query(call)).toEqual([{ enqueue_cron_tasks: 0 }]);
});

describe("a paused schedule", () => {
  test("enqueues nothing and misses nothing, and goes on from where it is resumed", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf({ missed: { all: 100 } })]);
    await cron.setClock("2026-06-01T01:30:00Z");

    expect(await cron.scheduler.pauseSchedule("hourly")).toBe("ok");
    expect(await cron.scheduler.planSlots()).toBe(0);
    await cron.setClock("2026-06-01T05:30:00Z");
    expect(await cron.scheduler.enqueueDue()).toBe(0);
    expect(await cron.scheduler.resumeSchedule("hourly")).toBe("ok");

    expect(await cron.scheduler.enqueueDue()).toBe(0);
    expect((await openSlots(cron))[0]).toBe("2026-06-01T06:00:00.000Z");
    await cron.setClock("2026-06-01T06:00:10Z");
    expect(await cron.scheduler.enqueueDue()).toBe(1);
  });

  test("stays paused when it is given anew", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf()]);
    await cron.scheduler.pauseSchedule("hourly");

    await cron.scheduler.upsert([scheduleOf({ cron: "15 * * * *" })]);

    expect(await cron.scheduler.listSchedules()).toMatchObject([{ enabled: false }]);
    expect(await openSlots(cron)).toEqual([]);
  });
});

test("a removed schedule is gone with its slots", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf()]);

  expect(await cron.scheduler.removeSchedule("hourly")).toBe("ok");
  expect(await cron.scheduler.removeSchedule("hourly")).toBe("not_found");

  expect(await cron.listSlots()).toEqual([]);
  expect(await cron.scheduler.pauseSchedule("hourly")).toBe("not_found");
  expect(await cron.scheduler.resumeSchedule("hourly")).toBe("not_found");
});

test("schedules are listed without what their jobs are given", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf({ missed: { all: 3 }, graceSeconds: 90 })]);

  expect(await cron.scheduler.listSchedules()).toEqual([
    {
      name: "hourly",
      cron: "0 * * * *",
      timeZone: "UTC",
      missed: { all: 3 },
      graceSeconds: 90,
      type: "report",
      queue: "default",
      enabled: true,
      plannedUntil: expect.any(Date),
      nextSlotAt: new Date("2026-06-01T01:00:00Z"),
    },
  ]);
});

test("slots that were consumed a month ago are forgotten when new ones are planned", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf({ cron: "0 12 * * *" })]);
  await cron.setClock("2026-06-01T12:01:00Z");
  await cron.scheduler.enqueueDue();
  await cron.setClock("2026-07-02T12:01:00Z");

  await cron.scheduler.planSlots();

  const slots = (await cron.listSlots()).map(({ slot }) => slot.slice(5, 10));
  // The second was never consumed. Of those that nobody planned, the last may be of use.
  expect(slots).toEqual(["06-02", "07-01", "07-02", "07-03", "07-04"]);
});

describe("health", () => {
  const warningOf = async (cron: CronBench): Promise<unknown> =>
    (await cron.scheduler.listHealth())[0]?.warning;

  test("says how far slots are planned, and warns when that is less than a day", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf({ cron: "0 */12 * * *" })]);

    const [health] = await cron.scheduler.listHealth();

    expect(health).toMatchObject({
      name: "hourly",
      lastSlotAt: new Date("2026-06-03T00:00:00Z"),
      nextSlotAt: new Date("2026-06-01T12:00:00Z"),
      overdueCount: 0,
      failedCount: 0,
      warning: undefined,
    });
    expect(health?.plannedHours).toBeCloseTo(48, 1);
    await cron.setClock("2026-06-02T02:00:00Z");
    await cron.scheduler.enqueueDue();
    expect(await warningOf(cron)).toBe("slots_low");
    await cron.scheduler.planSlots();
    expect(await warningOf(cron)).toBeUndefined();
  });

  test("warns of slots that nobody consumes", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf()]);

    await cron.setClock("2026-06-01T03:02:00Z");

    expect(await cron.scheduler.listHealth()).toMatchObject([
      { overdueCount: 3, warning: "slots_overdue" },
    ]);
    await cron.scheduler.pauseSchedule("hourly");
    expect(await warningOf(cron)).toBeUndefined();
  });
});

describe("a started scheduler", () => {
  const heard = (cron: CronBench, name: SchedulerEvent["name"]): Promise<SchedulerEvent> => {
    const { promise, resolve } = Promise.withResolvers<SchedulerEvent>();
    const known = cron.events.find((event) => event.name === name);
    if (known !== undefined) resolve(known);
    cron.scheduler.subscribe((event) => event.name === name && resolve(event));
    return promise;
  };

  test("plans what others added, and enqueues at the slot", async () => {
    await using cron = await setup("2026-06-01T00:59:57Z");
    await using other = cron.addScheduler();
    await other.upsert([scheduleOf()]);

    await cron.scheduler.start();

    expect(await heard(cron, "slots.enqueued")).toEqual({ name: "slots.enqueued", count: 1 });
    expect(await cron.listJobSlots()).toEqual(["2026-06-01T01:00:00.000Z"]);
    await cron.scheduler.stop();
    await cron.scheduler.stop();
    expect(cron.events.at(-1)).toEqual({ name: "scheduler.stopped" });
  });

  test("plans the others when it cannot read the expression of one", async () => {
    await using cron = await setup();
    await cron.scheduler.upsert([scheduleOf({ name: "odd" })]);
    await cron.query(`update :"schema".schedule set cron = 'often', planned_until = '2026-06-01'`);
    await using other = cron.addScheduler();
    await other.upsert([scheduleOf({ name: "plain" })]);
    await cron.setClock("2026-06-01T12:00:10Z");

    await cron.scheduler.start();

    expect(await heard(cron, "schedule.refused")).toEqual({
      name: "schedule.refused",
      schedule: "odd",
    });
    await heard(cron, "slots.enqueued");
    expect((await cron.scheduler.listHealth()).map(({ name }) => name)).toEqual(["odd", "plain"]);
  });

  test("tells of a database that refuses, and goes on", async () => {
    await using cron = await setup();
    await cron.query('alter table :"schema".schedule rename to elsewhere');

    await cron.scheduler.start();

    expect(await heard(cron, "database.failed")).toMatchObject({ operation: "plan_slots" });
  });

  test("starts once, and not after it was stopped", async () => {
    await using cron = await setup();
    await cron.scheduler.start();

    expect(await errorOf(cron.scheduler.start())).toMatchObject({ code: "config_invalid" });

    const other = cron.addScheduler();
    await other.stop();
    expect(await errorOf(other.start())).toMatchObject({ code: "config_invalid" });
  });

  test("says what to do where there are no tables for schedules", async () => {
    const { url } = await server();
    await using database = await createTestDatabase({ connection: url });
    await using scheduler = createScheduler(database);

    expect(await errorOf(scheduler.start())).toMatchObject({
      code: "schema_outdated",
      message: expect.stringContaining("bundles: [cronSql]"),
    });
  });
});

test("settings are refused with every problem at once", () => {
  expect(() =>
    createScheduler({ connection: "postgres://nowhere", planHours: 24, pollSeconds: 0 }),
  ).toThrow(/planHours must be from 25 to 8784, got 24; pollSeconds must be above 0/);
});

test("a second migrate changes nothing that was planned", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf()]);

  const { connection, schema } = cron.database;
  const { applied } = await migrate({ connection, schema, bundles: [cronSql] });

  expect(applied).toEqual([]);
  expect((await cron.listSlots()).length).toBe(48);
});
