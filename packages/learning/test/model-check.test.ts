import { expect, test } from "bun:test";

import { ModelError, type ModelV1 } from "@leasehold/model";

import { createModelCheck, type ModelCheck } from "../src/model-check.ts";

interface Bench {
  readonly check: ModelCheck;
  /** The model as jobs use it. */
  readonly watched: ModelV1;
  readonly callCount: () => number;
  advance(seconds: number): void;
}

function setup(generate: ModelV1["generate"] = async () => answer("ok")): Bench {
  let now = 0;
  let calls = 0;
  const check = createModelCheck({ now: () => now });
  const watched = check.watch({
    specVersion: "v1",
    name: "fake",
    version: "1",
    capabilities: { images: false, structuredOutput: "none", deterministic: true, local: true },
    resource: "host/model",
    generate(...given) {
      calls += 1;
      return generate(...given);
    },
  });
  return { check, watched, callCount: () => calls, advance: (seconds) => (now += seconds * 1_000) };
}

function answer(text: string): Awaited<ReturnType<ModelV1["generate"]>> {
  const provenance = { adapter: "fake", model: "model", options: {} };
  return { text, finish: "stop", usage: {}, durationMs: 1, provenance };
}

const job = {
  messages: [{ role: "user", content: "Wie gut ist das?" }],
  outputTokensMax: 100,
} as const;
const context = {
  signal: new AbortController().signal,
  deadlineAt: 1e9,
  progress: () => undefined,
};

test("asks for a few tokens, and says how long the answer took", async () => {
  const asked: unknown[] = [];
  const { check } = setup(async (request) => {
    asked.push(request.outputTokensMax);
    return answer("ok");
  });

  const findings = await check.run(context.signal);

  expect(findings).toEqual([
    { check: "model_answers", status: "ok", message: "host/model answered in 0 ms." },
  ]);
  expect(asked).toEqual([8]);
});

test("takes the answer that a job got within a minute for one, and none that is older", async () => {
  const bench = setup();
  await bench.watched.generate(job, context);
  bench.advance(60);
  const fresh = await bench.check.run(context.signal);
  const callsThen = bench.callCount();

  bench.advance(1);
  const asked = await bench.check.run(context.signal);

  expect(fresh[0]?.message).toBe("host/model answered a job 60 s ago.");
  expect([callsThen, bench.callCount()]).toEqual([1, 2]);
  expect(asked[0]?.message).toBe("host/model answered in 0 ms.");
});

test("a job that failed proves nothing", async () => {
  const bench = setup(() =>
    Promise.reject(
      new ModelError("backend_failed", "canary", { scope: "backend", retryable: true }),
    ),
  );
  await bench.watched.generate(job, context).catch(() => undefined);

  const findings = await bench.check.run(context.signal);

  expect(bench.callCount()).toBe(2);
  expect(findings).toMatchObject([
    { status: "fail", message: "host/model could not answer (backend_failed)." },
  ]);
});

test.each([
  ["nothing", async () => answer(" \n"), "host/model answered with nothing."],
  ["an unknown error", () => Promise.reject(new Error("canary")), "host/model could not answer."],
] as const)("%s is a failure in our words", async (_, generate, message) => {
  const { check } = setup(generate);

  const findings = await check.run(context.signal);

  expect(findings).toEqual([{ check: "model_answers", status: "fail", message }]);
});

test("a model that is silent until the end of the time has failed", async () => {
  const over = new AbortController();
  const { check } = setup((_, { signal }) => {
    over.abort();
    return Promise.reject(signal.reason);
  });

  const findings = await check.run(over.signal);

  expect(findings).toMatchObject([
    { status: "fail", message: "host/model did not answer in time." },
  ]);
});
