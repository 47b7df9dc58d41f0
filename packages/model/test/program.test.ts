import { expect, test } from "bun:test";

import { defineProgram, defineStep, type StepDefinition } from "@leasehold/model";
import { z } from "zod";

type Sample = StepDefinition<string, { note: string }>;

function createStep(changes: Partial<Sample> = {}): Sample {
  return defineStep({
    instructions: { de: "Fasse zusammen.", en: "Summarise." },
    outputTokensMax: 200,
    messages: (text: string) => [{ role: "user", content: text }],
    answer: z.strictObject({ note: z.string().max(100) }),
    ...changes,
  });
}

function hashOf(changes: Partial<Sample> = {}, identity: { id?: string; version?: string } = {}) {
  const definition = {
    id: "sample",
    version: "1",
    ...identity,
    steps: { sum: createStep(changes) },
  };
  return defineProgram(definition).hash;
}

test("gives each step its name and its program", () => {
  const program = defineProgram({ id: "sample", version: "2", steps: { sum: createStep() } });

  expect(program.steps.sum.name).toBe("sum");
  expect(program.steps.sum.program).toEqual({ id: "sample", version: "2", hash: program.hash });
  expect(program.hash).toMatch(/^[0-9a-f]{64}$/);
});

test("has a hash that does not depend on the order of languages and steps, nor on the run", () => {
  const a = createStep();
  const b = createStep({ instructions: { en: "Summarise.", de: "Fasse zusammen." } });

  const first = defineProgram({ id: "sample", version: "1", steps: { a, b } });
  const second = defineProgram({ id: "sample", version: "1", steps: { b: a, a: b } });

  expect(second.hash).toBe(first.hash);
  // Fixed, so that an update of zod or of a runtime that changes it does not go unseen.
  expect(hashOf()).toBe("408766448928616459a2d45d8a4e6542dcfba39742eece4e4f2a59b755dbc942");
});

test.each<[string, Partial<Sample>]>([
  ["instructions", { instructions: { de: "Fasse zusammen.", en: "Summarise!" } }],
  ["the limit of tokens", { outputTokensMax: 201 }],
  ["the temperature", { temperature: 0.2 }],
  ["the schema", { answer: z.strictObject({ note: z.string().max(101) }) }],
  ["a schema that became a function", { answer: () => z.strictObject({ note: z.string() }) }],
])("has another hash when its data changes: %s", (_name, changes) => {
  expect(hashOf(changes)).not.toBe(hashOf());
});

test("has another hash when the order of an answer's properties changes", () => {
  const steps = (answer: z.ZodType) => ({ one: { ...createStep(), answer } });
  const first = z.strictObject({ reason: z.string(), score: z.int() });
  const second = z.strictObject({ score: z.int(), reason: z.string() });

  const hashes = [first, second].map(
    (answer) => defineProgram({ id: "sample", version: "1", steps: steps(answer) }).hash,
  );

  expect(hashes[0]).not.toBe(hashes[1]);
});

test("has another hash for another id or version", () => {
  expect(hashOf({}, { version: "2" })).not.toBe(hashOf());
  expect(hashOf({}, { id: "other" })).not.toBe(hashOf());
});

test("cannot be changed after its definition", () => {
  const program = defineProgram({ id: "sample", version: "1", steps: { sum: createStep() } });

  expect(Object.isFrozen(program)).toBe(true);
  expect(Object.isFrozen(program.steps)).toBe(true);
  expect(Object.isFrozen(program.steps.sum)).toBe(true);
});

test("names every problem of a program at once", () => {
  const define = (): unknown =>
    defineProgram({
      id: "No Id",
      version: "",
      steps: {
        first: createStep({ outputTokensMax: 0, temperature: -1 }),
        second: { ...createStep({ instructions: { en: "Only English." } }), answer: z.date() },
      },
    });

  expect(define).toThrow(
    [
      'Program "No Id" refused: id must match [a-z][a-z0-9_.-]* and have at most 64 characters',
      "version must not be empty",
      'step "first": outputTokensMax must be a whole number from 1, got 0',
      'step "first": temperature must be 0 or more, got -1',
      'step "second": instructions lack the language de',
      'step "second": the answer\'s schema has no JSON Schema form.',
    ].join("; "),
  );
});

test("refuses a program without steps or without words", () => {
  const wordless = createStep({ instructions: {} });

  expect(() => defineProgram({ id: "a", version: "1", steps: {} })).toThrow("at least one step");
  expect(() => defineProgram({ id: "a", version: "1", steps: { wordless } })).toThrow(
    "no step has instructions",
  );
});
