import { describe, expect, test } from "bun:test";

import { type CronBench, scheduleOf, setupCron } from "./support/cron-bench.ts";
import { useDatabase } from "./support/server.ts";
import { openSession, overtake, passBy } from "./support/session.ts";

// Two connections want the same schedule or the same slot, and one must lose and say so.

const server = useDatabase();

/** One schedule, planned; the slot of 01:00 is due. */
async function setup(): Promise<CronBench> {
  const cron = await setupCron(await server());
  await cron.scheduler.upsert([scheduleOf({ missed: { all: 100 } })]);
  await cron.setClock("2026-06-01T01:00:30Z");
  return cron;
}

const consume = 'select :"schema".enqueue_cron_tasks()';
const pause = `select :"schema".pause_schedule('hourly')`;
const resume = `select :"schema".resume_schedule('hourly')`;
const remove = `select :"schema".remove_schedule('hourly')`;
const prune = 'select :"schema".prune_slots(0)';
/** Both of them have the same revision in hand. */
const plan = (revision: number, slot: string): string =>
  `select :"schema".plan_slots('hourly', ${revision}, '2026-06-04T00:00:00Z', '{${slot}}')`;
const upsert = (cron: string): string =>
  `select u.outcome from :"schema".upsert_schedules(jsonb_build_array(jsonb_build_object(
    'name', 'hourly', 'cron', '${cron}', 'timeZone', 'UTC', 'missed', 'last', 'missedMax', 1, 'graceMs', 1000,
    'jobs', '[{"phase": "write", "payload": {}}]'::jsonb, 'shared', '{"type": "report", "version": 1}'::jsonb
  ))) as u`;

async function revisionOf(cron: CronBench): Promise<number> {
  const [row] = await cron.query('select revision from :"schema".schedule');
  return Number(row?.["revision"]);
}

const outcomes = async (cron: CronBench): Promise<readonly (string | null)[]> =>
  (await cron.listSlots()).map(({ outcome }) => outcome);

describe("a slot", () => {
  test("is skipped by a consumer while another one has it, and neither waits", async () => {
    await using cron = await setup();

    const answers = await passBy(cron, { first: consume, second: consume });

    expect(answers).toEqual([1, 0]);
    expect(await cron.listJobSlots()).toEqual(["2026-06-01T01:00:00.000Z"]);
  });

  test("whose consumer was killed in its transaction is the next consumer's", async () => {
    await using cron = await setup();
    await using doomed = await openSession(cron);
    await doomed.query("begin");
    expect(await doomed.query(consume)).toEqual([{ enqueue_cron_tasks: 1 }]);
    await doomed.kill();

    expect(await cron.scheduler.enqueueDue()).toBe(1);

    expect(await cron.listJobSlots()).toEqual(["2026-06-01T01:00:00.000Z"]);
    expect(await cron.scheduler.enqueueDue()).toBe(0);
  });

  test("whose row is lost does not become two jobs", async () => {
    await using cron = await setup();
    await cron.scheduler.enqueueDue();
    await cron.query('update :"schema".cron_slot set consumed_at = null, outcome = null');

    await cron.scheduler.enqueueDue();

    expect(await cron.query('select id from :"schema".job')).toHaveLength(1);
  });

  test("is forgotten once", async () => {
    await using cron = await setup();
    await cron.scheduler.enqueueDue();

    const answers = await overtake(cron, { first: prune, second: prune });

    expect(answers).toEqual([1, 0]);
  });
});

describe("a stretch of slots", () => {
  test("is planned by one of two planners, and the other is told", async () => {
    await using cron = await setup();
    const revision = await revisionOf(cron);
    const [first, second] = ["2026-06-03T05:00:00Z", "2026-06-03T06:00:00Z"];

    const answers = await overtake(cron, {
      first: plan(revision, first),
      second: plan(revision, second),
    });

    expect(answers).toEqual(["ok", "stale"]);
    expect((await cron.listSlots()).at(-1)?.slot).toBe("2026-06-03T05:00:00.000Z");
  });

  test.each([
    ["is paused", pause, "ok"],
    ["is resumed", resume, "ok"],
    ["gets another expression", upsert("30 * * * *"), "changed"],
  ])("of a schedule that %s meanwhile is not planned", async (_, first, answer) => {
    await using cron = await setup();
    const second = plan(await revisionOf(cron), "2026-06-03T05:00:00Z");

    expect(await overtake(cron, { first, second })).toEqual([answer, "stale"]);
  });

  test("of a schedule that is removed meanwhile is not planned", async () => {
    await using cron = await setup();
    const second = plan(await revisionOf(cron), "2026-06-03T05:00:00Z");

    expect(await overtake(cron, { first: remove, second })).toEqual(["ok", "stale"]);
    expect(await cron.listSlots()).toEqual([]);
  });
});

describe("a schedule", () => {
  test("that is paused while its slot is consumed is paused after it", async () => {
    await using cron = await setup();

    expect(await overtake(cron, { first: consume, second: pause })).toEqual([1, "ok"]);

    expect(await outcomes(cron)).toEqual(["enqueued"]);
  });

  test("whose pause has not committed is consumed by nobody", async () => {
    await using cron = await setup();

    expect(await passBy(cron, { first: pause, second: consume })).toEqual(["ok", 0]);

    expect(await outcomes(cron)).toEqual(["passed"]);
  });

  test("that is removed while its slot is consumed leaves the job", async () => {
    await using cron = await setup();

    expect(await overtake(cron, { first: consume, second: remove })).toEqual([1, "ok"]);

    expect(await cron.listSlots()).toEqual([]);
    expect(await cron.client.getQueue()).toMatchObject([{ type: "report", count: 1 }]);
  });

  test("is removed once", async () => {
    await using cron = await setup();

    expect(await overtake(cron, { first: remove, second: remove })).toEqual(["ok", "not_found"]);
  });

  test("is resumed once, and the other changes nothing", async () => {
    await using cron = await setup();
    await cron.scheduler.pauseSchedule("hourly");

    expect(await overtake(cron, { first: resume, second: resume })).toEqual(["ok", "ok"]);

    expect(await cron.scheduler.planSlots()).toBe(48);
  });

  test("is paused once, and the other changes nothing", async () => {
    await using cron = await setup();

    expect(await overtake(cron, { first: pause, second: pause })).toEqual(["ok", "ok"]);

    expect(await outcomes(cron)).toEqual(["passed"]);
  });

  test("that two add at once is added once", async () => {
    await using cron = await setup();
    await cron.scheduler.removeSchedule("hourly");

    const answers = await overtake(cron, {
      first: upsert("30 * * * *"),
      second: upsert("30 * * * *"),
    });

    expect(answers).toEqual(["created", "unchanged"]);
  });

  test("that two change at once has the later one's expression and its slots only", async () => {
    await using cron = await setup();
    const answers = await overtake(cron, {
      first: upsert("30 * * * *"),
      second: upsert("45 * * * *"),
    });
    expect(answers).toEqual(["changed", "changed"]);

    await cron.scheduler.planSlots();

    const open = (await cron.listSlots()).filter(({ outcome }) => outcome === null);
    // What was due before the change stays due.
    expect(open.map(({ slot }) => slot.slice(14, 16)).toSorted()[0]).toBe("00");
    expect(open.filter(({ slot }) => slot.slice(14, 16) === "45")).toHaveLength(48);
    expect(open).toHaveLength(49);
  });
});
