import { expect, test } from "bun:test";

import { sanitiseJson, sanitiseText, stripOuterFence } from "@leasehold/model";

const untouched = { replaced: 0, controls: 0, hidden: 0, cut: false };

test("leaves ordinary text, newlines, tabs and unusual scripts alone", () => {
  const text = "Grüße\n\tπ ≠ 3, नमस्ते, نمی‌خواهم, 👩‍👩‍👧, e\u0301";

  const clean = sanitiseText(text);

  expect(clean).toEqual({ text, ...untouched });
});

test("replaces and counts what Postgres cannot store", () => {
  const clean = sanitiseText("a\u0000b\uD800c\uDC00\uD83D\uDE00");

  expect(clean).toEqual({ text: "a\uFFFDb\uFFFDc\uFFFD\uD83D\uDE00", ...untouched, replaced: 3 });
});

test("removes and counts control characters", () => {
  const clean = sanitiseText("a\u0007b\u001B[31mc\u007F\u0085d");

  expect(clean).toEqual({ text: "ab[31mcd", ...untouched, controls: 4 });
});

test("turns every line ending into a newline", () => {
  expect(sanitiseText("a\r\nb\rc\nd").text).toBe("a\nb\nc\nd");
});

test.each([
  ["zero-width space", "sco\u200Bre", "score"],
  ["byte order mark", "\uFEFFscore", "score"],
  ["word joiner", "sc\u2060ore", "score"],
  ["override of direction", "a\u202Eerocs\u202C", "aerocs"],
  ["isolate of direction", "\u2066score\u2069", "score"],
  ["tag characters", "score\u{E0049}\u{E007F}", "score"],
  ["a joiner that joins nothing", "sc\u200Dore", "score"],
  ["a joiner at the end", "नमस्\u200D", "नमस्"],
])("removes and counts hidden text: %s", (_name, text, expected) => {
  const clean = sanitiseText(text);

  expect(clean.text).toBe(expected);
  expect(clean.hidden).toBe(Array.from(text).length - Array.from(expected).length);
});

test("cuts at the limit and never inside a pair of surrogates", () => {
  expect(sanitiseText("abcdef", { charactersMax: 4 })).toMatchObject({ text: "abcd", cut: true });
  expect(sanitiseText("abc😀", { charactersMax: 4 })).toMatchObject({ text: "abc", cut: true });
  expect(sanitiseText("abc😀", { charactersMax: 5 })).toMatchObject({ text: "abc😀", cut: false });
});

test("gives the same for what was sanitised before, whatever it was", () => {
  for (let round = 0; round < 500; round += 1) {
    const text = hostileText(round);

    const once = sanitiseText(text).text;

    expect(once.isWellFormed()).toBe(true);
    expect(once).not.toMatch(/(?![\n\t])\p{Cc}/u);
    expect(sanitiseText(once)).toEqual({ text: once, ...untouched });
  }
});

test("sanitises every string and key of a JSON value and counts over all of them", () => {
  const value = { "k\u0000": ["a\u200Bb", { deep: "\uD800" }], n: 1, b: true, x: null };

  const clean = sanitiseJson(value);

  expect(clean).toEqual({
    value: { "k\uFFFD": ["ab", { deep: "\uFFFD" }], n: 1, b: true, x: null },
    replaced: 2,
    controls: 0,
    hidden: 1,
  });
});

test("does not let a key of an answer become a prototype", () => {
  const { value } = sanitiseJson(JSON.parse('{"__proto__":{"polluted":true}}'));

  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect((value as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each([
  ["a fence without a name", "```\ntext\n```", "text"],
  ["a named fence and blank edges", "\n```Markdown\ntext\nmore\n```\n", "text\nmore"],
  ["a fence around a fence", "```md\na\n```js\ncode\n```\nb\n```", "a\n```js\ncode\n```\nb"],
  ["a longer fence", "````md\n```\ncode\n```\n````", "```\ncode\n```"],
  ["an empty fence", "```\n```", ""],
])("takes the outer fence away: %s", (_name, text, expected) => {
  expect(stripOuterFence(text, ["", "markdown", "md"])).toBe(expected);
});

test.each([
  ["no fence", "text"],
  ["a listing in a language", "```python\nprint()\n```"],
  ["two listings", "```\na\n```\ntext\n```\nb\n```"],
  ["two named listings", "```md\na\n```\ntext\n```md\nb\n```"],
  ["a fence that never closes", "```\ntext"],
  ["text after the fence", "```\ntext\n```\nend"],
  ["one line", "```text```"],
])("keeps fences that belong to the text: %s", (_name, text) => {
  expect(stripOuterFence(text, ["", "markdown", "md"])).toBe(text);
});

/** Twelve UTF-16 units of which most are troublesome; the same for the same round. */
function hostileText(round: number): string {
  const units = [
    0x00, 0x07, 0x0a, 0x0d, 0x41, 0x7f, 0x85, 0x200b, 0x200d, 0x202e, 0xd800, 0xdbff, 0xdc00,
    0xdfff, 0xfeff, 0xfffd, 0xdb40, 0xdc41, 0x915,
  ];
  let state = round + 1;
  return Array.from({ length: 12 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(units[state % units.length] ?? 0);
  }).join("");
}
