import { expect, test } from "bun:test";

import type { QueueRecord, ResourceRecord, WorkerRecord } from "@leasehold/core";
import { ModelError, type ModelV1 } from "@leasehold/model";
import parsePrometheusTextFormat from "parse-prometheus-text-format";

import { createTelemetry, type QueueSource, type Telemetry } from "../src/index.ts";
import { learningLabels } from "./setup.ts";

type FakeClient = QueueSource["client"];

function recordOf(type: string, changes: Partial<QueueRecord> = {}): QueueRecord {
  return {
    queue: "default",
    type,
    state: "due",
    count: 1,
    highRetryCount: 0,
    outageCount: 0,
    p95AgeSeconds: undefined,
    oldestAgeSeconds: undefined,
    ...changes,
  };
}

function resourceOf(name: string, state: ResourceRecord["state"]): ResourceRecord {
  const nothing = { concurrency: undefined, code: undefined, openUntil: undefined };
  const more = { places: undefined, probe: undefined, changedAt: undefined };
  return { name, state, outages: 0, leased: 0, ...nothing, ...more };
}

function workerOf(state: WorkerRecord["state"]): WorkerRecord {
  const at = new Date(0);
  const counts = { slots: 1, inFlight: 0, abandoned: 0 };
  const times = { startedAt: at, seenAt: at, stoppedAt: undefined };
  return { id: "1", name: "w", state, version: "1", types: [], ...counts, ...times };
}

function setup(client: Partial<FakeClient>, options: Partial<QueueSource> = {}): Telemetry {
  return createTelemetry({
    ...learningLabels,
    queue: {
      types: ["submission"],
      ...options,
      client: {
        getQueue: async () => [],
        getResources: async () => [],
        getWorkers: async () => [],
        ...client,
      },
    },
  });
}

async function scrape(telemetry: Telemetry): Promise<ReadonlyMap<string, number>> {
  const families = parsePrometheusTextFormat(await telemetry.collect());
  return new Map(
    families
      .filter(({ type }) => type !== "HISTOGRAM")
      .flatMap(({ name, metrics }) =>
        metrics.map(({ labels = {}, value }): [string, number] => [
          `${name} ${Object.values(labels).join(" ")}`.trim(),
          Number(value),
        ]),
      ),
  );
}

test("the backlog of all queues of a type, its age, the breakers and the workers are shown", async () => {
  await using telemetry = setup({
    getQueue: async () => [
      recordOf("submission", { count: 3, oldestAgeSeconds: 9, p95AgeSeconds: 7 }),
      recordOf("submission", { queue: "night", count: 2, oldestAgeSeconds: 20, p95AgeSeconds: 5 }),
      recordOf("submission", { state: "leased", count: 4, highRetryCount: 1 }),
      recordOf("errand", { state: "delayed", count: 8 }),
    ],
    getResources: async () => [resourceOf("host/a", "open"), resourceOf("host/b", "closed")],
    getWorkers: async () => [workerOf("live"), workerOf("live"), workerOf("silent")],
  });

  const series = await scrape(telemetry);

  expect(Object.fromEntries(series)).toMatchObject({
    ai_worker_database_up: 1,
    "ai_worker_queue_depth submission due": 5,
    "ai_worker_queue_depth submission delayed": 0,
    "ai_worker_queue_depth submission leased": 4,
    "ai_worker_queue_depth other delayed": 8,
    "ai_worker_queue_oldest_due_seconds submission": 20,
    "ai_worker_queue_p95_wait_seconds submission": 7,
    "ai_worker_queue_high_retry_jobs submission": 1,
    "ai_worker_breaker_state host/a": 2,
    "ai_worker_breaker_state host/b": 0,
    "ai_worker_workers live": 2,
    "ai_worker_workers silent": 1,
  });
});

test("queues are told apart where they are named, and every other is one", async () => {
  const getQueue = async (): Promise<readonly QueueRecord[]> => [
    recordOf("submission", { count: 3, p95AgeSeconds: 7 }),
    recordOf("submission", { queue: "night", count: 2, p95AgeSeconds: 5 }),
    recordOf("submission", { queue: "canary", count: 4 }),
    recordOf("submission", { queue: "another", count: 5 }),
  ];
  await using telemetry = setup({ getQueue }, { queues: ["default", "night"] });

  const series = await scrape(telemetry);

  expect(Object.fromEntries(series)).toMatchObject({
    "ai_worker_queue_depth default submission due": 3,
    "ai_worker_queue_depth night submission due": 2,
    "ai_worker_queue_depth other submission due": 9,
    "ai_worker_queue_depth night other leased": 0,
    "ai_worker_queue_p95_wait_seconds night submission": 5,
  });
  expect([...series.keys()].join()).not.toContain("canary");
});

