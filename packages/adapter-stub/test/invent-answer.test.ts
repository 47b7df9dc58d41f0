import { expect, test } from "bun:test";

import { createStubModel } from "@leasehold/adapter-stub";
import { toAnswerSchema } from "@leasehold/model";
import { z } from "zod";

import { createRandomSchema } from "./random-schema.ts";
import { call, errorOf, words } from "./stub-call.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Answers of which each is drawn anew, because the words around the schema differ. */
const answersPerSchema = 25;

async function answer(schema: Schema, round = 0): Promise<unknown> {
  const { text } = await call(createStubModel(), words(`Round ${round} of many.`, { schema }));
  return JSON.parse(text);
}

async function expectAnswers(schema: Schema, oracle: z.ZodType): Promise<readonly unknown[]> {
  const answers: unknown[] = [];
  for (let round = 0; round < answersPerSchema; round += 1) {
    const value = await answer(schema, round);
    const parsed = oracle.safeParse(value);
    if (!parsed.success) {
      expect({ schema, value, problems: z.prettifyError(parsed.error) }).toBeUndefined();
    }
    answers.push(value);
  }
  return answers;
}

const analysis = z.strictObject({
  criteria: z.strictObject({
    c1: z.strictObject({
      evidence: z.array(z.enum(["s1", "s2", "s3"])).max(3),
      explanation: z.string().min(1).max(400),
      score: z.int().min(0).max(10).nullable(),
    }),
  }),
  overall: z.int().min(0).max(5).optional(),
});

test.each<[string, z.ZodType]>([
  ["an analysis", analysis],
  ["a boolean and null", z.object({ yes: z.boolean(), nothing: z.null() })],
  ["whole numbers", z.tuple([z.int(), z.int().min(5), z.int().max(-5), z.int().gt(3).lt(5)])],
  ["numbers", z.tuple([z.number(), z.number().gt(0).lt(1), z.number().min(2).max(2)])],
  ["multiples", z.tuple([z.int().multipleOf(7), z.number().min(0).max(1).multipleOf(0.1)])],
  ["texts", z.tuple([z.string(), z.string().length(3), z.string().min(500).max(510)])],
  ["an empty text", z.object({ empty: z.string().max(0) })],
  ["constants", z.tuple([z.literal("a"), z.literal(7), z.literal(null), z.literal(["b", 2])])],
  [
    "lists",
    z.tuple([z.array(z.int()).length(4), z.array(z.boolean()).max(0), z.array(z.string())]),
  ],
  ["a tuple with a rest", z.tuple([z.string(), z.int()], z.boolean())],
  ["a record", z.record(z.string(), z.number())],
  ["a record of named keys", z.record(z.enum(["a", "b"]), z.int())],
  ["a record of shaped keys", z.record(z.string().regex(/^k[0-9]{3}$/), z.int())],
  ["a loose object", z.looseObject({ a: z.string() })],
  ["an object of options", z.strictObject({ a: z.string().optional(), b: z.int().optional() })],
  ["a part that never is", z.object({ a: z.string(), b: z.never().optional() })],
  ["a union", z.union([z.string().max(5), z.int(), z.array(z.null())])],
  [
    "a discriminated union",
    z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("a"), n: z.int() }),
      z.strictObject({ type: z.literal("b"), s: z.string() }),
    ]),
  ],
  ["an intersection", z.intersection(z.object({ a: z.string() }), z.object({ b: z.int() }))],
  [
    "an intersection of unions",
    z.intersection(
      z.union([z.object({ a: z.int() }), z.object({ b: z.int() })]),
      z.object({ c: z.int() }),
    ),
  ],
  ["formats", z.tuple([z.uuid(), z.email(), z.iso.date(), z.iso.datetime(), z.ipv4(), z.url()])],
  [
    "rarer formats",
    z.tuple([z.uuidv7(), z.base64(), z.hex(), z.iso.time(), z.cuid2(), z.nanoid(), z.ulid()]),
  ],
  [
    "parts of texts",
    z.tuple([z.string().startsWith("ab"), z.string().endsWith("."), z.string().includes("-")]),
  ],
  [
    "two patterns",
    z
      .string()
      .regex(/^[a-m]{4}$/)
      .regex(/c/),
  ],
  ["a template", z.object({ id: z.templateLiteral(["job-", z.int().min(0)]) })],
  ["anything", z.object({ any: z.any(), unknown: z.unknown() })],
])("answers what zod asks for: %s", async (_name, schema) => {
  // Not `toAnswerSchema`: the stub must also answer what a stranger's model is sent.
  const { $schema: _dialect, ...asked } = z.toJSONSchema(schema, { io: "input" });

  const answers = await expectAnswers(asked, schema);

  expect(answers).toHaveLength(answersPerSchema);
});

