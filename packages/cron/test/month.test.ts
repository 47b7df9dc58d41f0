import { expect, test } from "bun:test";

import { scheduleOf, setupCron } from "./support/cron-bench.ts";
import { useDatabase } from "./support/server.ts";
import { openSession } from "./support/session.ts";
import { listMinutes } from "./support/wall-clock.ts";

const server = useDatabase();

const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"];
/** A time of the night that changes; an interval; and times around the change, also where that is half an hour. */
const crons = ["30 2 * * *", "*/30 * * * *", "15,45 1-2 * * *"];
const consumers = 10;
const stepHours = 6;

/**
 * The clocks of three zones change in each: New York on 8 March, Berlin on 29 March, Lord Howe on 5 April; Lord Howe on 4
 * October, Berlin on 25 October, New York on 1 November.
 */
test.each([
  ["spring", "2026-03-07T00:00:00Z"],
  ["autumn", "2026-10-03T00:00:00Z"],
])(
  "ten consumers, thirty days in %s, four zones: every slot once",
  async (_, start) => {
    await using cron = await setupCron(await server(), start);
    const from = new Date(start);
    const until = new Date(from.getTime() + 30 * 86_400_000);
    const schedules = zones.flatMap((timeZone, zone) =>
      crons.map((text, index) =>
        // Whoever comes too late loses the slot: none may.
        scheduleOf({
          name: `zone${zone}.cron${index}`,
          cron: text,
          timeZone,
          missed: "skip",
          graceSeconds: (stepHours + 1) * 3_600,
        }),
      ),
    );
    await cron.scheduler.upsert(schedules);
    const second = cron.addScheduler();
    await using stack = new AsyncDisposableStack();
    const sessions = await Promise.all(
      Array.from({ length: consumers }, async () => stack.use(await openSession(cron))),
    );
    const consume = async (): Promise<readonly number[]> => {
      const answers = await Promise.all(
        // A few at a time, so that they meet.
        sessions.map((session) => session.query('select :"schema".enqueue_cron_tasks(7) as ct')),
      );
      return answers.map(([row]) => Number(row?.["ct"]));
    };

    const counts = sessions.map(() => 0);
    for (let hours = stepHours; hours <= 30 * 24; hours += stepHours) {
      await cron.setClock(new Date(from.getTime() + hours * 3_600_000 + 1_000).toISOString());
      await Promise.all([cron.scheduler.planSlots(), second.planSlots()]);
      for (;;) {
        const answers = await consume();
        answers.forEach((count, index) => (counts[index] = (counts[index] ?? 0) + count));
        if (answers.every((count) => count === 0)) break;
      }
    }

    const slots = (await cron.listSlots()).filter(({ slot }) => new Date(slot) <= until);
    const expected = schedules
      .flatMap(({ name, cron: text, timeZone }) =>
        listMinutes(text, timeZone, { from, until }).map((slot) => ({
          schedule: name,
          slot,
          outcome: "enqueued",
        })),
      )
      .toSorted(
        (one, other) => compare(one.slot, other.slot) || compare(one.schedule, other.schedule),
      );
    expect(slots).toEqual(expected);
    const [jobs] = await cron.query(
      'select count(*)::int as ct, count(distinct idempotency_key)::int as keys from :"schema".job',
    );
    expect(jobs).toEqual({ ct: expected.length, keys: expected.length });
    expect(counts.reduce((one, other) => one + other)).toBe(expected.length);
    // They did share the work.
    expect(counts.every((count) => count > 0)).toBe(true);
  },
  120_000,
);

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
