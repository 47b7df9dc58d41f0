import { describe, expect, test } from "bun:test";

import { createFigures } from "../src/page/figures.ts";
import { createBacklogWatch } from "../src/page/watched.ts";
import { wordsDe } from "../src/page/words-de.ts";
import { wordsEn } from "../src/page/words-en.ts";
import { queues } from "./page-fixture.ts";

const now = new Date("2026-11-22T12:00:00.000Z");
const before = (ms: number): Date => new Date(now.getTime() - ms);

/** Every sentence of a dictionary, with the way to it. */
function listWords(value: unknown, path = ""): readonly (readonly [string, unknown])[] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => listWords(inner, `${path}.${name}`));
}

describe.each([wordsEn, wordsDe])("$languageName", (words) => {
  const all = listWords(words);

  test("has a word for everything", () => {
    const blank = all.filter(([, value]) => typeof value === "string" && value.trim() === "");

    expect(all.length).toBeGreaterThan(250);
    expect(blank).toEqual([]);
  });

  test("says all that it is given to say", () => {
    const marks = ["MARK_A", "MARK_B", "MARK_C", "MARK_D"];
    const silent = all.flatMap(([path, say]) => {
      if (typeof say !== "function") return [];
      const given = marks.slice(0, say.length);
      const said: unknown = Reflect.apply(say, undefined, given);
      return given.every((mark) => String(said).includes(mark)) ? [] : [path];
    });

    expect(silent).toEqual([]);
  });
});

test("both languages are told the same numbers of an act", () => {
  const placesOf = (text: string): readonly string[] => text.match(/\{\w+\}/g) ?? [];
  const english = listWords(wordsEn.acts).map(([path, text]) => [path, placesOf(String(text))]);
  const german = listWords(wordsDe.acts).map(([path, text]) => [path, placesOf(String(text))]);

  expect(german).toEqual(english);
});

describe("figures", () => {
  const english = createFigures(wordsEn, now);
  const german = createFigures(wordsDe, now);

  test.each([
    [0, "0 ms"],
    [340, "340 ms"],
    [1_240, "1.2 s"],
    [59_400, "59 s"],
    [59_600, "1 min"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [86_399_000, "1 d"],
    [356_400_000, "4 d 3 h"],
  ])("%p ms are %s", (ms, said) => {
    expect(english.span(ms)).toBe(said);
  });

  test("are in the reader's language", () => {
    expect(german.count(1_234_567)).toBe("1.234.567");
    expect(german.span(1_240)).toBe("1,2 s");
    expect(german.relative(before(180_000))).toBe("vor 3 Minuten");
    expect(english.relative(before(180_000))).toBe("3 minutes ago");
    expect(english.relative(before(-20_000))).toBe("in 20 seconds");
    expect(english.relative(before(300))).toBe("just now");
    expect(english.absolute(now)).toBe("2026-11-22 12:00:00 UTC");
  });
});

describe("the backlog that was seen", () => {
  test("is kept a point in five seconds, with the present one last", () => {
    const watch = createBacklogWatch();

    const seen = [0, 2_000, 4_000, 6_000, 7_000].map(
      (ms) => watch.add(new Date(now.getTime() + ms), queues).length,
    );

    expect(seen).toEqual([1, 2, 2, 2, 3]);
  });

  test("is bounded, and begins anew when nobody looked for long", () => {
    const watch = createBacklogWatch();
    const look = (ms: number): number => watch.add(new Date(now.getTime() + ms), queues).length;
    for (let index = 0; index < 1_000; index += 1) look(index * 5_000);

    expect(look(1_000 * 5_000)).toBe(360);
    expect(look(2_000 * 5_000)).toBe(1);
  });
});
