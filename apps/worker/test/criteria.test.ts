import { expect, test } from "bun:test";

import { toCriteria } from "../src/criteria.ts";

test.each([
  ["Inhalt", "Inhalt"],
  [" Form: Absätze ", "Form: Absätze"],
  ["Sprache:5", { name: "Sprache", maxScore: 5 }],
  ["Uhrzeit 10:30:1", { name: "Uhrzeit 10:30", maxScore: 1 }],
])("%p is understood", (text, criterion) => {
  expect(toCriteria([text])).toEqual([criterion]);
});

test.each([
  ["", "a name, or name:points"],
  [":5", "a name, or name:points"],
  ["Inhalt:0", "points must be from 1 to 10"],
  ["Inhalt:11", "points must be from 1 to 10"],
])("%p is refused", (text, message) => {
  expect(() => toCriteria(["Aufbau", text])).toThrow(message);
});

test("no more are taken than a submission may have", () => {
  const names = Array.from({ length: 21 }, (_, index) => `Kriterium ${index}`);

  expect(toCriteria(names.slice(1))).toHaveLength(20);
  expect(() => toCriteria(names)).toThrow("--criterion may be given 20 times.");
});