test.each<[string, Schema]>([
  ["no constraint", {}],
  ["types in a list", { type: ["string", "integer", "null"] }],
  ["an enum of all kinds", { enum: ["a", 1, null, true, 2.5] }],
  ["an enum within a type", { type: "string", enum: ["a", "b"] }],
  ["no type but properties", { properties: { a: { minimum: 3 } }, required: ["a"] }],
  ["required without a schema", { type: "object", required: ["a", "b"] }],
  [
    "properties that are counted",
    {
      type: "object",
      minProperties: 2,
      maxProperties: 3,
      additionalProperties: { type: "integer" },
    },
  ],
  [
    "optional ones that are needed",
    {
      type: "object",
      properties: { a: {}, b: {}, c: {} },
      minProperties: 2,
      additionalProperties: false,
    },
  ],
  ["at most one option", { type: "object", properties: { a: {}, b: {}, c: {} }, maxProperties: 1 }],
  [
    "different items",
    { type: "array", items: { enum: ["a", "b", "c"] }, uniqueItems: true, minItems: 3 },
  ],
  [
    "more different items than there are",
    { type: "array", items: { type: "boolean" }, uniqueItems: true },
  ],
  [
    "a closed tuple",
    { type: "array", prefixItems: [{ type: "string" }, { type: "null" }], items: false },
  ],
  [
    "references",
    {
      $ref: "#/$defs/node",
      $defs: {
        node: { type: "object", properties: { id: { $ref: "#/$defs/id" } }, required: ["id"] },
        id: { type: "string", minLength: 30 },
      },
    },
  ],
  [
    "a tree",
    {
      type: "object",
      properties: { value: { type: "integer" }, children: { type: "array", items: { $ref: "#" } } },
      required: ["value", "children"],
    },
  ],
  [
    "a list by links",
    {
      anyOf: [
        { type: "null" },
        { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] },
      ],
    },
  ],
  [
    "limits around a choice",
    {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "integer" } },
      anyOf: [{ required: ["a"] }, { required: ["b"] }],
    },
  ],
  [
    "limits folded together",
    { allOf: [{ type: "number", minimum: 3 }, { type: "integer", maximum: 9 }, { minimum: 5 }] },
  ],
  [
    "a choice with dead ends",
    { anyOf: [{ type: "integer", minimum: 5, maximum: 3 }, { enum: [] }, { type: "null" }, false] },
  ],
  ["exclusive limits", { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 2 }],
  ["limits far away", { type: "integer", minimum: 10 ** 12 }],
  [
    "the range of a double",
    { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 },
  ],
  ["fine steps", { type: "number", exclusiveMinimum: 0, maximum: 1, multipleOf: 0.01 }],
])("answers what JSON Schema asks for: %s", async (_name, schema) => {
  const answers = await expectAnswers(schema, z.fromJSONSchema(schema));

  expect(answers).toHaveLength(answersPerSchema);
});

test("answers schemas that nobody thought of", async () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const schema = createRandomSchema(seed);

    const value = await answer(schema, seed);

    const parsed = z.fromJSONSchema(schema).safeParse(value);
    if (!parsed.success) {
      expect({ seed, schema, value, problems: z.prettifyError(parsed.error) }).toBeUndefined();
    }
  }
});

test.each([
  "^c([1-9]|1[0-9]|20)$",
  "^[A-Z][a-z]+(?: [A-Z][a-z]+){1,2}$",
  "^(?<year>\\d{4})-(?:0[1-9]|1[0-2])$",
  "^[^\\s@]+@[^\\s@]+\\.de$",
  "^\\p{Lu}\\p{Ll}{2,5}$",
  "^\\w{3}\\W\\d\\D\\s\\S$",
  "^(?=.*\\d)(?=.*[a-z])[a-z\\d]{6,12}$",
  "^(?!0)\\d{3}$",
  "^a{0}b?c*d+?$",
  "^[äöü]{2}[\\]\\-a]$",
  "^\\u0041\\x42\\t\\/$",
  "^(?:(?:a|b){2}|(?:[0-9]+,)*[0-9]+)$",
  "needle",
  "",
])("writes texts of a pattern: %s", async (pattern) => {
  const answers = await expectAnswers(
    { type: "string", pattern },
    z.string().regex(new RegExp(pattern, "u")),
  );

  expect(answers.every((text) => typeof text === "string")).toBe(true);
});

test("keeps a pattern and its limits of length together", async () => {
  const schema = { type: "string", pattern: "^[a-z]+$", minLength: 40, maxLength: 44 };

  await expectAnswers(
    schema,
    z
      .string()
      .regex(/^[a-z]+$/)
      .min(40)
      .max(44),
  );
});

test("writes properties in the order of the schema", async () => {
  const names = ["reason", "evidence", "2", "zeta", "alpha"];
  const properties = Object.fromEntries(names.map((name) => [name, { type: "integer" }]));

  const value = await answer({ type: "object", properties, required: names.toReversed() });

  expect(Object.keys(value as object)).toEqual(Object.keys(properties));
});

