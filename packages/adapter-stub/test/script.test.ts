import { expect, test } from "bun:test";

import { createStubModel, findStubMarkers, parseStubScript } from "@leasehold/adapter-stub";
import { defineProgram, defineStep, type ModelError, runStep } from "@leasehold/model";
import { z } from "zod";

import { call, codeOf, errorOf, words } from "./stub-call.ts";

const schema = {
  type: "object",
  properties: { score: { type: "integer", minimum: 0, maximum: 5 } },
  required: ["score"],
};

test("reads a script of several acts", () => {
  expect(parseStubScript("slow 500, transient 2,permanent")).toEqual([
    { name: "slow", count: 500 },
    { name: "transient", count: 2 },
    { name: "permanent", count: Infinity },
  ]);
});

test.each([
  "",
  "explode",
  "transient two",
  "transient 0",
  "transient 1001",
  "slow",
  "slow 600001",
  "hang,",
])("refuses a script it does not understand, without quoting it: %p", (script) => {
  const parse = (): unknown => parseStubScript(script);

  expect(parse).toThrow(expect.objectContaining({ code: "config_invalid", scope: "config" }));
  expect(parse).toThrow(/must be one of busy, crash, hang/);
  if (script.startsWith("explode")) expect(parse).not.toThrow(/explode/);
});

test("refuses a broken script when it is made, not when it is called", () => {
  expect(() => createStubModel({ script: "explode" })).toThrow("Act 1 of the stub's script");
});

test("finds markers with their lines and leaves other brackets alone", () => {
  const text = "one [[stub: transient 2]] and [[stub:slow 5]]\n[[other: 1]]\n[stub: hang]";

  expect(findStubMarkers(text)).toEqual([
    {
      acts: [{ name: "transient", count: 2 }],
      line: "one [[stub: transient 2]] and [[stub:slow 5]]",
    },
    { acts: [{ name: "slow", count: 5 }], line: "one [[stub: transient 2]] and [[stub:slow 5]]" },
  ]);
});

test("takes a marker it does not understand as the fault of that job, and does not quote it", async () => {
  const model = createStubModel({ markers: true });

  const error = await errorOf(call(model, words("[[stub: Ilse Abendroth]]")));

  expect(error).toMatchObject({ code: "input_unsupported", scope: "job", retryable: false });
  expect(error?.message).not.toContain("Ilse");
});

test.each<[string, Partial<ModelError>]>([
  ["transient", { code: "backend_failed", scope: "job", retryable: true }],
  ["permanent", { code: "input_unsupported", scope: "job", retryable: false }],
  ["outage", { code: "backend_unreachable", scope: "backend", retryable: true }],
  ["busy", { code: "backend_busy", scope: "backend", retryable: true, retryAfterMs: 1_000 }],
  ["timeout", { code: "backend_timeout", scope: "backend", retryable: true }],
  ["missing", { code: "model_missing", scope: "config", retryable: false }],
  ["runaway", { code: "output_runaway", scope: "job", retryable: true }],
  ["crash", { code: "backend_failed", scope: "job", retryable: true }],
])("acts out a failure: %s", async (act, expected) => {
  const error = await errorOf(call(createStubModel({ script: act }), words("Hello there.")));

  expect(error).toMatchObject({ ...expected, adapterCode: `stub_${act}` });
});

test("fails as often as it was told and then answers", async () => {
  const model = createStubModel({ script: "outage 2" });
  const request = words("Hello there.");

  const codes = [
    await codeOf(call(model, request)),
    await codeOf(call(model, words("Something else."))),
    await codeOf(call(model, request)),
  ];

  expect(codes).toEqual(["backend_unreachable", "backend_unreachable", undefined]);
});

test("plays several acts one after the other", async () => {
  const model = createStubModel({ script: "outage 1, transient 1" });

  const codes = [1, 2, 3].map(() => codeOf(call(model, words("Hello there."))));

  expect(await Promise.all(codes)).toEqual(["backend_unreachable", "backend_failed", undefined]);
});

test("begins its counts again in a new model, as after a restart", async () => {
  const codes = [1, 2].map(() =>
    codeOf(call(createStubModel({ script: "outage 1" }), words("Hello there."))),
  );

  expect(await Promise.all(codes)).toEqual(["backend_unreachable", "backend_unreachable"]);
});

test("reads markers as ordinary text unless it was told to obey them", async () => {
  const { text } = await call(createStubModel(), words("[[stub: permanent]]"));

  expect(text).toContain("synthetic");
});

test("counts a marker by its line: in every step and attempt of one text, apart from others", async () => {
  const model = createStubModel({ markers: true });
  const marked = "[[stub: transient 2]] essay 1";

  const codes = [
    await codeOf(call(model, words(`Analyse.\n${marked}\nnonce 1`, { seed: 1 }))),
    await codeOf(call(model, words("[[stub: transient 2]] essay 2"))),
    await codeOf(call(model, words(`Synthesise.\n  ${marked}\nnonce 2`, { seed: 2 }))),
    await codeOf(call(model, words(`Analyse.\n${marked}\nnonce 3`, { seed: 3 }))),
    await codeOf(call(model, words("[[stub: transient 2]] essay 2"))),
    await codeOf(call(model, words("[[stub: transient 2]] essay 2"))),
  ];

  const [failed, passed] = ["backend_failed", undefined] as const;
  expect(codes).toEqual([failed, failed, failed, passed, failed, passed]);
});

