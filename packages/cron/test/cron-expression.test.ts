import { describe, expect, setDefaultTimeout, test } from "bun:test";

import * as fc from "fast-check";

import { findCronProblem, findTimeZoneProblem, readCron } from "../src/cron-expression.ts";
import { listMinutes } from "./support/wall-clock.ts";

setDefaultTimeout(30_000);

/** A zone, and the time around one of its nights. */
type Night = readonly [timeZone: string, from: string, until: string];

const moments = (cron: string, [timeZone, from, until]: Night): readonly string[] =>
  readCron(cron, timeZone)
    .listAfter(new Date(from), new Date(until), 1_000)
    .map((moment) => moment.toISOString());

describe("in the night that has an hour less", () => {
  const berlin = ["Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"] as const;

  test("a time that does not exist is the first one after the gap", () => {
    expect(moments("30 2 * * *", berlin)).toEqual(["2026-03-29T01:00:00.000Z"]);
  });

  test("several times that do not exist are one", () => {
    expect(moments("15,45 2 * * *", berlin)).toEqual(["2026-03-29T01:00:00.000Z"]);
    expect(moments("30 2,3 * * *", berlin)).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:30:00.000Z",
    ]);
  });

  test("an interval goes on, and what does not exist is left out", () => {
    const every20Minutes = moments("*/20 * * * *", berlin);
    expect(every20Minutes).toHaveLength(24 * 3);
    expect(moments("*/20 2 * * *", berlin)).toEqual([]);
  });

  test("half an hour less is half an hour, too", () => {
    const island = ["Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z"] as const;
    // 02:00 is 02:30: from +10:30 to +11.
    expect(moments("15 2 * * *", island)).toEqual(["2026-10-03T15:30:00.000Z"]);
    expect(moments("45 2 * * *", island)).toEqual(["2026-10-03T15:45:00.000Z"]);
  });
});

describe("in the night that has an hour more", () => {
  const berlin = ["Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"] as const;

  test("a time that comes twice counts the first time", () => {
    expect(moments("30 2 * * *", berlin)).toEqual(["2026-10-25T00:30:00.000Z"]);
    expect(moments("15,45 2 * * *", berlin)).toEqual([
      "2026-10-25T00:15:00.000Z",
      "2026-10-25T00:45:00.000Z",
    ]);
  });

  test("an interval goes on through both hours", () => {
    expect(moments("0 * * * *", berlin)).toHaveLength(24);
    expect(moments("*/30 2 * * *", berlin)).toEqual([
      "2026-10-25T00:00:00.000Z",
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "2026-10-25T01:30:00.000Z",
    ]);
  });

  test("half an hour more is half an hour, too", () => {
    const island = ["Australia/Lord_Howe", "2026-04-04T12:00:00Z", "2026-04-05T12:00:00Z"] as const;
    // 02:00 is 01:30: from +11 to +10:30.
    expect(moments("45 1 * * *", island)).toEqual(["2026-04-04T14:45:00.000Z"]);
    expect(moments("*/45 1 * * *", island)).toEqual([
      "2026-04-04T14:00:00.000Z",
      "2026-04-04T14:45:00.000Z",
      "2026-04-04T15:15:00.000Z",
    ]);
  });
});

const item = (lowest: number, highest: number): fc.Arbitrary<string> => {
  const value = fc.integer({ min: lowest, max: highest });
  return fc.oneof(
    value.map(String),
    fc.tuple(value, value).map((pair) => pair.toSorted((one, other) => one - other).join("-")),
    fc.array(value, { minLength: 1, maxLength: 3 }).map((values) => values.join(",")),
  );
};
const often = (lowest: number, highest: number): fc.Arbitrary<string> =>
  fc.oneof(fc.constant("*"), fc.constant("*/7"), item(lowest, highest));
const rarely = (lowest: number, highest: number): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant("*") }, item(lowest, highest));
const expression = fc
  .tuple(
    often(0, 59),
    fc.oneof(often(0, 23), item(0, 3)),
    rarely(1, 28),
    fc.constant("*"),
    rarely(0, 6),
  )
  .map((fields) => fields.join(" "));
