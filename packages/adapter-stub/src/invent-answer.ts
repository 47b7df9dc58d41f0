import { isDeepStrictEqual } from "node:util";

import { ModelError } from "@leasehold/model";

import type { Draw } from "./draw.ts";
import { inventInteger, inventNumber } from "./invent-number.ts";
import { inventText } from "./invent-text.ts";
import {
  flattenSchema,
  type JsonSchema,
  mergeSchemas,
  toList,
  toSchema,
  unanswerable,
} from "./json-schema.ts";

/** Where in a schema an answer is being invented. */
interface Place {
  readonly root: JsonSchema;
  readonly draw: Draw;
  readonly depth: number;
  /** Values that were tried, here and everywhere else in the answer. */
  readonly tried: { count: number };
}

/** Values that are tried for one answer: a schema whose every way leads on would otherwise be searched for ever. */
const triesMax = 20_000;

/** Beyond this depth an answer takes the shortest way out: no optional parts, the simplest alternative. */
const depthEasy = 6;

/** Beyond this depth there is no way out. */
const depthMax = 48;

/** Items that a list gets beyond those it must have. */
const itemsExtraMax = 3;

/** Draws that are made to keep the items of a list apart. */
const redrawsMax = 200;

/**
 * Invents a value that a JSON schema allows, the same one for the same draw.
 *
 * Properties come in the order of the schema. The branches of a `oneOf` are taken as exclusive, which those of a
 * discriminated union are. Throws `model_unsuitable` for a schema that it cannot answer, and says why.
 */
export function inventAnswer(schema: JsonSchema, draw: Draw): unknown {
  return invent(schema, { root: schema, draw, depth: 0, tried: { count: 0 } });
}

/** The JSON types that a schema allows at its top, as far as it says so. */
export function typesAtTop(schema: JsonSchema): readonly unknown[] {
  const flat = flattenSchema(schema, schema);
  const branches = [...toList(flat["anyOf"]), ...toList(flat["oneOf"])];
  if (branches.length > 0)
    return branches.flatMap((branch) => typesOf(flattenSchema(branch, schema)));
  return typesOf(flat);
}

function invent(schema: unknown, place: Place): unknown {
  place.tried.count += 1;
  if (place.depth > depthMax || place.tried.count > triesMax) {
    throw unanswerable("it nests without end");
  }
  const flat = flattenSchema(schema, place.root);
  const { anyOf, oneOf, ...rest } = flat;
  const branches = Array.isArray(anyOf) ? anyOf : oneOf;
  if (Array.isArray(branches)) {
    const others = Array.isArray(anyOf) && oneOf !== undefined ? { ...rest, oneOf } : rest;
    return firstAnswerable(orderBranches(branches, place), (branch) =>
      invent(mergeSchemas(others, flattenSchema(branch, place.root)), place),
    );
  }
  if ("const" in flat) return flat["const"];
  if (flat["enum"] !== undefined) return inventChoice(flat, place);
  return firstAnswerable(orderTypes(typesOf(flat), place), (type) => inventType(type, flat, place));
}

