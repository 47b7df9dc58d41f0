import { expect, test } from "bun:test";

import { isProse, ModelError, toAnswerSchema } from "@leasehold/model";
import { z } from "zod";

test("keeps the order of properties and the limits of texts and lists", () => {
  const schema = z.strictObject({
    reasoning: z.string().max(600),
    evidence: z.array(z.enum(["s1", "s2"])).max(3),
    score: z.int().min(0).max(10),
  });

  const answer = toAnswerSchema(schema);

  expect(JSON.stringify(answer)).toBe(
    JSON.stringify({
      type: "object",
      properties: {
        reasoning: { type: "string", maxLength: 600 },
        evidence: { maxItems: 3, type: "array", items: { type: "string", enum: ["s1", "s2"] } },
        score: { type: "integer", minimum: 0, maximum: 10 },
      },
      required: ["reasoning", "evidence", "score"],
      additionalProperties: false,
    }),
  );
});

test("drops the bounds of a double, however deep", () => {
  const schema = z.object({ list: z.array(z.object({ n: z.int(), from: z.int().min(1) })) });

  const text = JSON.stringify(toAnswerSchema(schema));

  expect(text).not.toContain("9007199254740991");
  expect(text).toContain('"minimum":1');
});

test.each([
  ["anchored", /^c[0-9]{1,2}$/, true],
  ["anchored with groups", /^(?:a|b)(c)$/, true],
  ["look-ahead", /^(?=a)ab$/, false],
  ["negative look-ahead", /^(?!a)b$/, false],
  ["look-behind", /^a(?<=a)b$/, false],
  ["not anchored", /ab/, false],
])("keeps a pattern only if a grammar can hold it: %s", (_name, pattern, isKept) => {
  const schema = toAnswerSchema(z.object({ id: z.string().regex(pattern) }));

  expect(JSON.stringify(schema).includes("pattern")).toBe(isKept);
});

test("asks for what must be written, not for what parsing makes of it", () => {
  const schema = z.object({ tags: z.string().transform((tags) => tags.split(",")) });

  expect(toAnswerSchema(schema)).toMatchObject({ properties: { tags: { type: "string" } } });
});

test.each([
  ["a date", z.date()],
  [
    "a cycle",
    z.object({
      get next() {
        return cycle;
      },
    }),
  ],
])("refuses a schema that JSON cannot say: %s", (_name, schema) => {
  const build = (): unknown => toAnswerSchema(schema);

  expect(build).toThrow(expect.objectContaining({ code: "config_invalid", scope: "config" }));
  expect(build).toThrow(ModelError);
});

test.each([
  ["a string", z.string().min(1).max(100), true],
  ["a trimmed string", z.string().trim(), true],
  ["an enum", z.enum(["yes", "no"]), false],
  ["a literal", z.literal("yes"), false],
  ["a string or null", z.string().nullable(), false],
  ["an object", z.object({}), false],
])("asks for prose only where the answer is a bare string: %s", (_name, schema, expected) => {
  expect(isProse(toAnswerSchema(schema))).toBe(expected);
});

const cycle: z.ZodType = z.object({
  get next() {
    return cycle;
  },
});