test("lists the same id twice only where there are not enough", async () => {
  const schema = { type: "array", items: { enum: ["s1", "s2", "s3"] }, minItems: 3, maxItems: 3 };

  for (let round = 0; round < answersPerSchema; round += 1) {
    expect(new Set((await answer(schema, round)) as string[]).size).toBe(3);
  }
});

test("takes the short way out of a schema that could go on for ever", async () => {
  const link = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] };
  const schema = {
    anyOf: [link, link, { type: "array", items: link, minItems: 1 }, { type: "null" }],
  };

  for (let round = 0; round < answersPerSchema; round += 1) {
    const text = JSON.stringify(await answer(schema, round));
    expect(text.split("next").length).toBeLessThan(200);
    expect(
      Math.max(...Array.from(text.matchAll(/null/g), ({ index }) => depthAt(text, index))),
    ).toBeLessThan(10);
  }
});

/** How many containers are open at a place of a JSON text that has no brackets in its strings. */
function depthAt(text: string, index: number): number {
  const before = text.slice(0, index);
  return before.replaceAll(/[^[{]/g, "").length - before.replaceAll(/[^\]}]/g, "").length;
}

test("uses every freedom that a schema leaves", async () => {
  const schema: Schema = {
    type: "object",
    properties: {
      optional: { type: "integer" },
      choice: { enum: ["a", "b", "c"] },
      either: { anyOf: [{ type: "null" }, { type: "boolean" }] },
    },
    required: ["choice", "either"],
  };

  const answers = (await expectAnswers(schema, z.fromJSONSchema(schema))) as {
    optional?: number;
    choice: string;
    either: boolean | null;
  }[];

  expect(new Set(answers.map(({ choice }) => choice)).size).toBe(3);
  expect(new Set(answers.map(({ either }) => either)).size).toBe(3);
  expect(new Set(answers.map((value) => "optional" in value)).size).toBe(2);
});

test("says of every text it may choose that it is synthetic", async () => {
  const value = await answer(toAnswerSchema(z.object({ feedback: z.string().max(200) })));

  expect((value as { feedback: string }).feedback).toStartWith("Synthetic text ");
});

test.each<[string, Schema, string]>([
  ["a negation", { not: { type: "string" } }, 'the keyword "not"'],
  ["a condition", { if: {}, else: false }, 'the keyword "if"'],
  ["impossible numbers", { type: "integer", minimum: 5, maximum: 3 }, "impossible limits"],
  [
    "an open range of nothing",
    { type: "number", exclusiveMinimum: 1, maximum: 1 },
    "impossible limits",
  ],
  ["impossible texts", { type: "string", minLength: 5, maxLength: 3 }, "impossible limits"],
  ["impossible lists", { type: "array", minItems: 5, maxItems: 3 }, "impossible limits"],
  [
    "too few different items",
    { type: "array", items: { type: "null" }, uniqueItems: true, minItems: 2 },
    "not enough different items",
  ],
  [
    "a name that is not allowed",
    { type: "object", required: ["a"], additionalProperties: false },
    "allows nothing",
  ],
  ["a pattern that nothing fits", { type: "string", pattern: "^a(?=b)c$" }, "no text was found"],
  ["a pattern that is none", { type: "string", pattern: "(" }, "no regular expression"],
  ["a reference to nowhere", { $ref: "#/$defs/none" }, "does not exist"],
  ["a reference to the prototype", { $ref: "#/constructor" }, "does not exist"],
  ["a reference outside", { $ref: "https://example.org/schema" }, "another document"],
  ["a reference to itself", { $ref: "#" }, "without end"],
  [
    "a tree without leaves",
    { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] },
    "without end",
  ],
  [
    "a maze without leaves",
    {
      anyOf: [1, 2, 3].map(() => ({
        type: "object",
        properties: { next: { $ref: "#" } },
        required: ["next"],
      })),
    },
    "without end",
  ],
  ["a type of its own", { type: "date" }, "a type that JSON does not have"],
  ["nothing at all", { enum: [] }, "allows nothing"],
])("refuses what it cannot answer and says why: %s", async (_name, schema, reason) => {
  const error = await errorOf(call(createStubModel(), words("Hello there.", { schema })));

  expect(error).toMatchObject({
    code: "model_unsuitable",
    scope: "config",
    retryable: false,
    adapterCode: "schema_unanswerable",
  });
  expect(error?.message).toContain(reason);
});

test("does not read a property's name as a part of an object's prototype", async () => {
  const schema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"integer"},"constructor":{"type":"null"}},"required":["__proto__","constructor"]}',
  );

  const value = await answer(schema);

  expect(Object.keys(value as object)).toEqual(["__proto__", "constructor"]);
});
