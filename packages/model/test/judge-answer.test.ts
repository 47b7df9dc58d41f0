import { describe, expect, test } from "bun:test";

import { defineProgram, defineStep, ModelError, runStep } from "@leasehold/model";
import { z } from "zod";

import { createContext, createScriptedModel, type ScriptedModel } from "./scripted-model.ts";

const explanation = z.string().max(20);
const answer = z.strictObject({
  c1: z.union([
    z.strictObject({
      evidence: z.array(z.enum(["s1", "s2"])).min(1),
      explanation,
      score: z.int().max(4),
    }),
    z.strictObject({
      evidence: z.array(z.enum(["s1", "s2"])).max(0),
      none: z.literal(true),
      score: z.literal(0),
    }),
  ]),
});

const program = defineProgram({
  id: "judging",
  version: "1",
  steps: {
    judge: defineStep({
      instructions: { en: "Judge.", de: "Urteile." },
      examples: {
        en: [
          { given: "A cat.", answer: '{"c1":{"evidence":["s1"],"explanation":"Yes.","score":4}}' },
        ],
      },
      outputTokensMax: 100,
      messages: (text: string) => [{ role: "user", content: text }],
      answer,
      check: ({ c1 }) => [
        ...("explanation" in c1 && c1.explanation === "secret"
          ? [{ code: "told_a_secret", sentence: "c1 tells a secret" }]
          : []),
        ...(c1.score === 3 ? ["3 is nobody's score"] : []),
      ],
    }),
  },
});

const good = '{"c1":{"evidence":["s1"],"explanation":"Yes.","score":4}}';

/** Asks twice: what is said first is refused, or the second answer is never needed. */
async function ask(
  ...lines: readonly string[]
): Promise<{ readonly model: ScriptedModel; readonly error: unknown }> {
  const model = createScriptedModel(lines);
  const call = {
    model,
    input: "A dog.",
    language: "en",
    key: "k",
    attempt: 1,
    context: createContext(),
  };
  const error = await runStep(program.steps.judge, call).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { model, error };
}

/** What the model was told to be wrong. */
function complaint({ requests }: ScriptedModel): string {
  return requests[1]?.messages.at(-1)?.content ?? "";
}

describe("a key that stands twice", () => {
  test.each([
    [
      "at the top",
      '{"c1":{"evidence":[],"none":true,"score":0},"c1":{"evidence":["s1"],"explanation":"","score":4}}',
    ],
    ["deep inside", '{"c1":{"evidence":["s1"],"explanation":"x","score":1,"score":4}}'],
    [
      "in another spelling",
      String.raw`{"c1":{"evidence":["s1"],"explanation":"x","score":1,"s\u0063ore":4}}`,
    ],
    [
      "but for what nobody sees",
      '{"c1":{"evidence":["s1"],"explanation":"x","score":1,"sco\u200Bre":4}}',
    ],
  ])("is refused, since nobody knows which was meant: %s", async (_, refused) => {
    const { model, error } = await ask(refused, good);

    expect(error).toBeUndefined();
    expect(complaint(model)).toContain("A key stands twice");
  });

  test("is none in different objects, nor in a text that looks like one", async () => {
    const text = String.raw`{"c1":{"evidence":["s1"],"explanation":"\"score\":1,\"a\":{","score":4}}`;

    expect(await ask(text)).toMatchObject({ error: undefined });
  });
});

describe("an answer that fits in no form", () => {
  test.each([
    ["points without evidence", { evidence: [], explanation: "x", score: 2 }, "evidence"],
    ["too many points", { evidence: ["s1"], explanation: "x", score: 9 }, "at c1.score"],
    [
      "a zero that was not found, with points",
      { evidence: [], none: true, score: 2 },
      "at c1.score",
    ],
  ])("is told what is wrong in the form that comes closest: %s", async (_, c1, where) => {
    const { model } = await ask(JSON.stringify({ c1 }), good);

    expect(complaint(model)).toContain(where);
    expect(complaint(model)).not.toContain("Invalid input\n");
  });
});

describe("a problem with a code", () => {
  test("names the reason of the refusal, and its sentence reaches the model alone", async () => {
    const secret = good.replace("Yes.", "secret");
    const { model, error } = await ask(secret, secret);

    expect(complaint(model)).toContain("✖ c1 tells a secret");
    expect(ModelError.is(error, "output_invalid") && error.adapterCode).toBe("told_a_secret");
    expect(String(error)).not.toContain("tells a secret");
  });

  test("goes before one without", async () => {
    const both = good.replace("Yes.", "secret").replace("4", "3");
    const { error } = await ask(both, both);

    expect(ModelError.is(error) && error.adapterCode).toBe("told_a_secret");
  });
});

describe("examples", () => {
  test("are turns between the instructions and the question, in the language that is spoken", async () => {
    const model = createScriptedModel([good, good]);
    const call = { model, input: "A dog.", key: "k", attempt: 1, context: createContext() };

    await runStep(program.steps.judge, { ...call, language: "en" });
    await runStep(program.steps.judge, { ...call, language: "de" });

    const turns = model.requests.map(({ messages }) => messages.map(({ content }) => content));
    expect(turns).toEqual([
      ["Judge.", "A cat.", good, "A dog."],
      ["Urteile.", "A dog."],
    ]);
  });

  test("are part of the hash", () => {
    const { judge } = program.steps;
    const define = (given: string): string =>
      defineProgram({
        id: "judging",
        version: "1",
        steps: { judge: { ...judge, examples: { en: [{ given, answer: good }] } } },
      }).hash;

    expect(define("A cat.")).toBe(program.hash);
    expect(define("A cow.")).not.toBe(program.hash);
  });

  test.each([
    ["do not fit the answer", { en: [{ given: "x", answer: "{}" }] }, "does not fit"],
    ["are in a language without instructions", { fr: [] }, "examples are in fr"],
  ])("are refused when they %s", (_, examples, problem) => {
    const { judge } = program.steps;
    const define = (): unknown =>
      defineProgram({ id: "judging", version: "1", steps: { judge: { ...judge, examples } } });

    expect(define).toThrow(problem);
  });
});
