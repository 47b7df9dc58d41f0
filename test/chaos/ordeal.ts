import { expect } from "bun:test";

import type { ChaosReport } from "./chaos-run.ts";
import { describeRun, summarise } from "./report.ts";

/** A fault may cost a start for nothing; more than this would say that work is thrown away. */
export const startsMax: number = 1.15;

/** Prints what happened and the figures, as one reads them in a log. */
export function printReport(report: ChaosReport, ...more: readonly string[]): void {
  const lines = [describeRun(report), ...more, JSON.stringify(summarise(report))];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Expects that every job was done, once, and that nobody broke a promise on the way. */
export function expectSurvival(report: ChaosReport): void {
  const { violations, jobs } = report.verdict;
  expect(violations).toEqual([]);
  expect(report.crashes).toEqual([]);
  expect(summarise(report)).toMatchObject({
    completed: jobs,
    failed: 0,
    dead: 0,
    lost: 0,
    double: 0,
    terminal: jobs,
    reruns_of_checkpointed: 0,
  });
}
