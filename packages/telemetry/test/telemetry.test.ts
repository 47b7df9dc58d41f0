import { expect, test } from "bun:test";

import { WorkerError } from "@leasehold/core";

import { createTelemetry } from "../src/index.ts";
import { attemptOf, createTestWorker, learningLabels, setup } from "./setup.ts";

test("the first scrape shows the runbook's names, and every series at zero", async () => {
  await using bench = setup();

  const series = await bench.scrape();

  expect(Object.fromEntries(series)).toEqual({
    analysis_jobs_inflight: 0,
    'ai_worker_processed_total{status="completed"}': 0,
    'ai_worker_processed_total{status="failed"}': 0,
    'ai_worker_processed_total{status="dead"}': 0,
    'ai_worker_processed_total{status="cancelled"}': 0,
    ai_worker_lease_renewed_total: 0,
    'ai_worker_started_total{phase="vision"}': 0,
    'ai_worker_started_total{phase="feedback"}': 0,
    'ai_worker_started_total{phase="other"}': 0,
    'ai_worker_lease_lapsed_total{phase="vision"}': 0,
    'ai_worker_lease_lapsed_total{phase="feedback"}': 0,
    'ai_worker_lease_lapsed_total{phase="other"}': 0,
    'ai_worker_stale_write_refused_total{phase="vision"}': 0,
    'ai_worker_stale_write_refused_total{phase="feedback"}': 0,
    'ai_worker_stale_write_refused_total{phase="other"}': 0,
    'ai_worker_retry_total{phase="vision"}': 0,
    'ai_worker_retry_total{phase="feedback"}': 0,
    'ai_worker_retry_total{phase="other"}': 0,
    'ai_worker_outage_total{phase="vision"}': 0,
    'ai_worker_outage_total{phase="feedback"}': 0,
    'ai_worker_outage_total{phase="other"}': 0,
    'ai_worker_lease_lost_total{phase="vision"}': 0,
    'ai_worker_lease_lost_total{phase="feedback"}': 0,
    'ai_worker_lease_lost_total{phase="other"}': 0,
    'ai_worker_failed_total{error_code="vision_failed"}': 0,
    'ai_worker_failed_total{error_code="feedback_failed"}': 0,
    'ai_worker_failed_total{error_code="input_corrupt"}': 0,
    'ai_worker_failed_total{error_code="other"}': 0,
  });
});

test("the first scrape states the type of each name and explains it", async () => {
  await using bench = setup();

  const families = await bench.families();

  expect(Object.fromEntries(families.map(({ name, type }) => [name, type]))).toEqual({
    analysis_jobs_inflight: "GAUGE",
    ai_worker_processed_total: "COUNTER",
    ai_worker_retry_total: "COUNTER",
    ai_worker_failed_total: "COUNTER",
    ai_worker_outage_total: "COUNTER",
    ai_worker_lease_lost_total: "COUNTER",
    ai_worker_lease_lapsed_total: "COUNTER",
    ai_worker_lease_renewed_total: "COUNTER",
    ai_worker_started_total: "COUNTER",
    ai_worker_stale_write_refused_total: "COUNTER",
  });
  for (const { help } of families) expect(help).toMatch(/^[A-Z].*\.$/);
});

