/** A value that survives JSON and Postgres. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Replaces what Postgres cannot store (U+0000 and lone surrogates) by U+FFFD, in values and in keys. */
export function toStorableText(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}

/**
 * Turns a value into JSON text that Postgres accepts, as `JSON.stringify` would, with every string made storable.
 *
 * Throws a `TypeError` for what JSON cannot say: `undefined` at the top, functions, NaN, cycles.
 */
export function toStorableJson(value: unknown): string {
  // What a phase without a result returns. Below it would be taken for a number that is none.
  if (value === null) return "null";
  const plain = JSON.stringify(value);
  // A replacer sees every value and costs ten times as much. It has nothing to do where none of these is: what is not
  // finite is written as null, and what cannot be stored with one of the two escapes.
  if (plain !== undefined && !/null|\\u0000|\\ud/.test(plain)) return plain;
  const text = JSON.stringify(value, (key, item: unknown) => {
    if (typeof item === "number" && !Number.isFinite(item)) {
      throw new TypeError(`"${key}" is not a finite number`);
    }
    if (typeof item === "string") return toStorableText(item);
    if (typeof item === "object" && item !== null && !Array.isArray(item))
      return withCleanKeys(item);
    return item;
  });
  if (text === undefined) throw new TypeError("the value has no JSON form");
  return text;
}

function withCleanKeys(item: object): object {
  const entries = Object.entries(item);
  if (entries.every(([key]) => toStorableText(key) === key)) return item;
  return Object.fromEntries(entries.map(([key, value]) => [toStorableText(key), value]));
}
