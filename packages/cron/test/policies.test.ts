import { describe, expect, test } from "bun:test";

import type { MissedPolicy } from "../src/schedule.ts";
import { type CronBench, scheduleOf, setupCron } from "./support/cron-bench.ts";
import { errorOf } from "./support/error-of.ts";
import { useDatabase } from "./support/server.ts";

const server = useDatabase();
const setup = async (moment?: string): Promise<CronBench> => setupCron(await server(), moment);

const hours = (slots: readonly string[]): readonly string[] =>
  slots.map((slot) => slot.slice(11, 16));

describe("three hours without anybody to enqueue", () => {
  /** At 00:30 the last call, at 04:30 the next: 01:00 to 04:00 were missed. */
  const missed = async (policy: MissedPolicy): Promise<readonly string[]> => {
    await using cron = await setup("2026-06-01T00:30:00Z");
    await cron.scheduler.upsert([scheduleOf({ missed: policy })]);
    await cron.scheduler.enqueueDue();
    await cron.setClock("2026-06-01T03:30:00Z");

    const count = await cron.scheduler.enqueueDue();

    const jobs = await cron.listJobSlots();
    expect(jobs).toHaveLength(count);
    const due = (await cron.listSlots()).slice(0, 3);
    expect(hours(due.map(({ slot }) => slot))).toEqual(["01:00", "02:00", "03:00"]);
    expect(due.map(({ slot, outcome }) => outcome === "enqueued" && slot).filter(Boolean)).toEqual([
      ...jobs,
    ]);
    expect(due.every(({ outcome }) => outcome !== null)).toBe(true);
    return hours(jobs);
  };

  test("give no job where missed slots are skipped", async () => {
    expect(await missed("skip")).toEqual([]);
  });

  test("give one job, for the last of them", async () => {
    expect(await missed("last")).toEqual(["03:00"]);
  });

  test("give all of them, the oldest first", async () => {
    expect(await missed({ all: 100 })).toEqual(["01:00", "02:00", "03:00"]);
  });

  test("give the newest of them, where there is a bound, the oldest first", async () => {
    expect(await missed({ all: 2 })).toEqual(["02:00", "03:00"]);
  });
});

describe("a slot within its grace", () => {
  const within = async (policy: MissedPolicy): Promise<readonly string[]> => {
    await using cron = await setup("2026-06-01T00:30:00Z");
    await cron.scheduler.upsert([scheduleOf({ missed: policy, graceSeconds: 300 })]);
    await cron.setClock("2026-06-01T03:04:50Z");

    await cron.scheduler.enqueueDue();

    return hours(await cron.listJobSlots());
  };

  test("gets its job, whatever becomes of those before it", async () => {
    expect(await within("skip")).toEqual(["03:00"]);
    expect(await within({ all: 1 })).toEqual(["02:00", "03:00"]);
  });

  test("makes up for those before it, where one job is enough", async () => {
    expect(await within("last")).toEqual(["03:00"]);
  });
});

test("a backlog that takes several calls ends as in one", async () => {
  await using cron = await setup("2026-06-01T00:30:00Z");
  await cron.scheduler.upsert([
    scheduleOf({ name: "all", missed: { all: 5 } }),
    scheduleOf({ name: "last", missed: "last" }),
  ]);
  await cron.setClock("2026-06-01T20:30:00Z");

  const counts: number[] = [];
  for (let calls = 0; calls < 6; calls += 1) {
    const [row] = await cron.query('select :"schema".enqueue_cron_tasks(7) as ct');
    counts.push(Number(row?.["ct"]));
  }

  expect(counts.reduce((one, other) => one + other)).toBe(6);
  expect(hours(await cron.listJobSlots())).toEqual([
    "16:00",
    "17:00",
    "18:00",
    "19:00",
    "20:00",
    "20:00",
  ]);
});

describe("when nobody planned for ten days", () => {
  const unplanned = async (policy: MissedPolicy): Promise<readonly string[]> => {
    await using cron = await setup("2026-06-01T00:30:00Z");
    await cron.scheduler.upsert([scheduleOf({ missed: policy })]);
    await cron.setClock("2026-06-11T12:30:00Z");

    await cron.scheduler.planSlots();
    await cron.scheduler.enqueueDue();

    return (await cron.listJobSlots()).map((slot) => slot.slice(8, 16));
  };

  test("what was missed is missed all the same", async () => {
    expect(await unplanned("skip")).toEqual([]);
    expect(await unplanned("last")).toEqual(["11T12:00"]);
    expect(await unplanned({ all: 3 })).toEqual(["11T10:00", "11T11:00", "11T12:00"]);
  });
});

test("what Postgres refuses is written down, and its neighbours go on", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf({ name: "bad" }), scheduleOf({ name: "good" })]);
  await cron.query(
    `update :"schema".schedule set job = job || '{"priority": 99}' where name = 'bad'`,
  );
  await cron.setClock("2026-06-01T01:00:30Z");

  expect(await cron.scheduler.enqueueDue()).toBe(1);

  const [bad, good] = await cron.listSlots();
  expect(bad).toMatchObject({ schedule: "bad", outcome: "failed" });
  expect(good).toMatchObject({ schedule: "good", outcome: "enqueued" });
  const [row] = await cron.query(`select code from :"schema".cron_slot where outcome = 'failed'`);
  expect(row).toEqual({ code: "23514" });
  const health = await cron.scheduler.listHealth();
  expect(health.map(({ warning }) => warning)).toEqual(["slots_failed", undefined]);
});

test("a server in trouble is no failure: nothing happened, and the next call does it", async () => {
  await using cron = await setup();
  await cron.scheduler.upsert([scheduleOf()]);
  await cron.setClock("2026-06-01T01:00:30Z");
  await cron.query(`create function :"schema".deny() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '53100', message = 'disk full'; end $$`);
  await cron.query(
    `create trigger deny before insert on :"schema".job execute function :"schema".deny()`,
  );

  const refused = cron.scheduler.enqueueDue();

  expect(await errorOf(refused)).toMatchObject({ code: "database_unavailable", retryable: true });
  expect((await cron.listSlots())[0]?.outcome).toBeNull();
  await cron.query('drop trigger deny on :"schema".job');
  expect(await cron.scheduler.enqueueDue()).toBe(1);
});
