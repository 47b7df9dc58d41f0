import { expect, test } from "bun:test";
import { inspect } from "node:util";

import {
  defineProgram,
  defineStep,
  type ModelCapabilities,
  ModelError,
  type ModelImage,
  type ModelV1,
  runStep,
  type StepCall,
} from "@leasehold/model";
import { z } from "zod";

import {
  createContext,
  createScriptedModel,
  type Line,
  type ScriptedModel,
} from "./scripted-model.ts";

interface Essay {
  readonly text: string;
  readonly criteria: readonly string[];
}

const secret = "My grandmother's name is Ilse Abendroth.";

const program = defineProgram({
  id: "grading",
  version: "3",
  steps: {
    analyse: defineStep({
      instructions: { de: "Bewerte den Text.", en: "Assess the text." },
      outputTokensMax: 400,
      messages: ({ text }: Essay) => [{ role: "user", content: text }],
      answer: ({ criteria }) =>
        z.strictObject({
          results: z.array(z.strictObject({ id: z.enum(criteria), score: z.int().min(0).max(10) })),
        }),
      check: ({ results }, { criteria }) =>
        criteria
          .filter((id) => results.filter((result) => result.id === id).length !== 1)
          .map((id) => `${id} must be assessed exactly once`),
    }),
    synthesise: defineStep({
      instructions: { de: "Schreibe eine Rückmeldung.", en: "Write feedback." },
      outputTokensMax: 300,
      temperature: 0.4,
      messages: (notes: string) => [{ role: "user", content: notes }],
      answer: z.string().min(1).max(40),
    }),
    read: defineStep({
      instructions: { de: "Schreibe ab.", en: "Transcribe." },
      outputTokensMax: 300,
      messages: (image: ModelImage) => [{ role: "user", content: "The page:", images: [image] }],
      answer: z.string(),
    }),
  },
});

const good = '{"results":[{"id":"c1","score":7},{"id":"c2","score":0}]}';

const essay: Essay = { text: secret, criteria: ["c1", "c2"] };

const picture: ModelImage = {
  mediaType: "image/png",
  width: 1,
  height: 1,
  bytes: new Uint8Array([1]),
};

interface Bundle {
  readonly model: ScriptedModel;
  readonly call: <Input>(input: Input, changes?: Partial<StepCall<Input>>) => StepCall<Input>;
}

function setup(lines: readonly Line[], capabilities: Partial<ModelCapabilities> = {}): Bundle {
  const model = createScriptedModel(lines, capabilities);
  return {
    model,
    call: (input, changes) => ({
      model,
      input,
      language: "en",
      key: "job-1",
      attempt: 1,
      context: createContext(),
      ...changes,
    }),
  };
}

async function catchError(work: Promise<unknown>): Promise<ModelError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!ModelError.is(error)) throw error;
  return error;
}

test("asks once for an answer that passes, with instructions, schema, limit and seed", async () => {
  const { model, call } = setup([good]);

  const result = await runStep(program.steps.analyse, call(essay));

  expect(result.answer.results).toEqual([
    { id: "c1", score: 7 },
    { id: "c2", score: 0 },
  ]);
  expect(model.requests).toEqual([
    {
      messages: [
        { role: "system", content: "Assess the text." },
        { role: "user", content: secret },
      ],
      schema: expect.objectContaining({ type: "object", required: ["results"] }),
      outputTokensMax: 400,
      temperature: 0,
      seed: expect.any(Number),
    },
  ]);
  expect(JSON.stringify(model.requests[0]?.schema)).toContain('"enum":["c1","c2"]');
});

test("says where an answer comes from", async () => {
  const { call } = setup([good]);

  const { provenance, usage, durationMs } = await runStep(program.steps.analyse, call(essay));

  expect(provenance).toEqual({
    program: "grading",
    version: "3",
    hash: program.hash,
    step: "analyse",
    asks: 1,
    adapter: "scripted",
    model: "tiny",
    options: { temperature: 0 },
  });
  expect(usage).toEqual({ inputTokens: 10, outputTokens: 5 });
  expect(durationMs).toBe(7);
});

test("asks for prose without a schema, cleans it and takes its fence away", async () => {
  const { model, call } = setup(["```markdown\nWell\u200B done!\u0000\n```\n"]);

  const result = await runStep(program.steps.synthesise, call("notes", { language: "de" }));

  expect(result.answer).toBe("Well done!\uFFFD");
  expect(result.sanitised).toEqual({ replaced: 1, controls: 0, hidden: 1 });
  expect(model.requests[0]).not.toHaveProperty("schema");
  expect(model.requests[0]?.temperature).toBe(0.4);
  expect(model.requests[0]?.messages[0]?.content).toBe("Schreibe eine Rückmeldung.");
});