/** With changes by an hour, half an hour and two hours, in the night and at midnight; and without. */
const zone = fc.constantFrom(
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Antarctica/Troll",
  "America/Havana",
  "Asia/Kolkata",
);
/** Each has a change of every zone that has any. */
const change = fc.constantFrom(
  ["2026-03-07T17:00:20.500Z", "2026-03-09T00:00:00Z"],
  ["2026-03-28T12:00:00Z", "2026-03-29T20:00:00Z"],
  ["2026-04-04T08:30:00Z", "2026-04-05T12:00:00Z"],
  ["2026-10-03T08:30:00Z", "2026-10-04T12:00:00Z"],
  ["2026-10-24T12:00:00Z", "2026-10-25T20:00:00Z"],
  ["2026-10-31T16:59:00Z", "2026-11-01T20:00:00Z"],
);

test("whatever the expression, the zone and the night: the minutes are those of the clock on the wall", () => {
  fc.assert(
    fc.property(expression, zone, change, (cron, timeZone, [start = "", end = ""]) => {
      const from = new Date(start);
      const until = new Date(end);
      const wall = listMinutes(cron, timeZone, { from: wholeMinute(from), until });

      const calendar = readCron(cron, timeZone);
      const forward = calendar.listAfter(from, until, 5_000);
      const back = calendar.listUntil(until, from, 10);

      const expected = wall.filter((moment) => new Date(moment) > from);
      expect(forward.map((moment) => moment.toISOString())).toEqual([...expected]);
      expect(back).toEqual(forward.slice(-10));
    }),
    { numRuns: 100 },
  );
});

function wholeMinute(moment: Date): Date {
  return new Date(Math.floor(moment.getTime() / 60_000) * 60_000);
}

test("stops at as many as are wanted", () => {
  const calendar = readCron("0 * * * *", "UTC");
  const [from, until] = [new Date("2026-01-01T00:00:00Z"), new Date("2026-01-01T06:00:00Z")];

  const hours = (list: readonly Date[]): readonly number[] =>
    list.map((each) => each.getUTCHours());
  expect(hours(calendar.listAfter(from, until, 2))).toEqual([1, 2]);
  expect(hours(calendar.listUntil(until, from, 2))).toEqual([5, 6]);
  expect(hours(calendar.listUntil(until, from, 9))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(calendar.listUntil(until, from, 0)).toEqual([]);
});

describe("what cannot be read is refused by the name of its field", () => {
  test.each([
    ["61 * * * *", 'the minute "61" is not understood: write 0 to 59'],
    ["* 24 * * *", 'the hour "24" is not understood: write 0 to 23'],
    ["* * 32 * *", 'the day of the month "32" is not understood: write 1 to 31'],
    ["* * * 13 *", 'the month "13" is not understood: write 1 to 12'],
    ["* * * * SON", 'the weekday "SON" is not understood: write 0 to 7, or SUN to SAT'],
    ["*/0 * * * *", 'the minute "*/0" is not understood'],
    ["? * * * *", 'the minute "?" is not understood'],
    ["* * * *", "must have five fields (minute, hour,"],
    ["* * * * * *", "got 6"],
    ["", "got 0"],
    ["2026-01-01T00:00:00", "got 1"],
    ["@reboot", '"@reboot" is not known: write @hourly'],
    ["0 0 31 2 *", "names a day that never comes"],
  ])("%s", (cron, problem) => {
    expect(findCronProblem(cron)).toContain(problem);
  });

  test.each(["Berlin", "+01:00", "", "Europe/Berlin;"])("the zone %p", (timeZone) => {
    expect(findTimeZoneProblem(timeZone)).toContain("write a name of the IANA database");
  });

  test.each(["0 0 29 2 *", "@daily", "0 6 * * MON-FRI", "0 0 L * *", "  5 4 * * 7 "])(
    "and %s is not",
    (cron) => {
      expect(findCronProblem(cron)).toBeUndefined();
    },
  );
});
