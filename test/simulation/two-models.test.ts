import { expect, setDefaultTimeout, test } from "bun:test";

import { planJob, playScenario } from "./play-scenario.ts";

// Generous: these take a second on a machine that has nothing else to do.
setDefaultTimeout(120_000);

const callMs = 2_000;
const loadMs = 15_000;
const submissions = 100;

/** The models that one worker asked for, in its order, for submissions that need both of them. */
function playSubmissions(affinityJobs?: number): readonly string[] {
  const report = playScenario({
    profile: { workers: 1, slots: 1, ...(affinityJobs === undefined ? {} : { affinityJobs }) },
    plans: Array.from({ length: submissions }, (_, index) =>
      planJob(index + 1, { type: "essay", comesAtMs: 0, durationMs: callMs }),
    ),
  });
  expect(report.violation).toBeUndefined();
  expect(report.states).toEqual({ completed: submissions });
  return report.statements.flatMap(({ statement }) => {
    if (statement.name !== "claimJobs" || !("resource" in statement.request)) return [];
    const { resource } = statement.request;
    return statement.jobs.map(() => resource);
  });
}

/** How long a server takes for calls in this order that has room for one model at a time. */
function measure(models: readonly string[]): number {
  const loads = models.filter((model, index) => model !== models[index - 1]).length;
  return models.length * callMs + loads * loadMs;
}

test("two models that do not fit beside each other cost at most a tenth more than loading each once", () => {
  const ideal = 2 * submissions * callMs + 2 * loadMs;

  const models = playSubmissions();
  const naive = playSubmissions(0);

  const share = measure(models) / ideal;
  const naiveShare = measure(naive) / ideal;
  process.stdout.write(
    `100 submissions, ideal ${ideal / 1_000} s: × ${share.toFixed(2)}, in the order of their coming × ${naiveShare.toFixed(2)}\n`,
  );
  expect(models).toHaveLength(2 * submissions);
  expect(share).toBeLessThanOrEqual(1.1);
  expect(naiveShare).toBeGreaterThan(1.1);
});
