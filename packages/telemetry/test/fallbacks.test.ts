import { expect, test } from "bun:test";

import type { PhaseLogger } from "@leasehold/core";

import { createTelemetry, type ScoreAlarmSource, type Telemetry } from "../src/index.ts";
import { learningLabels } from "./setup.ts";

interface Bench extends AsyncDisposable {
  readonly telemetry: Telemetry;
  /** The log that an adapter writes to. */
  readonly logger: PhaseLogger;
  /** What reached the log behind. */
  readonly lines: readonly (readonly [string, string, unknown])[];
  /** The lines of a scrape that begin so. */
  scrape(start: string): Promise<readonly string[]>;
}

const fallbacks = {
  phases: ["feedback"],
  paths: ["one_shot", "degraded"],
  reasons: ["not_json", "hints_leaked"],
} as const;

function setup(scoreAlarms?: ScoreAlarmSource): Bench {
  const telemetry = createTelemetry({
    ...learningLabels,
    fallbacks,
    ...(scoreAlarms === undefined ? {} : { scoreAlarms }),
  });
  const lines: (readonly [string, string, unknown])[] = [];
  const logger = telemetry.listen({
    info: (event, fields) => void lines.push(["info", event, fields]),
    warn: (event, fields) => void lines.push(["warn", event, fields]),
  });
  return {
    telemetry,
    logger,
    lines,
    async scrape(start) {
      const text = await telemetry.collect();
      return text.split("\n").filter((line) => line.startsWith(start));
    },
    [Symbol.asyncDispose]: () => telemetry.close(),
  };
}

test("every fallback that was named shows from the first scrape, at zero", async () => {
  await using bench = setup();

  expect(await bench.scrape("ai_worker_fallback_total{")).toEqual([
    'ai_worker_fallback_total{phase="feedback",path="one_shot",reason="not_json"} 0',
    'ai_worker_fallback_total{phase="feedback",path="one_shot",reason="hints_leaked"} 0',
    'ai_worker_fallback_total{phase="feedback",path="degraded",reason="not_json"} 0',
    'ai_worker_fallback_total{phase="feedback",path="degraded",reason="hints_leaked"} 0',
  ]);
});

test("counts the fallbacks that an adapter logs, and lets every line through", async () => {
  await using bench = setup();
  const fields = { jobId: "j", phase: "feedback", path: "degraded", reason: "not_json" };

  bench.logger.warn("fallback.taken", fields);
  bench.logger.info("page.read", { page: 7 });

  expect(await bench.scrape('ai_worker_fallback_total{phase="feedback",path="degraded"')).toContain(
    'ai_worker_fallback_total{phase="feedback",path="degraded",reason="not_json"} 1',
  );
  expect(bench.lines).toEqual([
    ["warn", "fallback.taken", fields],
    ["info", "page.read", { page: 7 }],
  ]);
});

test("no word of an adapter's own makes a new series", async () => {
  await using bench = setup();

  for (const word of ["Ada", "Bea"]) {
    bench.logger.warn("fallback.taken", { phase: word, path: word, reason: word });
    bench.logger.warn("fallback.taken");
  }

  const text = (await bench.scrape("ai_worker_fallback_total{")).join("\n");
  expect(text).toContain('{phase="other",path="other",reason="other"} 4');
  expect(text).not.toMatch(/Ada|Bea|undefined/);
});

test("without labels, the log is the log", async () => {
  await using telemetry = createTelemetry(learningLabels);
  const logger: PhaseLogger = { info: () => undefined, warn: () => undefined };

  expect(telemetry.listen(logger)).toBe(logger);
  expect(await telemetry.collect()).not.toMatch(/fallback|alarms/);
});

test("shows how many models give too many submissions the same", async () => {
  const alarms = [{ shape: "all_zero" }, { shape: "all_zero" }, { shape: "odd" }];
  await using bench = setup({ shapes: ["all_zero", "all_equal"], read: async () => alarms });

  expect(await bench.scrape("ai_worker_score_alarms{")).toEqual([
    'ai_worker_score_alarms{shape="all_zero"} 2',
    'ai_worker_score_alarms{shape="all_equal"} 0',
  ]);
});

test.each([
  ["fails", () => Promise.reject(new Error("canary"))],
  ["says nothing", () => new Promise<never>(() => undefined)],
])("a watch that %s costs its gauge and no other number", async (_, read) => {
  await using bench = setup({ shapes: ["all_zero"], read });

  const text = await bench.telemetry.collect();

  expect(text).not.toMatch(/ai_worker_score_alarms\{|canary/);
  expect(text).toContain("analysis_jobs_inflight 0");
});

test("labels that no metric can bear are refused by name", () => {
  const create = (): Telemetry =>
    createTelemetry({ ...learningLabels, fallbacks: { ...fallbacks, paths: ["Not OK"] } });

  expect(create).toThrow("fallbacks.paths[0] must match");
});
