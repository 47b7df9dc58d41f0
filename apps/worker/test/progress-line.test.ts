import { expect, test } from "bun:test";

import { createProgressLine, renderBar, toSize } from "../src/command-line/progress-line.ts";

const label = "gpu:11434 qwen3:8b";

function play(output: { readonly isTTY?: boolean; readonly columns?: number }): readonly string[] {
  const written: string[] = [];
  const line = createProgressLine({ ...output, write: (text) => written.push(text) });
  for (const done of [0, 1, 2, 150, 199, 1_000]) {
    line.show({ label, done, total: 1_000, whole: "1 kB" });
  }
  line.end();
  return written;
}

test("for a log it is a line at every tenth", () => {
  expect(play({})).toEqual([`${label}: 0 %\n`, `${label}: 10 %\n`, `${label}: 100 %\n`]);
});

test("on a terminal it is one line that is written over, and a new one at the end", () => {
  const written = play({ isTTY: true, columns: 60 });

  expect(written.slice(0, -1).every((text) => /^\r[^\r\n]{59}$/.test(text))).toBe(true);
  expect(written.at(-2)).toContain("100 % of 1 kB");
  expect(written.at(-1)).toBe("\n");
});

test.each([1, 20, 40, 80, 300])("fits a line of %p characters", (columns) => {
  for (const share of [0, 0.5, 1]) {
    expect(renderBar({ label, share, whole: "5.0 GB" }, columns)).toHaveLength(columns - 1);
  }
});

test("a download of which nobody knows the size has not begun", () => {
  const written: string[] = [];
  const line = createProgressLine({ write: (text) => written.push(text) });

  line.show({ label, done: 0, total: 0, whole: "0 B" });

  expect(written).toEqual([`${label}: 0 %\n`]);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1 kB"],
  [14_900_264, "14.9 MB"],
  [5_200_000_000, "5.2 GB"],
  [3e15, "3000.0 TB"],
])("%p bytes are %s", (bytes, text) => {
  expect(toSize(bytes)).toBe(text);
});
