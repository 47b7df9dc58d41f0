import { expect, test } from "bun:test";

import {
  type AdapterContext,
  type AdapterV1,
  type Client,
  createClient,
  definePipeline,
  type PhaseRequest,
} from "@leasehold/core";
import { type ModelContext, ModelError, type ModelV1 } from "@leasehold/model";
import { context, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { z } from "zod";

import { createTracing, type Tracing, type TracingOptions } from "../src/index.ts";
import { attemptOf, createTestWorker, type TestWorker } from "./setup.ts";

interface Bench extends AsyncDisposable {
  readonly tracing: Tracing;
  readonly worker: TestWorker;
  spans(): readonly ReadableSpan[];
  span(name: string): ReadableSpan;
}

/** Tracing into the tracers of a host, observing one worker. */
function setup(options: Partial<TracingOptions> = {}): Bench {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracing = createTracing({ to: { provider }, ...options });
  const worker = createTestWorker();
  tracing.observe(worker);
  const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans();
  return {
    tracing,
    worker,
    spans,
    span(name) {
      const found = spans().find((span) => span.name === name);
      if (found === undefined) throw new Error(`There is no span "${name}".`);
      return found;
    },
    [Symbol.asyncDispose]: () => tracing.close(),
  };
}

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${spanId}-01`;

/** What a worker tells of an attempt that ends well. */
function runAttempt(worker: TestWorker, given: { readonly trace?: string } = {}): void {
  const attempt = attemptOf("a");
  worker.emit({ ...attempt, name: "phase.started", ...given });
  worker.emit({ ...attempt, name: "phase.ended", durationMs: 1 });
  worker.emit({ ...attempt, name: "phase.completed", durationMs: 2 });
}

/** A model that answers at once, or throws. */
function modelOf(generate: (context: ModelContext) => void): ModelV1 {
  return {
    specVersion: "v1",
    name: "judge",
    version: "1",
    resource: "host/judge",
    capabilities: { images: false, structuredOutput: "prompt", deterministic: true, local: true },
    async generate(_, given) {
      generate(given);
      return {
        text: "canary answer",
        finish: "stop",
        usage: { inputTokens: 12, outputTokens: 5 },
        durationMs: 1,
        provenance: { adapter: "test", model: "judge:8b", options: {} },
      };
    },
  };
}

const modelContext: ModelContext = {
  signal: new AbortController().signal,
  deadlineAt: 0,
  progress: () => undefined,
};
const request = {
  messages: [{ role: "user", content: "canary question" }],
  outputTokensMax: 100,
} as const;

const phaseRequest: PhaseRequest = {
  type: "submission",
  phase: "vision",
  input: {},
  results: {},
  parts: [],
};

/** The first attempt of a job's phase `vision`, as its adapter sees it. */
function contextOf(jobId = "a"): AdapterContext {
  const logger = { info: () => undefined, warn: () => undefined };
  const savePart = (): Promise<void> => Promise.resolve();
  return { ...modelContext, ...attemptOf(jobId), logger, savePart };
}

/** An adapter that asks a model, a moment after it was asked itself. */
function adapterOf(model: ModelV1): AdapterV1 {
  return {
    specVersion: "v1",
    name: "test",
    version: "1",
    capabilities: { phases: ["vision"] },
    resource: () => model.resource,
    async execute(_, given) {
      await Promise.resolve();
      const { text } = await model.generate(request, given);
      return { output: text, provenance: {} };
    },
  };
}

const submission = definePipeline({
  type: "submission",
  version: 1,
  input: z.unknown(),
  phases: [{ name: "vision", output: z.unknown() }],
});

test("each attempt is a trace of its own that is linked to who enqueued its job", async () => {
  await using bench = setup();

  runAttempt(bench.worker, { trace: traceparent });

  const process = bench.span("process submission");
  expect(process.spanContext().traceId).not.toBe(traceId);
  expect(process.parentSpanContext).toBeUndefined();
  expect(process.links.map(({ context: linked }) => linked)).toMatchObject([{ traceId, spanId }]);
  for (const name of ["phase vision", "settle submission"]) {
    expect(bench.span(name).parentSpanContext).toMatchObject(process.spanContext());
  }
});

test("each attempt is part of the trace of who enqueued its job, where that is wanted", async () => {
  await using bench = setup({ parenting: "parent" });

  runAttempt(bench.worker, { trace: traceparent });

  const process = bench.span("process submission");
  expect(process.spanContext().traceId).toBe(traceId);
  expect(process.parentSpanContext).toMatchObject({ spanId });
  expect(process.links).toEqual([]);
});

test.each([undefined, "nonsense", `${traceparent}-and-more`])(
  "a job without a trace begins one: %p",
  async (given) => {
    await using bench = setup({ parenting: "parent" });

    runAttempt(bench.worker, given === undefined ? {} : { trace: given });

    const process = bench.span("process submission");
    expect([process.parentSpanContext, process.links]).toEqual([undefined, []]);
  },
);

const attempt = attemptOf("a");
const ends = [
  [{ name: "job.retried", code: "backend_failed", retryInMs: 1 }, "retried", "backend_failed"],
  [{ name: "job.failed", code: "input_corrupt" }, "failed", "input_corrupt"],
  [{ name: "job.dead", code: "Canary in a code" }, "dead", "other"],
  [{ name: "lease.lost" }, "lost", "lease_lost"],
  [{ name: "job.cancelled", code: "cancelled" }, "cancelled", undefined],
  [{ name: "job.waiting", reason: "signal" }, "waiting", undefined],
  [
    { name: "job.released", reason: "outage", code: "backend_unreachable", retryInMs: 1 },
    "released",
    "backend_unreachable",
  ],
  [
    { name: "job.released", reason: "shutdown", code: "worker_stopping", retryInMs: 0 },
    "released",
    undefined,
  ],
] as const;

test.each(ends)("an attempt that ends with %p says so", async (event, outcome, errorType) => {
  await using bench = setup();
  bench.worker.emit({ ...attempt, name: "phase.started" });
  bench.worker.emit({ ...attempt, name: "phase.ended", durationMs: 1, code: "stalled" });

  bench.worker.emit({ ...attempt, ...event });

  const { attributes, status } = bench.span("process submission");
  expect(attributes["leasehold.outcome"]).toBe(outcome);
  expect(attributes["error.type"]).toBe(errorType);
  expect(status.code === SpanStatusCode.ERROR).toBe(errorType !== undefined);
  expect(bench.spans()).toHaveLength(3);
});

test("what is open when the worker has stopped is ended", async () => {
  await using bench = setup();
  bench.worker.emit({ ...attempt, name: "phase.started" });

  bench.worker.emit({ name: "worker.stopped", worker: "w" });

  expect(bench.span("process submission").attributes["leasehold.outcome"]).toBe("left");
});

test("a call of a model is a span of its phase, and holds numbers but no word of it", async () => {
  await using bench = setup({ semconv: "latest" });
  const model = bench.tracing.model(
    modelOf((given) => given.progress({ stage: "decoding", tokens: 1 })),
  );
  const adapter = bench.tracing.adapter(adapterOf(model));
  bench.worker.emit({ ...attempt, name: "phase.started" });

  await adapter.execute(phaseRequest, contextOf());

  bench.worker.emit({ ...attempt, name: "phase.ended", durationMs: 1 });
  const chat = bench.span("chat judge:8b");
  expect(chat.parentSpanContext).toMatchObject(bench.span("phase vision").spanContext());
  expect(chat.attributes).toMatchObject({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "test",
    "gen_ai.request.model": "judge:8b",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.time_to_first_chunk": expect.any(Number),
  });
  expect(JSON.stringify(chat.attributes)).not.toContain("canary");
});

test("calls of two jobs at once stay with their own phases", async () => {
  await using bench = setup();
  const adapter = bench.tracing.adapter(adapterOf(bench.tracing.model(modelOf(() => undefined))));
  const jobs = ["a", "b", "c"];
  for (const job of jobs) bench.worker.emit({ ...attemptOf(job), name: "phase.started" });

  await Promise.all(jobs.map((job) => adapter.execute(phaseRequest, contextOf(job))));

  for (const job of jobs) {
    bench.worker.emit({ ...attemptOf(job), name: "phase.ended", durationMs: 1 });
    bench.worker.emit({ ...attemptOf(job), name: "phase.completed", durationMs: 1 });
  }
  const ids = (name: string): readonly string[] =>
    bench
      .spans()
      .filter((span) => span.name === name)
      .map((span) => span.spanContext().traceId)
      .toSorted();
  expect(ids("chat judge:8b")).toEqual(ids("process submission"));
  expect(new Set(ids("chat judge:8b")).size).toBe(3);
});

test("a call that fails says with what code, and fails as before", async () => {
  await using bench = setup();
  const error = new ModelError("backend_busy", "canary", { scope: "backend", retryable: true });
  const model = bench.tracing.model(
    modelOf(() => {
      throw error;
    }),
  );

  const thrown = await model.generate(request, modelContext).catch((caught: unknown) => caught);

  expect(thrown).toBe(error);
  const { attributes, events, status } = bench.span("chat judge");
  expect(attributes["error.type"]).toBe("backend_busy");
  expect([events, status]).toEqual([[], { code: SpanStatusCode.ERROR }]);
});

test("the conventions can be switched off, and our own names stay", async () => {
  await using bench = setup({ semconv: "off" });

  runAttempt(bench.worker);
  await bench.tracing.model(modelOf(() => undefined)).generate(request, modelContext);

  const names = bench.spans().flatMap(({ attributes }) => Object.keys(attributes));
  expect(names.filter((name) => /^(messaging|gen_ai)\./.test(name))).toEqual([]);
  expect(names).toContain("leasehold.job.id");
});

test("whoever enqueues within a span of his own finds the job in his trace, and no baggage in the job", async () => {
  await using bench = setup();
  const given: unknown[] = [];
  await using real = createClient({ connection: "postgresql://nobody@127.0.0.1:1/nothing" });
  const enqueue: Client["enqueue"] = async (_, __, options) => {
    given.push(options);
    return { id: "8a0f0a2e-0000-4000-8000-000000000001", outcome: "created" };
  };
  const client = bench.tracing.client({ ...real, enqueue });

  await client.enqueue(submission, {}, { tenant: "canary" });
  await client.enqueue(submission, {}, { trace: traceparent });

  const [sent] = bench.spans();
  const { traceId: own, spanId: ownSpan } = sent?.spanContext() ?? {};
  expect(given).toEqual([
    { tenant: "canary", trace: `00-${own}-${ownSpan}-01` },
    { trace: traceparent },
  ]);
  expect(JSON.stringify(sent?.attributes)).not.toContain("canary");
});

test("OpenTelemetry's global providers are left alone", async () => {
  await using bench = setup();

  runAttempt(bench.worker);

  expect(trace.getTracer("x").startSpan("x").isRecording()).toBe(false);
  expect(context.active()).toBe(ROOT_CONTEXT);
});

test("after closing it observes nothing more", async () => {
  await using bench = setup();

  await bench.tracing.close();
  await bench.tracing.close();

  expect(bench.worker.listenerCount).toBe(0);
  expect(() => bench.tracing.observe(bench.worker)).toThrow(
    expect.objectContaining({ code: "worker_stopping" }),
  );
});
