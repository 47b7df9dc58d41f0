import { expect, test } from "bun:test";

import { sanitiseJson, sanitiseText } from "@leasehold/model";
import * as fc from "fast-check";

const troublesome = [
  "\u0000",
  "\ud800",
  "\udc00",
  "\ud83d",
  "😀",
  "👩‍👩‍👧",
  "\r\n",
  "\r",
  "\u0007",
  "\u0085",
  "\u001b[31m",
  "\u200b",
  "\u200c",
  "\u200d",
  "\u202e",
  "\u2066",
  "\ufeff",
  "\u{e0041}",
  "नमस्",
  "e\u0301",
  "a",
];

/** Mostly what is taken away or replaced, in every order, so that what meets afterwards is tried too. */
const anyText = fc.oneof(
  fc.array(fc.constantFrom(...troublesome), { maxLength: 12 }).map((parts) => parts.join("")),
  fc.string({ unit: fc.nat(0xff_ff).map((code) => String.fromCharCode(code)), maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 30 }),
);

/** A joiner that stands at an end, beside ASCII or beside another one. */
const joinsNothing = /(?:^|[\0-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?:$|[\0-\x7f])/u;

const runs = { numRuns: 2_000 };

test("what was sanitised is well formed, shows all it has, and is sanitised", () => {
  fc.assert(
    fc.property(anyText, (given) => {
      const { text, replaced, controls, hidden, cut } = sanitiseText(given);

      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(/(?![\n\t])\p{Cc}/u);
      expect(text).not.toMatch(/[\u200b\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u);
      expect(text).not.toMatch(joinsNothing);
      expect(cut).toBe(false);
      expect(sanitiseText(text)).toEqual({ text, replaced: 0, controls: 0, hidden: 0, cut: false });
      // Every character that is missing was counted, but for the first half of a line's two-character end.
      const lines = Array.from(given.replaceAll("\r\n", "\n"));
      expect(Array.from(text)).toHaveLength(lines.length - controls - hidden);
      expect(replaced).toBe(lines.filter((unit) => unit === "\0" || !unit.isWellFormed()).length);
    }),
    runs,
  );
});

test("it never grows, and never beyond its limit", () => {
  fc.assert(
    fc.property(anyText, fc.nat(20), (given, charactersMax) => {
      const whole = sanitiseText(given).text;
      const { text, cut } = sanitiseText(given, { charactersMax });

      expect(whole.length).toBeLessThanOrEqual(given.length);
      expect(text.length).toBeLessThanOrEqual(charactersMax);
      expect(text.isWellFormed()).toBe(true);
      expect(whole.startsWith(text)).toBe(true);
      expect(cut).toBe(whole.length > charactersMax);
      // What does not fit is half a character at most.
      if (cut) expect(text.length).toBeGreaterThanOrEqual(charactersMax - 1);
    }),
    runs,
  );
});

test("ordinary text of any script stays as it is", () => {
  const anyLetter = fc
    .integer({ min: 0x20, max: 0x2_ff_ff })
    .map((code) => String.fromCodePoint(code))
    .filter((letter) => /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\n\t]$/u.test(letter));
  fc.assert(
    fc.property(fc.string({ unit: anyLetter, maxLength: 60 }), (given) => {
      expect(sanitiseText(given).text).toBe(given);
    }),
    runs,
  );
});

test("of a JSON value nothing changes but its strings and keys", () => {
  fc.assert(
    fc.property(fc.object({ key: anyText, values: [anyText, fc.integer()] }), (given) => {
      const value: unknown = JSON.parse(JSON.stringify(given));

      const once = sanitiseJson(value);

      const again = { value: once.value, replaced: 0, controls: 0, hidden: 0 };
      expect(sanitiseJson(once.value)).toEqual(again);
      const cleanKey = (key: string): string => sanitiseText(key).text;
      expect(shapeOf(once.value, (key) => key)).toEqual(shapeOf(value, cleanKey));
    }),
  );
});

/** Everything but the text: two keys that become one are one field less. */
function shapeOf(value: unknown, toKey: (key: string) => string): unknown {
  if (typeof value === "string") return "text";
  if (Array.isArray(value)) return value.map((item) => shapeOf(item, toKey));
  if (typeof value !== "object" || value === null) return value;
  const fields = new Map(
    Object.entries(value).map(([key, field]) => [toKey(key), shapeOf(field, toKey)]),
  );
  return [...fields].toSorted(([one], [other]) => (one < other ? -1 : 1));
}
