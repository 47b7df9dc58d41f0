import { expect, test } from "bun:test";
import { join } from "node:path";

import { createTelemetry } from "@leasehold/telemetry";

const folder = join(import.meta.dirname, "../deploy/prometheus");
const rules = await Bun.file(join(folder, "rules.yaml")).text();
const tests = await Bun.file(join(folder, "rules.test.yaml")).text();

/** Names of the alerts, in order. */
const alerts = Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name = ""]) => name);

test("the rules ask for nothing that no worker shows", async () => {
  await using telemetry = createTelemetry({
    phases: ["vision"],
    errorCodes: ["vision_failed"],
    queue: {
      types: ["learning.submission"],
      client: {
        getQueue: async () => [],
        getWorkers: async () => [],
        getResources: async () => [
          {
            name: "host/model",
            state: "closed",
            concurrency: undefined,
            code: undefined,
            openUntil: undefined,
            outages: 0,
            leased: 0,
            places: undefined,
            probe: undefined,
            changedAt: undefined,
          },
        ],
      },
    },
  });
  const text = await telemetry.collect();
  const shown = new Set(Array.from(text.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name));

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
