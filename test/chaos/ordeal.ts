import { expect } from "bun:test";

import { type ChaosOptions, runChaos } from "./chaos-run.ts";
import { describeRun, summarise } from "./report.ts";

/** A claim may cost a start for nothing; more than this would say that work is thrown away. */
const startsMax = 1.15;

/** Runs jobs through disasters, prints the figures, and expects that every job was done, once. */
export async function expectSurvival(options: ChaosOptions): Promise<void> {
  const { jobs } = options;

  const report = await runChaos(options);

  const summary = summarise(report);
  process.stdout.write(`${describeRun(report)}\n${JSON.stringify(summary)}\n`);
  expect(report.verdict.violations).toEqual([]);
  expect(report.crashes).toEqual([]);
  expect(summary).toMatchObject({
    jobs,
    completed: jobs,
    failed: 0,
    dead: 0,
    lost: 0,
    double: 0,
    terminal: jobs,
    reruns_of_checkpointed: 0,
  });
  expect(summary.starts).toBeLessThanOrEqual(startsMax);
}