test.each([
  ["bare", good],
  ["fenced", `\`\`\`json\n${good}\n\`\`\``],
  ["padded", `\n  ${good}\n`],
])("reads JSON as it comes: %s", async (_name, text) => {
  const { call } = setup([text]);

  const { answer, provenance } = await runStep(program.steps.analyse, call(essay));

  expect(answer.results).toHaveLength(2);
  expect(provenance.asks).toBe(1);
});

test("cleans the strings of a JSON answer before its schema sees them", async () => {
  const { call } = setup(['{"results":[{"id":"c\\u200b1","score":7},{"id":"c2","score":0}]}']);

  const { answer, sanitised } = await runStep(program.steps.analyse, call(essay));

  expect(answer.results[0]?.id).toBe("c1");
  expect(sanitised.hidden).toBe(1);
});

test.each([
  ["no JSON", "I would say seven.", "not one JSON value"],
  ["JSON after a preface", `Here it is: ${good}`, "not one JSON value"],
  ["JSON without its end", good.slice(0, -1), "not one JSON value"],
  ["a score out of range", good.replace("7", "11"), "at results[0].score"],
  ["an invented criterion", good.replace("c2", "c3"), "at results[1].id"],
  ["a criterion twice", good.replace("c2", "c1"), "c2 must be assessed exactly once"],
  ["nothing", "", "not one JSON value"],
])("asks once more and says why: %s", async (_name, refused, why) => {
  const { model, call } = setup([refused, good]);

  const result = await runStep(program.steps.analyse, call(essay));

  const [first, second] = model.requests;
  const added = second?.messages.slice(first?.messages.length) ?? [];
  expect(result.answer.results).toHaveLength(2);
  expect(second?.messages.slice(0, first?.messages.length)).toEqual([...(first?.messages ?? [])]);
  expect(added.at(-1)?.content).toContain(why);
  expect(added.slice(0, -1)).toEqual(
    refused === "" ? [] : [{ role: "assistant", content: refused }],
  );
});

test("sums what two asks cost and counts them", async () => {
  const { call } = setup(["no", good]);

  const { usage, durationMs, provenance } = await runStep(program.steps.analyse, call(essay));

  expect(usage).toEqual({ inputTokens: 20, outputTokens: 10 });
  expect(durationMs).toBe(14);
  expect(provenance.asks).toBe(2);
});

test("does not sum what was not counted every time", async () => {
  const { call } = setup([{ text: "no", usage: { outputTokens: 5 } }, good]);

  const { usage } = await runStep(program.steps.analyse, call(essay));

  expect(usage).toEqual({ outputTokens: 10 });
});

test.each([
  ["not_json", `no ${secret}`],
  ["schema_violated", `{"results":[],"${secret}":1}`],
  ["check_failed", '{"results":[]}'],
])("gives up after the second refusal, quoting nobody: %s", async (reason, refused) => {
  const { model, call } = setup([refused, refused, good]);

  const error = await catchError(runStep(program.steps.analyse, call(essay)));

  expect(model.requests).toHaveLength(2);
  expect(error).toMatchObject({ code: "output_invalid", scope: "job", retryable: true });
  expect(error.adapterCode).toBe(reason);
  expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain(secret);
});

test("refuses prose that breaks its limits", async () => {
  const { call } = setup(["x".repeat(41), "```\n\n```"]);

  const error = await catchError(runStep(program.steps.synthesise, call("notes")));

  expect(error).toMatchObject({ code: "output_invalid", adapterCode: "schema_violated" });
});

test("never uses an answer that was cut, not even one that parses", async () => {
  const { model, call } = setup([{ text: good, finish: "length" }, good]);

  const error = await catchError(runStep(program.steps.analyse, call(essay)));

  expect(error).toMatchObject({ code: "output_truncated", scope: "job", retryable: true });
  expect(model.requests).toHaveLength(1);
});

test("shows a model neither a huge refused answer nor an endless list of problems", async () => {
  const many = JSON.stringify({
    results: Array.from({ length: 500 }, () => ({ id: "x", score: 99 })),
  });
  const { model, call } = setup([many, good]);

  await runStep(program.steps.analyse, call(essay));

  const added = model.requests[1]?.messages.slice(2) ?? [];
  expect(added.map(({ role }) => role)).toEqual(["user"]);
  expect(added[0]?.content.length).toBeLessThan(2_500);
});