test("a scrape holds nothing of OpenTelemetry's own and nothing of the machine", async () => {
  await using bench = setup();

  const text = await bench.telemetry.collect();

  expect(text).not.toMatch(/otel|target_info|service_name|telemetry_sdk/);
  expect(bench.telemetry.contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(text.endsWith("\n")).toBe(true);
});

test("the first scrape shows no series twice", async () => {
  await using bench = setup();

  const text = await bench.telemetry.collect();

  const names = text.match(/^[a-z].*(?= )/gm) ?? [];
  expect(names.length).toBe((await bench.scrape()).size);
});

test("counts a completed job as processed", async () => {
  await using bench = setup();

  bench.worker.emit({ ...attemptOf("a"), name: "job.completed", durationMs: 5 });

  const series = await bench.scrape();
  expect(series.get('ai_worker_processed_total{status="completed"}')).toBe(1);
});

test("counts a retry under its phase and as no outage", async () => {
  await using bench = setup();

  bench.worker.emit({
    ...attemptOf("a", { phase: "feedback" }),
    name: "job.retried",
    code: "output_invalid",
    retryInMs: 10_000,
  });

  const series = await bench.scrape();
  expect(series.get('ai_worker_retry_total{phase="feedback"}')).toBe(1);
  expect(series.get('ai_worker_retry_total{phase="vision"}')).toBe(0);
  expect(series.get('ai_worker_outage_total{phase="feedback"}')).toBe(0);
});

test("counts an outage as a retry too, and a shutdown as neither", async () => {
  await using bench = setup();
  const released = { ...attemptOf("a"), name: "job.released", retryInMs: 5000 } as const;

  bench.worker.emit({ ...released, reason: "outage", code: "backend_unreachable" });
  bench.worker.emit({ ...released, reason: "shutdown", code: "worker_stopping" });

  const series = await bench.scrape();
  expect(series.get('ai_worker_retry_total{phase="vision"}')).toBe(1);
  expect(series.get('ai_worker_outage_total{phase="vision"}')).toBe(1);
});

test("counts failed and dead jobs under the runbook's error codes", async () => {
  await using bench = setup();

  bench.worker.emit({ ...attemptOf("a"), name: "job.failed", code: "input_corrupt" });
  bench.worker.emit({ ...attemptOf("b"), name: "job.failed", code: "model_unsuitable" });
  bench.worker.emit({
    ...attemptOf("c", { phase: "feedback" }),
    name: "job.dead",
    code: "output_invalid",
  });

  const series = await bench.scrape();
  expect(series.get('ai_worker_failed_total{error_code="input_corrupt"}')).toBe(1);
  expect(series.get('ai_worker_failed_total{error_code="vision_failed"}')).toBe(1);
  expect(series.get('ai_worker_failed_total{error_code="feedback_failed"}')).toBe(1);
  expect(series.get('ai_worker_failed_total{error_code="other"}')).toBe(0);
});

test("counts a lost lease under its phase", async () => {
  await using bench = setup();

  bench.worker.emit({ ...attemptOf("a"), name: "lease.lost" });

  const series = await bench.scrape();
  expect(series.get('ai_worker_lease_lost_total{phase="vision"}')).toBe(1);
});

test("keeps the durations of phases in seconds, up to the longest phase", async () => {
  await using bench = setup();

  bench.worker.emit({ ...attemptOf("a"), name: "phase.completed", durationMs: 500 });
  bench.worker.emit({ ...attemptOf("b"), name: "phase.completed", durationMs: 700_000 });

  const labels = 'phase="vision",outcome="completed"';
  const text = await bench.telemetry.collect();
  expect(text).toContain("# TYPE ai_worker_phase_duration_seconds histogram\n");
  expect(text).toContain(`ai_worker_phase_duration_seconds_count{${labels}} 2\n`);
  expect(text).toContain(`ai_worker_phase_duration_seconds_sum{${labels}} 700.5\n`);
  expect(text).toContain(`ai_worker_phase_duration_seconds_bucket{${labels},le="0.5"} 1\n`);
  expect(text).toContain(`ai_worker_phase_duration_seconds_bucket{${labels},le="600"} 1\n`);
  expect(text).toContain(`ai_worker_phase_duration_seconds_bucket{${labels},le="900"} 2\n`);
});

test("counts nothing for events that are no result", async () => {
  await using bench = setup();
  const before = await bench.scrape();

  bench.worker.emit({ name: "worker.started", worker: "w" });
  bench.worker.emit({ name: "worker.stopping", worker: "w", inFlight: 3 });
  bench.worker.emit({ name: "database.failed", operation: "claim", code: "statement_failed" });
  bench.worker.emit({
    ...attemptOf("a"),
    name: "phase.progressed",
    progress: { stage: "decoding", tokens: 9 },
  });
  bench.worker.emit({ ...attemptOf("a"), name: "adapter.abandoned" });
  bench.worker.emitUnknown({ name: "moon.risen" });
  bench.worker.emitUnknown({ ...attemptOf("a"), name: "job.painted" });
  bench.worker.emit({ name: "worker.stopped", worker: "w" });

  expect(await bench.scrape()).toEqual(before);
});

test("counts what becomes of leases, of attempts and of late writes", async () => {
  await using bench = setup();

  bench.worker.emit({ name: "lease.renewed", count: 4 });
  bench.worker.emit({ ...attemptOf("a"), name: "lease.lapsed" });
  bench.worker.emit({ ...attemptOf("a"), name: "phase.started" });
  bench.worker.emit({ ...attemptOf("a"), name: "phase.ended", durationMs: 9, code: "stalled" });
  bench.worker.emit({ ...attemptOf("a"), name: "write.refused" });
  bench.worker.emit({ ...attemptOf("b"), name: "job.cancelled", code: "cancelled" });

  const series = await bench.scrape();
  expect(series.get("ai_worker_lease_renewed_total")).toBe(4);
  expect(series.get('ai_worker_lease_lapsed_total{phase="vision"}')).toBe(1);
  expect(series.get('ai_worker_started_total{phase="vision"}')).toBe(1);
  expect(series.get('ai_worker_stale_write_refused_total{phase="vision"}')).toBe(1);
  expect(series.get('ai_worker_processed_total{status="cancelled"}')).toBe(1);
  expect(await bench.telemetry.collect()).toContain(
    'ai_worker_phase_duration_seconds_count{phase="vision",outcome="failed"} 1',
  );
});

test("counts a failure as `other` when the host's mapper throws", async () => {
  await using telemetry = createTelemetry({
    ...learningLabels,
    errorCode() {
      throw new Error("no such phase");
    },
  });
  const worker = createTestWorker();
  telemetry.observe(worker);

  worker.emit({ ...attemptOf("a"), name: "job.failed", code: "input_corrupt" });

  expect(await telemetry.collect()).toContain('ai_worker_failed_total{error_code="other"} 1\n');
});

test("takes the code itself when the host gives no mapper", async () => {
  await using telemetry = createTelemetry({ phases: ["greet"], errorCodes: ["input_invalid"] });
  const worker = createTestWorker();
  telemetry.observe(worker);

  worker.emit({
    ...attemptOf("a", { phase: "greet" }),
    name: "job.failed",
    code: "input_invalid",
  });

  const text = await telemetry.collect();
  expect(text).toContain('ai_worker_failed_total{error_code="input_invalid"} 1\n');
});

test("10,000 random phases and codes add no series and no word of theirs", async () => {
  await using telemetry = createTelemetry({ phases: ["vision"], errorCodes: ["vision_failed"] });
  const worker = createTestWorker();
  telemetry.observe(worker);
  const tellEverything = (phase: string, code: string): void => {
    const attempt = attemptOf(crypto.randomUUID(), { phase, type: code });
    worker.emit({ ...attempt, name: "job.claimed", solo: false });
    worker.emit({ ...attempt, name: "phase.completed", durationMs: 1 });
    worker.emit({ ...attempt, name: "job.completed", durationMs: 1 });
    worker.emit({ ...attempt, name: "job.retried", code, retryInMs: 1 });
    worker.emit({ ...attempt, name: "job.released", reason: "outage", code, retryInMs: 1 });
    worker.emit({ ...attempt, name: "job.failed", code });
    worker.emit({ ...attempt, name: "job.dead", code });
    worker.emit({ ...attempt, name: "lease.lost" });
  };
  tellEverything("vision", "vision_failed");
  tellEverything("canary", "canary");
  const lineCount = (await telemetry.collect()).split("\n").length;

  for (let index = 0; index < 10_000; index += 1) {
    tellEverything(`canary ${Math.random()}`, `canary"\n${Math.random()}`);
  }

  const text = await telemetry.collect();
  expect(text.split("\n").length).toBe(lineCount);
  expect(text).not.toContain("canary");
  expect(text).toContain('ai_worker_failed_total{error_code="other"} 20002\n');
});

test("a label is not fooled by names that every object has", async () => {
  await using bench = setup();

  bench.worker.emit({ ...attemptOf("a", { phase: "constructor" }), name: "lease.lost" });

  const series = await bench.scrape();
  expect(series.get('ai_worker_lease_lost_total{phase="other"}')).toBe(1);
});

test("counts a source once, however often it is observed", async () => {
  await using bench = setup();

  bench.telemetry.observe(bench.worker);
  bench.worker.emit({ ...attemptOf("a"), name: "lease.lost" });

  const series = await bench.scrape();
  expect(bench.worker.listenerCount).toBe(1);
  expect(series.get('ai_worker_lease_lost_total{phase="vision"}')).toBe(1);
});

test("keeps the counters over scrapes, over the end of a worker and into the next", async () => {
  await using bench = setup();
  const next = createTestWorker();

  bench.worker.emit({ ...attemptOf("a"), name: "lease.lost" });
  await bench.scrape();
  const end = bench.telemetry.observe(bench.worker);
  end();
  bench.worker.emit({ ...attemptOf("b"), name: "lease.lost" });
  bench.telemetry.observe(next);
  next.emit({ ...attemptOf("c"), name: "lease.lost" });

  const series = await bench.scrape();
  expect(bench.worker.listenerCount).toBe(0);
  expect(series.get('ai_worker_lease_lost_total{phase="vision"}')).toBe(2);
});

test("an ended observation cannot end the one that followed it", async () => {
  await using bench = setup();
  const end = bench.telemetry.observe(bench.worker);
  end();
  bench.telemetry.observe(bench.worker);
  bench.worker.emit({ ...attemptOf("a"), name: "job.claimed", solo: false });

  end();

  expect((await bench.scrape()).get("analysis_jobs_inflight")).toBe(1);
});

test("once closed, it refuses to collect and to observe, and lets the worker go", async () => {
  await using bench = setup();

  await bench.telemetry.close();
  await bench.telemetry.close();

  const refusal = await bench.telemetry.collect().catch((error: unknown) => error);
  expect(WorkerError.is(refusal, "worker_stopping")).toBe(true);
  expect(() => bench.telemetry.observe(createTestWorker())).toThrow("Telemetry is closed");
  expect(bench.worker.listenerCount).toBe(0);
});

test("reports all problems of its options at once and quotes no value", () => {
  const create = (): unknown =>
    createTelemetry({ phases: [], errorCodes: ["ok", "Not OK", "x".repeat(65)] });

  expect(create).toThrow(
    "Telemetry refused: phases must name at least one value; " +
      "errorCodes[1] must match [a-z][a-z0-9_]* and have at most 64 characters; " +
      "errorCodes[2] must match [a-z][a-z0-9_]* and have at most 64 characters.",
  );
});

test("refuses more than 100 values of a label", () => {
  const phases = Array.from({ length: 101 }, (_, index) => `phase_${index}`);

  expect(() => createTelemetry({ phases, errorCodes: ["failed"] })).toThrow(
    "phases must name at most 100 values, got 101",
  );
});
