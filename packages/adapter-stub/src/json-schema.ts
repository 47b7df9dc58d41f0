import { isDeepStrictEqual } from "node:util";

import { ModelError } from "@leasehold/model";

/** A JSON schema that is an object; `true` is the empty one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords that say what an answer must not be, or that hang on other values: an invented answer cannot aim at them. */
const unansweredKeywords = [
  "not",
  "if",
  "contains",
  "dependentRequired",
  "dependentSchemas",
  "patternProperties",
  "unevaluatedItems",
  "unevaluatedProperties",
  "$dynamicRef",
];

/** References and nestings that are followed within one place of a schema. */
const hopsMax = 64;

/** Says why no answer is invented. The words are ours; a schema may hold a teacher's. */
export function unanswerable(reason: string): ModelError {
  return new ModelError("model_unsuitable", `The stub cannot answer this schema: ${reason}.`, {
    scope: "config",
    retryable: false,
    adapterCode: "schema_unanswerable",
  });
}

/** Checks that something is a schema. `undefined` stands for an absent one, which allows everything. */
export function toSchema(value: unknown): JsonSchema {
  if (value === true || value === undefined) return {};
  if (isObject(value)) return value;
  throw unanswerable("a part of it allows nothing");
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Follows references and folds `allOf` into the schema around it; alternatives are left for the caller to choose from. */
export function flattenSchema(value: unknown, root: JsonSchema, hops = 0): JsonSchema {
  if (hops > hopsMax) throw unanswerable("it refers to itself without end");
  const { $ref, allOf, ...schema } = toSchema(value);
  const refused = unansweredKeywords.find((keyword) => keyword in schema);
  if (refused !== undefined) throw unanswerable(`it uses the keyword "${refused}"`);
  const members = Array.isArray(allOf) ? [...allOf] : [];
  if (typeof $ref === "string") members.push(dereference($ref, root));
  return members.reduce<JsonSchema>(
    (merged, member) => mergeSchemas(merged, flattenSchema(member, root, hops + 1)),
    schema,
  );
}

function dereference(reference: string, root: JsonSchema): unknown {
  if (!reference.startsWith("#")) throw unanswerable("it refers to another document");
  const names = reference.split("/").slice(1);
  return names.reduce<unknown>((place, name) => {
    const key = decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof place !== "object" || place === null || !Object.hasOwn(place, key)) {
      throw unanswerable("it refers to a part that does not exist");
    }
    return Object.getOwnPropertyDescriptor(place, key)?.value;
  }, root);
}

type Fold = (a: unknown, b: unknown) => unknown;

const larger: Fold = (a, b) => Math.max(Number(a), Number(b));
const smaller: Fold = (a, b) => Math.min(Number(a), Number(b));
const both: Fold = (a, b) => ({ allOf: [a, b] });
const union: Fold = (a, b) => [...new Set([...toList(a), ...toList(b)])];

const folds: Readonly<Record<string, Fold>> = {
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  minProperties: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
  required: union,
  // A list of patterns is our own notation: a text must match all of them.
  pattern: union,
  items: (a, b) => (a === false || b === false ? false : both(a, b)),
  additionalProperties: (a, b) => (a === false || b === false ? false : both(a, b)),
  propertyNames: both,
  uniqueItems: (a, b) => a === true || b === true,
  enum: (a, b) =>
    toList(a).filter((value) => toList(b).some((other) => isDeepStrictEqual(value, other))),
  type: (a, b) => commonTypes(toList(a), toList(b)),
  properties: (a, b) => mergeProperties(toSchema(a), toSchema(b)),
  anyOf: () => {
    throw unanswerable("two sets of alternatives apply at one place");
  },
  oneOf: () => {
    throw unanswerable("two sets of alternatives apply at one place");
  },
};

/** A schema that allows only what both allow, as far as keywords can be folded into each other. */
export function mergeSchemas(a: JsonSchema, b: JsonSchema): JsonSchema {
  const merged: Record<string, unknown> = { ...a };
  for (const [keyword, value] of Object.entries(b)) {
    const fold = folds[keyword];
    const isNew = !(keyword in a) || isDeepStrictEqual(a[keyword], value);
    merged[keyword] = isNew || fold === undefined ? value : fold(a[keyword], value);
  }
  return merged;
}

function mergeProperties(a: JsonSchema, b: JsonSchema): JsonSchema {
  const merged: Record<string, unknown> = { ...a };
  for (const [name, schema] of Object.entries(b)) {
    merged[name] = Object.hasOwn(a, name) ? both(a[name], schema) : schema;
  }
  return merged;
}

function commonTypes(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  return [
    ...a.filter((type) => b.includes(type) || (type === "integer" && b.includes("number"))),
    ...b.filter((type) => type === "integer" && a.includes("number") && !a.includes(type)),
  ];
}

/** A list of one is often written without its brackets. */
export function toList(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
