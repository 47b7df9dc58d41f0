import { describe, expect, test } from "bun:test";

import { readArguments, UsageError } from "../arguments.ts";
import { assertEachOnce } from "../measure/drain.ts";
import { median, quantile } from "../measure/numbers.ts";
import { createPayloads } from "../program/payload.ts";
import { formatResult } from "../report/output.ts";
import { computeRatios } from "../report/ratios.ts";
import { toTables } from "../report/table.ts";
import type { BenchRun } from "../scenarios/scenario.ts";
import { scenarios } from "../scenarios/scenarios.ts";

/** Runs of one contender in one scenario, by the values of one metric. */
function runsOf(
  [scenario, contender, variant = ""]: readonly [string, string, string?],
  values: readonly number[],
  metric = "jobs_per_second",
): readonly BenchRun[] {
  return values.map((value, index) => ({
    scenario,
    contender,
    variant,
    run: index + 1,
    metrics: { [metric]: value },
  }));
}

describe("numbers", () => {
  test("the median is the middle value, in whatever order they come", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  test("a quantile lies between its neighbours, as percentile_cont says", () => {
    expect(quantile([10, 20, 30, 40, 50], 0.95)).toBeCloseTo(48);
    expect(quantile([3, 1, 2], 0)).toBe(1);
    expect(quantile([3, 1, 2], 1)).toBe(3);
  });

  test("there is no median of nothing", () => {
    expect(() => median([])).toThrow("no values");
  });
});

describe("ratios", () => {
  test("are ours to theirs, of medians", () => {
    const runs = [
      ...runsOf(["drain1", "leasehold"], [100, 900, 300]),
      ...runsOf(["drain1", "graphile-worker"], [150, 100, 1_000]),
    ];

    expect(computeRatios(runs)).toEqual({ drain1_vs_graphile: 2 });
  });

  test("are to the best peer where there are several, and wait for all of them", () => {
    const [ours, graphile, boss] = [
      runsOf(["enqueue_batch", "leasehold"], [60]),
      runsOf(["enqueue_batch", "graphile-worker"], [20]),
      runsOf(["enqueue_batch", "pg-boss"], [30]),
    ];

    expect(computeRatios([...ours, ...graphile, ...boss])).toEqual({
      enqueue_batch_vs_best_peer: 2,
    });
    expect(computeRatios([...ours, ...graphile])).toEqual({});
  });

  test("compare the circumstances of a scenario with each other", () => {
    const runs = [
      ...runsOf(["snapshot", "leasehold", "held"], [8]),
      ...runsOf(["snapshot", "leasehold", "free"], [10]),
      ...runsOf(["snapshot", "graphile-worker", "free"], [1]),
    ];

    expect(computeRatios(runs)).toEqual({ snapshot_held_vs_free: 0.8 });
  });

  test("take the metric that they are about", () => {
    const runs = [
      ...runsOf(["drain1", "leasehold"], [500], "wal_bytes_life"),
      ...runsOf(["drain1", "graphile-worker"], [1_000], "wal_bytes_life"),
    ];

    expect(computeRatios(runs)).toEqual({ wal_vs_graphile: 0.5 });
  });
});

describe("output", () => {
  const runs = runsOf(["snapshot", "leasehold", "held"], [10.123_456_78, 20, 30]);

  test("a table tells the median with the least and the most", () => {
    expect(toTables(runs)).toEqual([
      {
        title: "snapshot",
        header: ["", "runs", "jobs_per_second"],
        rows: [["leasehold, held", "3", "20 (10.1 to 30)"]],
      },
    ]);
  });

  test("JSON is one line with ratios, runs and what others used", () => {
    const text = formatResult({ runs: runs.slice(0, 1), otherCpu: 0.25 }, "json");

    expect(text.trimEnd()).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({
      ratios: {},
      runs: [{ ...runs[0], metrics: { jobs_per_second: 10.123 } }],
      other_cpu: 0.25,
    });
  });
});

describe("arguments", () => {
  test("everything is measured unless scenarios are named", () => {
    const names = (args: readonly string[]): readonly string[] =>
      readArguments(args, scenarios).chosen.map(({ name }) => name);

    expect(names([])).toEqual(scenarios.map(({ name }) => name));
    expect(names(["--only", "pickup,drain1", "--only", "idle"])).toEqual([
      "drain1",
      "pickup",
      "idle",
    ]);
  });

  test.each(["--only nothing", "--runs 0", "--runs two", "--slow"])("%s is refused", (line) => {
    expect(() => readArguments(line.split(" "), scenarios)).toThrow(UsageError);
  });
});

test("a job that is lost or runs twice spoils the run", () => {
  expect(() => assertEachOnce([2, 0, 1], 3)).not.toThrow();
  expect(() => assertEachOnce([0, 1, 1], 3)).toThrow("of 3 jobs 2 ran, in 3 runs");
  expect(() => assertEachOnce([0, 1, 2, 2], 3)).toThrow("of 3 jobs 3 ran, in 4 runs");
});

test("a payload is about as long as it is said to be", () => {
  for (const bytes of [400, 1_700]) {
    const length = JSON.stringify(createPayloads(bytes)(12_345)).length;
    expect(Math.abs(length - bytes)).toBeLessThan(5);
  }
});
