import { expect, setDefaultTimeout, test } from "bun:test";

import { runChaos } from "./chaos/chaos-run.ts";
import type { AttemptRow } from "./chaos/evidence.ts";
import { expectSurvival, printReport } from "./chaos/ordeal.ts";

setDefaultTimeout(600_000);

/** Long enough for some jobs to finish in it, and too short for others. */
const graceSeconds = 0.05;
/** So long that no job is taken because its lease ran out. */
const leaseSeconds = 120;
const dismissals = 200;

test("200 workers that are told to stop go in time, and others take their jobs at no charge", async () => {
  const report = await runChaos({
    jobs: 4_000,
    disasters: { dismiss: dismissals },
    seed: 3,
    settings: { concurrency: 3, graceSeconds, leaseSeconds },
  });

  const { attempts, jobs } = report.evidence;
  const handovers = listHandovers(attempts);
  const waits = handovers.map(({ released, next }) => msBetween(released, next));
  printReport(
    report,
    `${handovers.length} jobs were given back; the one that waited longest waited ${Math.max(...waits)} ms`,
  );
  expectSurvival(report);
  expect(report.dismissals.length).toBeGreaterThanOrEqual(dismissals);
  expect(Math.max(...report.dismissals)).toBeLessThan((graceSeconds + 1) * 1_000);
  expect(handovers.length).toBeGreaterThan(50);
  expect(Math.max(...waits)).toBeLessThan(leaseSeconds * 1_000);
  expect(handovers.filter(({ released, next }) => released.worker === next?.worker)).toEqual([]);
  const charged = jobs.filter(({ failures, losses, outages }) => failures + losses + outages > 0);
  expect(charged).toEqual([]);
});

/** An attempt that a worker gave back, and the one that came of it. */
interface Handover {
  readonly released: AttemptRow;
  readonly next: AttemptRow | undefined;
}

function listHandovers(attempts: readonly AttemptRow[]): readonly Handover[] {
  const keyOf = ({ jobId, phase }: AttemptRow, number: number): string =>
    `${jobId} ${phase} ${number}`;
  const byNumber = new Map(attempts.map((each) => [keyOf(each, each.attempt), each]));
  return attempts
    .filter(({ outcome }) => outcome === "released")
    .map((released) => ({
      released,
      next: byNumber.get(keyOf(released, released.attempt + 1)),
    }));
}

function msBetween(released: AttemptRow, next: AttemptRow | undefined): number {
  return next === undefined ? Infinity : Math.round((next.startedAt - released.finishedAt) / 1_000);
}
