import { expect, test } from "bun:test";

import { runChaos } from "./chaos-run.ts";
import { expectSurvival, printReport, startsMax } from "./ordeal.ts";

test("10,000 jobs outlive 200 kills, 60 stops and 20 crashes of Postgres, each done once", async () => {
  const report = await runChaos({
    jobs: 10_000,
    disasters: { kill: 200, stop: 60, restart: 20 },
    seed: 7,
  });

  printReport(report);
  expectSurvival(report);
  expect(report.verdict.jobs).toBe(10_000);
  expect(report.verdict.starts).toBeLessThanOrEqual(startsMax);
}, 1_200_000);
