import * as fc from "fast-check";

import { createRandom, hostileText } from "./hostile.ts";

/** What has stopped parsers, drivers, formatters and readers before. */
const nastyTexts = [
  "\u0000",
  "\ud800",
  "\udfff\ud800",
  "\\u0000",
  "\u202eevil\u202c",
  "\u200b\u200d\ufeff",
  "e\u0301\u0301\u0301",
  "👩‍👩‍👧",
  "'; drop table job; --",
  `:"schema"`,
  "$1 $2 ${x} %s %n %I {0}",
  '{"a":',
  "null",
  "NaN",
  "1e200000",
  "\r\n\t\u0007\u001b[31m",
  "</script><script>",
  "../../etc/passwd",
];

/** Text that no program expects. */
export const anyHostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...nastyTexts), { maxLength: 4 }).map(join) },
  { weight: 4, arbitrary: fc.nat().map((seed) => hostileText(createRandom(String(seed)))) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("a", "ß", "\u0000", "😀", "\ud83d"), fc.nat(4_000))
      .map(([unit, times]) => unit.repeat(times)),
  },
);

/** Numbers that a column, a timer or a multiplication may not hold. */
export const anyHostileNumber: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    0.5,
    -1,
    32_768,
    2 ** 31,
    2 ** 53 + 2,
    2 ** 63,
    5e-324,
    1e308,
  ),
);

const anyKey = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toJSON", "then", "length", "value", ""),
  anyHostileText.filter((text) => text.length < 1_000),
);

/** Values that JSON can say. */
export const anyHostileJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: anyHostileText },
  { weight: 2, arbitrary: anyHostileNumber.filter(Number.isFinite) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false, [], {}) },
  { weight: 2, arbitrary: fc.array(anyHostileText, { maxLength: 3 }) },
  {
    weight: 3,
    arbitrary: fc.array(fc.tuple(anyKey, anyHostileText), { maxLength: 3 }).map(toObject),
  },
  { weight: 1, arbitrary: fc.tuple(fc.nat(500), anyHostileText).map(nest) },
);

/** Makes a value when it is wanted: some of these cannot even be handed around by what generates them. */
export type Make = () => unknown;

/** Values that JSON cannot say, or that do something when they are looked at. */
const anyUnsayable: fc.Arbitrary<Make> = fc.constantFrom<Make>(
  () => undefined,
  () => Number.NaN,
  () => ({ deep: [Number.NEGATIVE_INFINITY] }),
  () => 12_345_678_901_234_567_890n,
  () => Symbol("hostile"),
  () => () => "hostile",
  () => new Date(Number.NaN),
  () => new Map([["a", 1]]),
  () => circular(),
  () => ({ toJSON: () => undefined }),
  () => ({ toJSON: explode }),
  () => Object.defineProperty({}, "value", { enumerable: true, get: explode }),
  () => Object.create(null),
  () => Array.from({ length: 2 }),
);

export const anyHostileValue: fc.Arbitrary<Make> = fc.oneof(
  { weight: 4, arbitrary: anyHostileJson.map((value) => () => value) },
  { weight: 1, arbitrary: anyHostileNumber.map((value) => () => value) },
  { weight: 1, arbitrary: anyUnsayable },
);

function join(texts: readonly string[]): string {
  return texts.join("");
}

function toObject(entries: readonly (readonly [string, unknown])[]): object {
  // As JSON.parse would make it: a key `__proto__` is a key.
  return Object.fromEntries(entries);
}

function nest([depth, innermost]: readonly [number, unknown]): unknown {
  let value = innermost;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
}

function explode(): never {
  throw new RangeError("A hostile value was looked at.");
}

function circular(): object {
  const value: Record<string, unknown> = {};
  value["value"] = value;
  return value;
}
