import { describe, expect, test } from "bun:test";

import { cleanTextLayer, isReadableText } from "../../src/media/text-layer.ts";

describe("cleanTextLayer", () => {
  test("joins divided words, composes letters and unifies line ends", () => {
    const text = cleanTextLayer("  Wander\uFFFEung im Fru\u0308hling\r\nund im Herbst\r ");

    expect(text).toBe("Wanderung im Frühling\nund im Herbst");
  });

  test("leaves nothing that a database refuses", () => {
    const text = cleanTextLayer("a\u0000b\uD800c");

    expect(text).toBe("a\uFFFDb\uFFFDc");
    expect(text.isWellFormed()).toBe(true);
  });
});

describe("isReadableText", () => {
  const sentence = "Der Bach hinter der Schule ist im März breit und laut.";

  test("takes sentences, numbers and calculations", () => {
    expect(isReadableText(sentence, 32)).toBe(true);
    expect(isReadableText("3 + 4 = 7, 12 : 4 = 3, 90 · 5 = 450, 180 : 2 = 90", 20)).toBe(true);
  });

  test("counts characters, not spaces", () => {
    expect(isReadableText(`a${" ".repeat(100)}b`, 3)).toBe(false);
    expect(isReadableText("abc", 3)).toBe(true);
  });

  const rubbish = [
    ["a font without a character map", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~".repeat(3)],
    ["private characters", "\uE001\uE002\uE003\uE004".repeat(20)],
    ["unknown characters", `${sentence}${"\uFFFD".repeat(5)}`],
    ["control characters", `${sentence}${"\u0003".repeat(5)}`],
    ["nothing", ""],
  ] as const;
  test.each(rubbish)("refuses %s", (_what, text) => {
    expect(isReadableText(text, 32)).toBe(false);
  });
});
