import { expect, setDefaultTimeout, test } from "bun:test";

import { runChaos } from "./chaos/chaos-run.ts";
import { expectSurvival, printReport } from "./chaos/ordeal.ts";

setDefaultTimeout(300_000);

test("a Postgres that is away for three leases costs no job anything, and nobody has to help", async () => {
  const report = await runChaos({
    jobs: 300,
    disasters: { outage: 2 },
    seed: 5,
    // Workers need a moment to find back, and they are given a lease for it.
    settings: { leaseSeconds: 8 },
  });

  printReport(report);
  expectSurvival(report);
  expect(report.verdict.losses).toEqual([]);
});
