import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import type { Mutant } from "./mutants/mutant.ts";
import { simulate } from "./simulate.ts";

const chunk = 100;
const chunks = Array.from({ length: 10 }, (_, index) => ({
  from: index * chunk + 1,
  to: (index + 1) * chunk,
}));
// Generous: a chunk takes a second or two on a machine that has nothing else to do.
setDefaultTimeout(120_000);

function seeds({ from, to }: { readonly from: number; readonly to: number }): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

test.each(chunks)("no promise is broken under seeds $from to $to", (range) => {
  const broken = seeds(range).flatMap((seed) => {
    const { violation } = simulate(seed);
    return violation === undefined ? [] : [`${violation} (see: bun run simulate --trace ${seed})`];
  });

  expect(broken).toEqual([]);
});

describe("the same seed", () => {
  test("tells the same story again", () => {
    const first = simulate(7, { trace: true });
    const second = simulate(7, { trace: true });

    expect(second).toEqual(first);
    expect(first.story.length).toBeGreaterThan(500);
  });

  test("has the same story when nobody listens", () => {
    const { story: _, ...told } = simulate(8, { trace: true });

    const { story, ...silent } = simulate(8);

    expect(silent).toEqual(told);
    expect(story).toEqual([]);
  });

  test.each(seeds({ from: 1, to: 10 }))(
    "has the same story on the platform's own abort signals (%i)",
    (seed) => {
      expect(simulate(seed, { nativeAbort: true })).toEqual(simulate(seed));
    },
  );
});

test("another seed tells another story", () => {
  const hashes = seeds({ from: 1, to: 20 }).map((seed) => simulate(seed).hash);

  expect(new Set(hashes).size).toBe(hashes.length);
});

test("everything that is meant to happen does happen", () => {
  const stories = seeds({ from: 1, to: 60 }).map((seed) => simulate(seed, { trace: true }));

  const lines = stories.flatMap(({ story }) => story).join("\n");
  const missing = happenings.filter((happening) => !happening.test(lines));
  expect(missing).toEqual([]);
  const states = stories.flatMap((report) => Object.keys(report.states));
  expect([...new Set(states)].toSorted()).toEqual(["cancelled", "completed", "dead", "failed"]);
});

const happenings: readonly RegExp[] = [
  /is killed/,
  /is poisoned by job-/,
  /stalls until/,
  /is cut off/,
  /is stopped/,
  /postgres goes away/,
  /host\/vision goes away/,
  /claimJobs .* alone/,
  /abandonClaim/,
  /startJob #\d+: ok/,
  /startJob #\d+: lost/,
  /renewLeases .*lost/,
  /renewLeases .*busy/,
  /renewLeases .*cancelled/,
  /tells job\.cancelled/,
  /savePart #\d+: lost/,
  /commit #\d+: ok/,
  /checkpointJob #\d+: ok leased/,
  /checkpointJob #\d+: ok queued/,
  /checkpointJob #\d+: already/,
  /checkpointJob #\d+: effect_failed/,
  /completeJob #\d+: already/,
  /completeJob #\d+: lost/,
  /completeJob #\d+: effect_failed/,
  /retryJob #\d+: ok dead/,
  /outage #\d+: ok queued/,
  /shutdown #\d+: ok queued/,
  /lapseLeases .*queued \(worker_lost\)/,
  /lapseLeases .*dead \(worker_lost\)/,
  /lapseLeases .*\(effect_failed\)/,
  /cancelJob job-\d+: ok/,
  /requeueJob job-\d+: ok/,
  /tells adapter\.abandoned/,
  /tells resource\.opened host\/vision/,
  /tells resource\.probed host\/text/,
  /tells resource\.closed host\/text/,
  /claimJobs .* of host\/vision \(closed, 0\)/,
  /tells worker\.exhausted/,
];

test("the command sums up in one line of JSON", () => {
  const script = join(import.meta.dirname, "../../scripts/simulate.ts");

  const { stdout, exitCode } = Bun.spawnSync([
    process.execPath,
    script,
    "--seeds=3",
    "--from=5",
    "--json",
  ]);

  expect(exitCode).toBe(0);
  const summary: unknown = JSON.parse(stdout.toString().trim().split("\n").at(-1) ?? "");
  expect(summary).toEqual({
    seeds: 3,
    violations: 0,
    events: expect.any(Number),
    virtualHours: expect.any(Number),
    seconds: expect.any(Number),
    firstViolation: null,
  });
});

describe("real time and chance", () => {
  test.each([
    ["Date.now", () => Date.now()],
    ["Date", () => new Date()],
    ["Math.random", () => Math.random()],
    ["performance.now", () => performance.now()],
    ["crypto.randomUUID", () => crypto.randomUUID()],
    ["setTimeout", () => setTimeout(() => undefined, 0)],
  ])("are out of reach: %s", (name, reach) => {
    const escaping: Mutant = {
      name: "looks at the real world",
      store: (store) => ({
        ...store,
        lapseLeases: async (limit) => {
          reach();
          return await store.lapseLeases(limit);
        },
      }),
    };

    const { violation } = simulate(1, { mutant: escaping });

    expect(violation).toBe(`the worker reached ${name}`);
  });

  test("are back when the simulation is over", () => {
    simulate(1);

    expect(new Date().getTime()).toBeGreaterThan(0);
    expect(new AbortController().signal).toBeInstanceOf(EventTarget);
  });
});