/** Tries the candidates in order and answers with the first that can be answered. */
function firstAnswerable<Candidate>(
  candidates: readonly Candidate[],
  answer: (candidate: Candidate) => unknown,
): unknown {
  let refusal = unanswerable("a part of it allows nothing");
  for (const candidate of candidates) {
    try {
      return answer(candidate);
    } catch (error) {
      if (!ModelError.is(error)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function orderBranches(branches: readonly unknown[], { draw, depth }: Place): readonly unknown[] {
  const rotated = draw.rotate(branches);
  if (depth <= depthEasy) return rotated;
  return rotated.toSorted((a, b) => costOf(a) - costOf(b));
}

/** A rough guess at how much an alternative brings with it: a reference may bring everything again. */
function costOf(branch: unknown): number {
  const text = JSON.stringify(branch);
  return text.length + (text.includes('"$ref"') ? 1_000 : 0);
}

function orderTypes(types: readonly unknown[], { draw, depth }: Place): readonly unknown[] {
  const rotated = draw.rotate(types);
  if (depth <= depthEasy) return rotated;
  return rotated.toSorted((a, b) => Number(isContainer(a)) - Number(isContainer(b)));
}

function isContainer(type: unknown): boolean {
  return type === "array" || type === "object";
}

function typesOf(schema: JsonSchema): readonly unknown[] {
  if (schema["type"] !== undefined) return toList(schema["type"]);
  const says = (...keywords: readonly string[]): boolean =>
    keywords.some((keyword) => keyword in schema);
  if (says("properties", "required", "additionalProperties", "minProperties")) return ["object"];
  if (says("items", "prefixItems", "minItems", "maxItems")) return ["array"];
  if (says("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")) {
    return ["number"];
  }
  return ["string"];
}

function inventChoice(schema: JsonSchema, { draw }: Place): unknown {
  const types = toList(schema["type"]);
  const [first, ...others] = toList(schema["enum"]).filter(
    (value) => types.length === 0 || types.some((type) => isOfType(value, type)),
  );
  if (first === undefined) throw unanswerable("an enum allows nothing");
  return draw.pick([first, ...others]);
}

function isOfType(value: unknown, type: unknown): boolean {
  if (value === null) return type === "null";
  if (Array.isArray(value)) return type === "array";
  if (typeof value === "number")
    return type === "number" || (type === "integer" && Number.isInteger(value));
  return typeof value === type;
}

function inventType(type: unknown, schema: JsonSchema, place: Place): unknown {
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return place.draw.below(2) === 1;
    case "integer":
      return inventInteger(schema, place.draw);
    case "number":
      return inventNumber(schema, place.draw);
    case "string":
      return inventText(schema, place.draw);
    case "array":
      return inventArray(schema, place);
    case "object":
      return inventObject(schema, place);
    default:
      throw unanswerable("it names a type that JSON does not have");
  }
}

function inventArray(schema: JsonSchema, place: Place): readonly unknown[] {
  const inner = deeper(place);
  const { draw } = place;
  const tuple = toList(schema["prefixItems"]);
  const min = Number(schema["minItems"] ?? 0);
  const allowed = schema["items"] === false ? tuple.length : Infinity;
  const max = Math.min(Number(schema["maxItems"] ?? Infinity), allowed);
  if (min > max) throw unanswerable("a list has impossible limits");
  const least = Math.min(Math.max(min, tuple.length), max);
  const extra = place.depth > depthEasy ? 0 : Math.min(max - least, itemsExtraMax);
  const length = least + draw.below(extra + 1);
  const isUnique = schema["uniqueItems"] === true;
  const items: unknown[] = [];
  while (items.length < length) {
    const itemSchema = flattenSchema(tuple[items.length] ?? schema["items"], place.root);
    // Lists of ids read better without doubles, even where the schema does not insist.
    const isKeptApart = isUnique || itemSchema["enum"] !== undefined;
    const item = isKeptApart
      ? inventOther(items, () => invent(itemSchema, inner))
      : invent(itemSchema, inner);
    if (isUnique && items.some((other) => isDeepStrictEqual(other, item))) {
      if (items.length >= min) break;
      throw unanswerable("a list has not enough different items");
    }
    items.push(item);
  }
  return items;
}

/** Draws until an item is new, or until it is clear that it will not be. */
function inventOther(items: readonly unknown[], inventItem: () => unknown): unknown {
  let item = inventItem();
  for (let redraws = 0; redraws < redrawsMax; redraws += 1) {
    if (!items.some((other) => isDeepStrictEqual(other, item))) return item;
    item = inventItem();
  }
  return item;
}

function inventObject(schema: JsonSchema, place: Place): Readonly<Record<string, unknown>> {
  const properties = toSchema(schema["properties"]);
  const required = toList(schema["required"]).map(String);
  const chosen = new Set([...required, ...chooseOptional(schema, place)]);
  const inner = deeper(place);
  const entries: [string, unknown][] = [];
  for (const name of Object.keys(properties).filter((known) => chosen.has(known))) {
    if (required.includes(name)) entries.push([name, invent(properties[name], inner)]);
    else entries.push(...inventOptional(name, properties[name], inner));
  }
  for (const name of required.filter((known) => !Object.hasOwn(properties, known))) {
    entries.push([name, invent(schema["additionalProperties"], inner)]);
  }
  return Object.fromEntries([...entries, ...inventAdditional(schema, entries, place)]);
}

/** Which of the properties that may be left out are there: by draw, and as many as the limits demand and allow. */
function chooseOptional(schema: JsonSchema, { draw, depth }: Place): readonly string[] {
  const required = toList(schema["required"]);
  const optional = Object.keys(toSchema(schema["properties"])).filter(
    (name) => !required.includes(name),
  );
  const min = Number(schema["minProperties"] ?? 0) - required.length;
  const max = Number(schema["maxProperties"] ?? Infinity) - required.length;
  const chosen: string[] = [];
  for (const [index, name] of optional.entries()) {
    const isForced = min - chosen.length >= optional.length - index;
    const isDrawn = depth <= depthEasy && draw.below(2) === 1;
    if (chosen.length < max && (isForced || isDrawn)) chosen.push(name);
  }
  return chosen;
}

/** A property that may be left out is, if it cannot be answered. */
function inventOptional(name: string, property: unknown, place: Place): [string, unknown][] {
  try {
    return [[name, invent(property, place)]];
  } catch (error) {
    if (!ModelError.is(error)) throw error;
    return [];
  }
}

/** What a record, or `minProperties`, wants beyond the named properties. */
function inventAdditional(
  schema: JsonSchema,
  entries: readonly (readonly [string, unknown])[],
  place: Place,
): readonly [string, unknown][] {
  const { additionalProperties, propertyNames } = schema;
  const isRecord = typeof additionalProperties === "object" && schema["properties"] === undefined;
  const least = isRecord && entries.length === 0 && place.depth <= depthEasy ? 1 : 0;
  const wanted = Math.max(least, Number(schema["minProperties"] ?? 0));
  const max = Number(schema["maxProperties"] ?? Infinity);
  const names = entries.map(([name]) => name);
  const added: [string, unknown][] = [];
  while (names.length < Math.min(wanted, max)) {
    const name = inventOther(names, () => inventName(propertyNames, place));
    if (additionalProperties === false || typeof name !== "string" || names.includes(name)) {
      throw unanswerable("an object has not enough different names");
    }
    names.push(name);
    added.push([name, invent(additionalProperties, deeper(place))]);
  }
  return added;
}

function inventName(propertyNames: unknown, place: Place): unknown {
  if (propertyNames === undefined) return `synthetic_${place.draw.hex()}`;
  return invent(mergeSchemas({ type: "string" }, flattenSchema(propertyNames, place.root)), place);
}

function deeper(place: Place): Place {
  return { ...place, depth: place.depth + 1 };
}