test("more pairs of a queue and a type are refused than a Prometheus should keep", () => {
  const names = Array.from({ length: 11 }, (_, index) => `name_${index}`);

  const create = (): unknown => setup({}, { queues: names, types: names });

  expect(create).toThrow("queue must name at most 100 pairs of a queue and a type, got 121");
});

test("however often it is scraped, the database is asked once", async () => {
  let asked = 0;
  await using telemetry = setup({
    async getQueue() {
      asked += 1;
      return [];
    },
  });

  await Promise.all(Array.from({ length: 20 }, () => telemetry.collect()));
  await telemetry.collect();

  expect(asked).toBe(1);
});

test.each([
  ["fails", () => Promise.reject(new Error("canary"))],
  ["says nothing", () => new Promise<never>(() => undefined)],
])("while the database %s, the rest is shown without it", async (_, getQueue) => {
  await using telemetry = setup({ getQueue });

  const series = await scrape(telemetry);

  expect(series.get("ai_worker_database_up")).toBe(0);
  expect(series.get("analysis_jobs_inflight")).toBe(0);
  expect([...series.keys()].filter((name) => name.includes("queue"))).toEqual([]);
});

/** A model whose answers name any model they like. */
function modelOf(answeredBy: () => string, resource = "host/judge"): ModelV1 {
  return {
    specVersion: "v1",
    name: "judge",
    version: "1",
    resource,
    capabilities: { images: false, structuredOutput: "prompt", deterministic: true, local: true },
    prepare: async () => undefined,
    async generate({ outputTokensMax }, given) {
      if (outputTokensMax === 1) {
        throw new ModelError("backend_busy", "No.", { scope: "backend", retryable: true });
      }
      given.progress({ stage: "decoding" });
      return {
        text: "",
        finish: "stop",
        usage: { inputTokens: 10, outputTokens: 3 },
        durationMs: 1,
        provenance: { adapter: "test", model: answeredBy(), options: {} },
      };
    },
  };
}

const context = {
  signal: new AbortController().signal,
  deadlineAt: 0,
  progress: (): void => undefined,
};
const request = { messages: [], outputTokensMax: 100 };

test("tokens, loads, calls, first tokens and swaps are counted under the host's names", async () => {
  await using telemetry = setup({});
  const reader = telemetry.model(
    modelOf(() => "x", "host/reader"),
    "page-reader:2b",
  );
  const judge = telemetry.model(
    modelOf(() => "y"),
    "judge:8b",
  );

  await reader.prepare?.(context);
  await reader.generate(request, context);
  await judge.generate(request, context);
  await judge.generate({ ...request, outputTokensMax: 1 }, context).catch(() => undefined);

  expect(telemetry.modelUses()).toMatchObject([
    { name: "page-reader:2b", swaps: 0 },
    { name: "judge:8b", swaps: 1 },
  ]);
  const series = await scrape(telemetry);
  const text = await telemetry.collect();
  expect(series.get("ai_worker_tokens_total page-reader:2b input")).toBe(10);
  expect(series.get("ai_worker_tokens_total judge:8b output")).toBe(3);
  expect(series.get("ai_worker_model_swaps_total")).toBe(1);
  for (const line of [
    'ai_worker_model_load_seconds_count{model="page-reader:2b",outcome="completed"} 1',
    'ai_worker_model_call_seconds_count{model="judge:8b",outcome="failed"} 1',
    'ai_worker_time_to_first_token_seconds_count{model="judge:8b"} 1',
  ]) {
    expect(text).toContain(line);
  }
});

test("10,000 random queues, types and models make no more series than one", async () => {
  const types: QueueRecord[] = [];
  await using telemetry = createTelemetry({
    ...learningLabels,
    queue: {
      types: ["submission"],
      queues: ["default"],
      client: {
        getQueue: async () => [...types],
        getResources: async () => [],
        getWorkers: async () => [],
      },
      cacheMs: 0,
    },
  });
  const model = telemetry.model(
    modelOf(() => `model-${crypto.randomUUID()}`),
    "judge:8b",
  );
  await model.generate(request, context);
  types.push(recordOf("tenant-0"));
  const before = (await telemetry.collect()).split("\n").length;

  for (let index = 0; index < 10_000; index += 1) {
    const queue = `tenant-${crypto.randomUUID()}`;
    types.push(recordOf(`tenant-${crypto.randomUUID()}`, { queue }));
    await model.generate(request, context);
  }
  const after = await telemetry.collect();

  expect(after.split("\n")).toHaveLength(before);
  expect(after).not.toMatch(/tenant-|model-/);
});
