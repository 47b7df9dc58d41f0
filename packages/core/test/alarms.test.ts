import { expect, test } from "bun:test";

import { type Alarms, createAlarms } from "../src/alarms.ts";
import { createFakeRuntime } from "./support/fake-runtime.ts";

interface Subject {
  readonly alarms: Alarms;
  readonly rung: string[];
  readonly ring: (name: string) => () => void;
  readonly timers: () => number;
  readonly advance: (ms: number) => void;
}

function setup(): Subject {
  const runtime = createFakeRuntime();
  const rung: string[] = [];
  return {
    alarms: createAlarms(runtime),
    rung,
    ring: (name) => () => void rung.push(name),
    timers: () => runtime.timers(),
    // Moment by moment: what an alarm sets in motion comes at its own time.
    advance(ms) {
      for (let passed = 0; passed < ms; passed += 1) runtime.advance(1);
    },
  };
}

test("alarms ring at their moments, whatever order they were set in", () => {
  const { alarms, rung, ring, advance } = setup();
  alarms.set(30, ring("third"));
  alarms.set(10, ring("first"));
  alarms.set(20, ring("second"));

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
  const { alarms, rung, ring, advance } = setup();
  const takeBack = alarms.set(10, ring("first"));
  alarms.set(20, ring("second"));
  takeBack();

  advance(30);

  expect(rung).toEqual(["second"]);
});

test("one that is set for the past rings with the next turn of the clock", () => {
  const { alarms, rung, ring, advance } = setup();
  advance(10);

  alarms.set(5, ring("late"));
  advance(1);

  expect(rung).toEqual(["late"]);
});

test("a thousand alarms take one timer, and none is left after stop", () => {
  const { alarms, rung, ring, timers, advance } = setup();
  for (let index = 0; index < 1_000; index += 1) alarms.set(10 + index, ring("never"));
  const before = timers();

  alarms.stop();
  alarms.set(20, ring("never"));
  advance(2_000);

  expect([before, timers()]).toEqual([1, 0]);
  expect(rung).toEqual([]);
});
