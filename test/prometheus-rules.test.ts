import { expect, test } from "bun:test";
import { join } from "node:path";

import { collectShownMetrics } from "./support/shown-metrics.ts";

const folder = join(import.meta.dirname, "../deploy/prometheus");
const rules = await Bun.file(join(folder, "rules.yaml")).text();
const tests = await Bun.file(join(folder, "rules.test.yaml")).text();

/** Names of the alerts, in order. */
const alerts = Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name = ""]) => name);

test("the rules ask for nothing that no worker shows", async () => {
  const shown = await collectShownMetrics();

  const asked = [...rules.matchAll(/\b(?:ai_worker|analysis)_\w+/g)].map(([name]) => name);

  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((name) => !shown.has(name))).toEqual([]);
});

test("every alert is staged in the rules' own tests, and says how bad it is and what to do", () => {
  const staged = (pattern: string): readonly string[] =>
    alerts.filter((alert) => tests.includes(pattern.replace("%", alert)));

  expect(alerts.length).toBeGreaterThanOrEqual(10);
  expect(staged("alertname: % }")).toEqual(alerts);
  expect(staged('alertname="%"')).toEqual(alerts);
  for (const field of [/severity: (?:critical|warning)$/gm, /summary: "/g, /action: "/g]) {
    expect([...rules.matchAll(field)]).toHaveLength(alerts.length);
  }
});
