import { expect, test } from "bun:test";

import { parseDuration, parseMoment, toDuration } from "../src/command-line/duration.ts";

test.each([
  ["90s", 90_000],
  ["10m", 600_000],
  ["3h", 10_800_000],
  ["30d", 2_592_000_000],
  ["0s", 0],
])("%p is %p ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "10", "m", "-1m", "1.5h", "10 m", "9999999d", "1w"])("%p is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow("such as 90s");
});

test.each([
  ["3h", "2026-11-22T00:00:00.000Z"],
  ["2026-11-22T01:00Z", "2026-11-22T01:00:00.000Z"],
  ["2026-11-22T01:00:30+01:00", "2026-11-22T00:00:30.000Z"],
  ["2026-11-22", "2026-11-22T00:00:00.000Z"],
])("%p is the moment %p", (text, moment) => {
  expect(parseMoment(text, new Date("2026-11-22T03:00:00Z")).toISOString()).toBe(moment);
});

test.each(["yesterday", "2026-13-01", "2026-11-22T01:00", "1"])("%p is no moment", (text) => {
  expect(() => parseMoment(text)).toThrow("such as 3h");
});

test.each([
  [0, "0 s"],
  [400, "0 s"],
  [59_000, "59 s"],
  [60_000, "1 m"],
  [3_725_000, "1 h 2 m"],
  [90_061_000, "1 d 1 h"],
  [86_400_000, "1 d"],
])("%p ms are %p", (ms, words) => {
  expect(toDuration(ms)).toBe(words);
});