test("blames the answer when only asking again made the request too long", async () => {
  const tooLarge = new ModelError("input_too_large", "Too long.", {
    scope: "job",
    retryable: false,
  });

  const again = await catchError(
    runStep(program.steps.analyse, setup(["no", tooLarge]).call(essay)),
  );
  const first = await catchError(runStep(program.steps.analyse, setup([tooLarge]).call(essay)));

  expect(again).toMatchObject({ code: "output_invalid", adapterCode: "not_json", retryable: true });
  expect(first).toBe(tooLarge);
});

test("lets an error of the model through, whatever it is", async () => {
  const outage = new ModelError("backend_unreachable", "Down.", {
    scope: "backend",
    retryable: true,
  });

  expect(await catchError(runStep(program.steps.analyse, setup([outage]).call(essay)))).toBe(
    outage,
  );
  const broken = new TypeError("undefined is not a function");
  const thrown = await runStep(program.steps.analyse, setup([broken]).call(essay)).catch(
    (reason: unknown) => reason,
  );
  expect(thrown).toBe(broken);
});

test("seeds by key, attempt, step and ask, and by nothing else", async () => {
  const seedsOf = async (changes: Partial<StepCall<Essay>>): Promise<(number | undefined)[]> => {
    const { model, call } = setup(["no", good]);
    await runStep(program.steps.analyse, call(essay, changes));
    return model.requests.map(({ seed }) => seed);
  };

  const [first, again, later, other] = await Promise.all([
    seedsOf({}),
    seedsOf({ language: "de" }),
    seedsOf({ attempt: 2 }),
    seedsOf({ key: "job-2" }),
  ]);

  expect(again).toEqual(first ?? []);
  const all = [first, later, other].flatMap((seeds) => seeds ?? []);
  expect(new Set(all).size).toBe(6);
  expect(
    all.every((seed) => Number.isInteger(seed) && Number(seed) >= 0 && Number(seed) < 2 ** 31),
  ).toBe(true);
});

test("does not send a picture to a model without eyes", async () => {
  const { model, call } = setup(["A page."], { images: false });

  const error = await catchError(runStep(program.steps.read, call(picture)));

  expect(error).toMatchObject({ code: "model_unsuitable", scope: "config", retryable: false });
  expect(model.requests).toHaveLength(0);
});

test("does not ask a model of prose for JSON", async () => {
  const { model, call } = setup([good], { structuredOutput: "none" });

  const error = await catchError(runStep(program.steps.analyse, call(essay)));

  expect(error).toMatchObject({ code: "model_unsuitable", scope: "config", retryable: false });
  expect(model.requests).toHaveLength(0);
});

test("sends pictures and prose to models that take them", async () => {
  const { model, call } = setup(["A page."], { structuredOutput: "none" });

  const { answer } = await runStep(program.steps.read, call(picture));

  expect(answer).toBe("A page.");
  expect(model.requests[0]?.messages[1]?.images).toEqual([picture]);
});

test("refuses a language the program does not speak", async () => {
  const { call } = setup([good]);

  const error = await catchError(runStep(program.steps.analyse, call(essay, { language: "fr" })));

  expect(error).toMatchObject({ code: "config_invalid", scope: "config" });
});

test("asks nothing again once its caller has aborted", async () => {
  const caller = new AbortController();
  const { model, call } = setup(["no", good]);
  const context = createContext({ signal: caller.signal, progress: () => caller.abort() });

  const error = await catchError(runStep(program.steps.analyse, call(essay, { context })));

  expect(error.code).toBe("aborted");
  expect(model.requests).toHaveLength(1);
});

test("limits one call in time, under the name of an outage while it was silent", async () => {
  const { model, call } = setup([]);
  const silent: ModelV1 = {
    ...model,
    generate: (_request, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("closed")));
      }),
  };

  const error = await catchError(
    runStep(program.steps.analyse, call(essay, { model: silent, timeoutMs: 20 })),
  );

  expect(error.code).toBe("backend_timeout");
});

test("takes a nesting that no stack could walk for what it is", async () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const { call } = setup([deep, good]);

  const { provenance } = await runStep(program.steps.analyse, call(essay));

  expect(provenance.asks).toBe(2);
});
