import { expect, test } from "bun:test";

import { runChaos } from "./chaos-run.ts";
import { expectSurvival, printReport, startsMax } from "./ordeal.ts";

test("1,000 jobs outlive 20 kills, 6 stops and 2 crashes of Postgres, each done once", async () => {
  const report = await runChaos({
    jobs: 1_000,
    disasters: { kill: 20, stop: 6, restart: 2 },
    seed: 1,
  });

  printReport(report);
  expectSurvival(report);
  expect(report.verdict.jobs).toBe(1_000);
  expect(report.verdict.starts).toBeLessThanOrEqual(startsMax);
}, 230_000);
