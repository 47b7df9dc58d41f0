import { expect, test } from "bun:test";

import { type Alarms, createAlarms } from "../../src/worker/alarms.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

interface Named {
  atMs: number;
  readonly name: string;
}

interface Subject {
  readonly alarms: Alarms<Named>;
  readonly rung: string[];
  readonly timers: () => number;
  readonly advance: (ms: number) => void;
}

function setup(): Subject {
  const runtime = createFakeRuntime();
  const rung: string[] = [];
  return {
    alarms: createAlarms(runtime, ({ name }) => void rung.push(name)),
    rung,
    timers: () => runtime.timers(),
    // Moment by moment: what an alarm sets in motion comes at its own time.
    advance(ms) {
      for (let passed = 0; passed < ms; passed += 1) runtime.advance(1);
    },
  };
}

test("alarms ring at their moments, whatever order they were set in", () => {
  const { alarms, rung, advance } = setup();
  alarms.set({ atMs: 30, name: "third" });
  alarms.set({ atMs: 10, name: "first" });
  alarms.set({ atMs: 20, name: "second" });

  advance(9);
  const early = [...rung];
  advance(1);
  const inTime = [...rung];
  advance(20);

  expect(early).toEqual([]);
  expect(inTime).toEqual(["first"]);
  expect(rung).toEqual(["first", "second", "third"]);
});

test("one that was taken back does not ring, and the others still do", () => {
  const { alarms, rung, advance } = setup();
  const first = { atMs: 10, name: "first" };
  alarms.set(first);
  alarms.set({ atMs: 20, name: "second" });
  alarms.takeBack(first);

  advance(30);

  expect(rung).toEqual(["second"]);
});

test("one that is put off rings at its new moment only", () => {
  const { alarms, rung, advance } = setup();
  const alarm = { atMs: 10, name: "late" };
  alarms.set(alarm);
  alarm.atMs = 20;

  advance(19);
  const early = [...rung];
  advance(1);

  expect(early).toEqual([]);
  expect(rung).toEqual(["late"]);
});

test("one that is set for the past rings with the next turn of the clock", () => {
  const { alarms, rung, advance } = setup();
  advance(10);

  alarms.set({ atMs: 5, name: "late" });
  advance(1);

  expect(rung).toEqual(["late"]);
});

test("a thousand alarms take one timer, and none is left after stop", () => {
  const { alarms, rung, timers, advance } = setup();
  for (let index = 0; index < 1_000; index += 1) alarms.set({ atMs: 10 + index, name: "never" });
  const before = timers();

  alarms.stop();
  alarms.set({ atMs: 20, name: "never" });
  advance(2_000);

  expect([before, timers()]).toEqual([1, 0]);
  expect(rung).toEqual([]);
});