test("does not obey what an assistant is said to have written", async () => {
  const model = createStubModel({ markers: true });
  const quoted = { role: "assistant", content: "[[stub: permanent]]" } as const;

  const code = await codeOf(call(model, { messages: [quoted], outputTokensMax: 100 }));

  expect(code).toBeUndefined();
});

test("forgets the oldest counts before they fill the memory", async () => {
  const model = createStubModel({ markers: true });
  const mark = (essay: number) => codeOf(call(model, words(`[[stub: outage 1]] essay ${essay}`)));
  await mark(0);
  expect(await mark(0)).toBeUndefined();

  for (let essay = 1; essay <= 10_000; essay += 1) await mark(essay);

  expect(await mark(0)).toBe("backend_unreachable");
  expect(await mark(10_000)).toBeUndefined();
});

test("waits before it answers and stops waiting when it is aborted", async () => {
  const controller = new AbortController();
  const short = createStubModel({ script: "slow 5" });
  const long = createStubModel({ script: "slow 600000" });

  const { durationMs } = await call(short, words("Hello there."));
  const stopped = codeOf(
    call(long, words("Hello there."), {
      signal: controller.signal,
      progress: () => void setTimeout(() => controller.abort()),
    }),
  );

  expect(durationMs).toBeGreaterThanOrEqual(4);
  expect(await stopped).toBe("aborted");
});

test("hangs until it is aborted", async () => {
  const controller = new AbortController();

  const code = await codeOf(
    call(createStubModel({ script: "hang" }), words("Hello there."), {
      signal: controller.signal,
      progress: () => void setTimeout(() => controller.abort()),
    }),
  );

  expect(code).toBe("aborted");
});

test("hangs on after an abort when it plays deaf", async () => {
  const controller = new AbortController();
  let isOver = false;
  void call(createStubModel({ script: "hang-deaf" }), words("Hello there."), {
    signal: controller.signal,
  }).finally(() => (isOver = true));

  controller.abort();

  // The stub that obeys needs one turn of the loop; this one is given several.
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => void setTimeout(resolve));
  expect(isOver).toBe(false);
});

test("crashes by the function it was given, and fails if that comes back", async () => {
  let crashes = 0;
  const crash = (): void => void (crashes += 1);

  const error = await errorOf(
    call(createStubModel({ script: "crash", crash }), words("Hello there.")),
  );

  expect(crashes).toBe(1);
  expect(error).toMatchObject({ code: "backend_failed", adapterCode: "stub_crash" });
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ["an object", schema],
  ["a list", { type: "array", items: {} }],
  ["a list or null", { anyOf: [{ type: "array" }, { type: "null" }] }],
  ["a choice", { enum: ["a", "b"] }],
  ["one of two objects", { oneOf: [schema, { type: "object", required: ["x"] }] }],
])("gives an answer that breaks the schema: %s", async (_name, answerSchema) => {
  const request = words("Hello there.", { schema: answerSchema });

  const { text, finish } = await call(createStubModel({ script: "invalid" }), request);

  expect(finish).toBe("stop");
  expect(z.fromJSONSchema(answerSchema).safeParse(JSON.parse(text)).success).toBe(false);
});

test("breaks a schema that allows everything by what is no JSON", async () => {
  const request = words("Hello there.", { schema: { type: ["array", "object"] } });

  const { text } = await call(createStubModel({ script: "invalid" }), request);

  expect(() => JSON.parse(text)).toThrow(SyntaxError);
});

test("is asked again after an invalid answer and then gives a good one", async () => {
  const program = defineProgram({
    id: "grading",
    version: "1",
    steps: {
      grade: defineStep({
        instructions: { en: "Grade the text." },
        outputTokensMax: 100,
        messages: (text: string) => [{ role: "user", content: text }],
        answer: z.strictObject({ score: z.int().min(0).max(5) }),
      }),
    },
  });

  const { provenance } = await runStep(program.steps.grade, {
    model: createStubModel({ markers: true }),
    input: "[[stub: invalid 1]] essay",
    language: "en",
    key: "job-1",
    attempt: 1,
    context: {
      signal: new AbortController().signal,
      deadlineAt: performance.now() + 60_000,
      progress() {},
    },
  });

  expect(provenance.asks).toBe(2);
  expect(provenance.synthetic).toBe(true);
});

test.each([
  ["in JSON", { schema }],
  ["in prose", {}],
])("cuts its answer when it is told to: %s", async (_name, changes) => {
  const request = words("Hello there.", changes);

  const whole = await call(createStubModel(), request);
  const cut = await call(createStubModel({ script: "truncated" }), request);

  expect(cut.finish).toBe("length");
  expect(whole.text.startsWith(cut.text)).toBe(true);
  expect(cut.text.length).toBeLessThan(whole.text.length);
});
