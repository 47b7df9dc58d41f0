import { describe, expect, test } from "bun:test";

import { toSegments } from "../src/programs/segments.ts";
import { createRandom } from "./support/random.ts";

/** U+0085 ends a line in Unicode, but is no white space in JavaScript. */
const withoutSpace = (text: string): string => text.replaceAll(/[\s\u0085]+/gu, "");

describe("segments of a text", () => {
  test("are its sentences and lines, numbered", () => {
    const segments = toSegments("Der Bach rauscht. Warum?  Darum!\nEine Zeile\n\nNoch eine…  Ende");

    expect(segments).toEqual([
      { id: "s1", text: "Der Bach rauscht." },
      { id: "s2", text: "Warum?" },
      { id: "s3", text: "Darum!" },
      { id: "s4", text: "Eine Zeile" },
      { id: "s5", text: "Noch eine…" },
      { id: "s6", text: "Ende" },
    ]);
  });

  test.each(["", " ", "\n\n\t", "\u00A0\u2028\u0085"])("are none of %j", (text) => {
    expect(toSegments(text)).toEqual([]);
  });

  test.each(["\r", "\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029"])(
    "never go over a line's end by %j",
    (end) => {
      expect(toSegments(`eins${end}[s9] zwei`).map(({ text }) => text)).toEqual([
        "eins",
        "[s9] zwei",
      ]);
    },
  );

  test.each([
    [120, 120],
    [121, 61],
    [240, 120],
    [241, 81],
    [5_000, 120],
  ])("of %d sentences are %d", (sentences, count) => {
    const segments = toSegments("Ein Satz. ".repeat(sentences));

    expect(segments.length).toBeLessThanOrEqual(120);
    expect(segments).toHaveLength(count);
  });

  test("are the whole text but for white space, at most 120, one line each, for any text", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = createRandom(seed);
      const text = random.text(random.below(900));

      const segments = toSegments(text);

      expect(withoutSpace(segments.map((segment) => segment.text).join(""))).toBe(
        withoutSpace(text).replaceAll("\u200B", ""),
      );
      expect(segments.length).toBeLessThanOrEqual(120);
      expect(segments.map(({ id }) => id)).toEqual(segments.map((_, index) => `s${index + 1}`));
      expect(segments.filter(({ text: line }) => line === "" || /[\n\r]/.test(line))).toEqual([]);
    }
  });

  test("are found in a moment, whatever the text looks like", () => {
    const shapes = [" ", "\n", ".", ". ", "! \n", "a", "\u0085", "🦆"];

    const counts = shapes.map((shape) => toSegments(shape.repeat(60_000)).length);

    expect(Math.max(...counts)).toBeLessThanOrEqual(120);
  });
});
