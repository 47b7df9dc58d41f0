import { expect, setDefaultTimeout, test } from "bun:test";

import { WorkerError } from "@leasehold/core";

import { resourceMutants } from "./mutants/resource-mutants.ts";
import { planJob, playScenario, type Scenario, type ScenarioReport } from "./play-scenario.ts";

// Generous: these take a few seconds on a machine that has nothing else to do.
setDefaultTimeout(120_000);

const minute = 60_000;
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n + 1);

const awayFromMs = minute;
const backAtMs = 31 * minute;

/** 20 workers of four slots, 1,000 jobs, and a model that is away for half an hour. */
const longOutage: Scenario = {
  profile: { workers: 20, slots: 4, bounds: { "host/vision": 12, "host/text": 30 } },
  plans: range(1_000).map((number) =>
    planJob(number, { type: "essay", comesAtMs: number * 100, durationMs: 2_000 }),
  ),
  troubleOf: (resource, now) =>
    resource === "host/vision" && now >= awayFromMs && now < backAtMs
      ? new WorkerError("backend_unreachable", "It is away.", { scope: "backend", retryable: true })
      : undefined,
};

interface Claimed {
  readonly at: number;
  readonly resource: string;
  readonly job: string;
  readonly isProbe: boolean;
}

function claimsOf({ statements }: ScenarioReport): readonly Claimed[] {
  return statements.flatMap(({ at, statement }) => {
    if (statement.name !== "claimJobs" || !("resource" in statement.request)) return [];
    const { request, jobs, standing } = statement;
    const { resource } = request;
    const isProbe = standing?.state === "half_open";
    return jobs.map(({ publicId: job }) => ({ at, resource, job, isProbe }));
  });
}

test("an outage of half an hour costs 1,000 jobs of 20 workers nothing, and its end is no stampede", () => {
  const report = playScenario(longOutage);

  const claims = claimsOf(report).filter(({ resource }) => resource === "host/vision");
  const probes = claims.filter(({ isProbe }) => isProbe).map(({ at }) => at);
  const gaps = probes.slice(1).map((at, index) => at - (probes[index] ?? 0));
  expect(report.violation).toBeUndefined();
  expect(report.states).toEqual({ completed: 1_000 });
  expect(report.counters.filter(({ failures, losses }) => failures + losses > 0)).toEqual([]);
  expect(report.counters.length).toBeGreaterThan(10);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5_000);
  // One in half a minute to a minute, once the outage is a long one.
  expect(probes.length).toBeWithin(30, 70);
  const during = claims.filter(({ at }) => at > awayFromMs + 10_000 && at < backAtMs);
  expect(during.filter(({ isProbe }) => !isProbe)).toEqual([]);
  expect(report.peaks["host/vision"]).toBe(12);
  expect(report.peaks["host/text"]).toBeLessThanOrEqual(30);
  // All 80 slots were free when it came back: what is at work grows from one.
  const closedAt = report.statements.find(
    ({ at, statement }) =>
      at >= backAtMs &&
      statement.name === "claimJobs" &&
      statement.standing?.state === "closed" &&
      "resource" in statement.request &&
      statement.request.resource === "host/vision",
  )?.at;
  const soon = claims.filter(({ at }) => at >= backAtMs && at < (closedAt ?? 0) + 5_000);
  expect(soon.length).toBeLessThanOrEqual(8);
});

test.each(
  resourceMutants
    .filter(({ name }) =>
      ["a gate is not shut", "a probe is two jobs", "slow start is ignored"].includes(name),
    )
    .map((mutant) => [mutant.name, mutant] as const),
)("the same outage shows that %s", (_, mutant) => {
  const { violation } = playScenario({ ...longOutage, mutant });

  expect(violation).toBeString();
});

/** Runs of claims for one resource, in their order. */
function stintsOf(report: ScenarioReport): readonly Claimed[][] {
  const stints: Claimed[][] = [];
  for (const claim of claimsOf(report)) {
    const last = stints.at(-1);
    if (last?.[0]?.resource === claim.resource) last.push(claim);
    else stints.push([claim]);
  }
  return stints;
}

test("100 submissions of two phases change the model once in 50 jobs", () => {
  const report = playScenario({
    profile: { workers: 1, slots: 4 },
    plans: range(100).map((number) =>
      planJob(number, { type: "essay", comesAtMs: 0, durationMs: 1_000 }),
    ),
  });

  const stints = stintsOf(report);
  expect(report.violation).toBeUndefined();
  expect(report.states).toEqual({ completed: 100 });
  expect(stints.map(({ length }) => length)).toEqual([50, 50, 50, 50]);
  expect(new Set(stints.map(([first]) => first?.resource)).size).toBe(2);
});

test("without affinity the same submissions change the model all the time", () => {
  const report = playScenario({
    profile: { workers: 1, slots: 4, affinityJobs: 0 },
    plans: range(100).map((number) =>
      planJob(number, { type: "essay", comesAtMs: 0, durationMs: 1_000 }),
    ),
  });

  expect(report.states).toEqual({ completed: 100 });
  expect(stintsOf(report).length).toBeGreaterThan(10);
});

test("nobody waits for another model beyond two minutes, and the models change no sooner", () => {
  const durationMs = 5_000;
  // They need a hand, and then the one model twice; now and then somebody needs the other model.
  const many = range(200).map((number) =>
    planJob(number, { type: "letter", comesAtMs: 0, durationMs }),
  );
  const few = range(10).map((number) =>
    planJob(200 + number, { type: "report", comesAtMs: number * 173_000, durationMs }),
  );

  const report = playScenario({ profile: { workers: 1, slots: 1 }, plans: [...many, ...few] });

  const claims = claimsOf(report);
  const waits = few.map(({ newJob, comesAtMs }) => {
    const claim = claims.find(({ job }) => job === newJob.id);
    return (claim?.at ?? Infinity) - comesAtMs;
  });
  const visits = stintsOf(report).filter(([first]) => first?.resource === "host/text");
  expect(report.violation).toBeUndefined();
  expect(report.states).toEqual({ completed: 210 });
  // Beside its two minutes the warm model has the job that runs, and so have the jobs that need no model.
  expect(Math.max(...waits)).toBeLessThan(2 * minute + 4 * durationMs);
  expect(Math.max(...waits)).toBeGreaterThan(minute);
  expect(visits.length).toBeLessThanOrEqual(few.length);
});
