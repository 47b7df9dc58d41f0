import type { Draw } from "./draw.ts";
import { type JsonSchema, unanswerable } from "./json-schema.ts";

/** Numbers are drawn from a window of this many steps, as near to zero as the limits allow. */
const stepsMax = 100;

/** Invents a whole number within the limits of its schema. */
export function inventInteger(schema: JsonSchema, draw: Draw): number {
  const step = Number(schema["multipleOf"] ?? 1);
  const factor = [1, 2, 4, 5, 10, 20, 25, 50, 100].find((by) => Number.isInteger(step * by));
  if (factor === undefined) throw unanswerable("it wants whole multiples of an odd fraction");
  return inventMultiple(schema, draw, step * factor);
}

/** Invents a number within the limits of its schema, with a fraction where nothing forbids it. */
export function inventNumber(schema: JsonSchema, draw: Draw): number {
  if (schema["multipleOf"] !== undefined) {
    return inventMultiple(schema, draw, Number(schema["multipleOf"]));
  }
  const { start, end } = windowOf(limitsOf(schema));
  // Strictly between the two, so that it does not matter whether they belong to the range.
  const inside = start + ((end - start) * (1 + draw.below(999))) / 1_001;
  const rounded = Number(inside.toFixed(2));
  const isRounded = rounded > start && rounded < end;
  return isInRange(inside, schema) ? (isRounded ? rounded : inside) : onlyNumber(schema, start);
}

/** A range of one number has nothing strictly inside. */
function onlyNumber(schema: JsonSchema, value: number): number {
  if (isInRange(value, schema)) return value;
  throw unanswerable("a number has impossible limits");
}

function inventMultiple(schema: JsonSchema, draw: Draw, step: number): number {
  const { low, high } = limitsOf(schema);
  let first = Math.ceil(low / step);
  let last = Math.floor(high / step);
  if (!isInRange(toMultiple(first, step), schema)) first += 1;
  if (!isInRange(toMultiple(last, step), schema)) last -= 1;
  if (!(step > 0) || first > last) throw unanswerable("a number has impossible limits");
  const { start, end } = windowOf({ low: first, high: last });
  return toMultiple(start + draw.below(end - start + 1), step);
}

/** Without the dust that a product of binary fractions leaves behind. */
function toMultiple(count: number, step: number): number {
  return Number((count * step).toPrecision(15));
}

interface Limits {
  readonly low: number;
  readonly high: number;
}

/** The part of a range that is nearest to zero, and short enough that a draw in it looks like somebody's answer. */
function windowOf({ low, high }: Limits): { readonly start: number; readonly end: number } {
  const start = Math.max(low, Math.min(0, high - stepsMax));
  return { start, end: Math.min(high, start + stepsMax) };
}

function limitsOf(schema: JsonSchema): Limits {
  const lows = [schema["minimum"], schema["exclusiveMinimum"]];
  const highs = [schema["maximum"], schema["exclusiveMaximum"]];
  return {
    low: Math.max(...lows.map((limit) => Number(limit ?? -Infinity))),
    high: Math.min(...highs.map((limit) => Number(limit ?? Infinity))),
  };
}

function isInRange(value: number, schema: JsonSchema): boolean {
  return (
    value >= Number(schema["minimum"] ?? -Infinity) &&
    value <= Number(schema["maximum"] ?? Infinity) &&
    value > Number(schema["exclusiveMinimum"] ?? -Infinity) &&
    value < Number(schema["exclusiveMaximum"] ?? Infinity)
  );
}
