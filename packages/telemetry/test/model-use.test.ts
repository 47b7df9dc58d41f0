import { expect, test } from "bun:test";

import { createModelUseLog } from "../src/model-use.ts";

function callOf(outputTokens: number | undefined, durationMs: number, firstTokenMs?: number) {
  const usage = outputTokens === undefined ? {} : { outputTokens };
  const provenance = { adapter: "test", model: "judge", options: {} };
  const response = { finish: "stop", usage, provenance } as const;
  return { durationMs, response, ...(firstTokenMs === undefined ? {} : { firstTokenMs }) };
}

test("speed is that of writing: without the wait for the first token, over calls of any length", () => {
  const log = createModelUseLog();

  log.noteCall("judge", callOf(100, 12_000, 10_000));
  log.noteCall("judge", callOf(20, 1_000));

  expect(log.list()).toEqual([{ name: "judge", swaps: 0, tokensPerSecond: 40 }]);
});

test("calls that failed, or did not count their tokens, say nothing of the speed", () => {
  const log = createModelUseLog();

  log.noteCall("judge", { durationMs: 60_000, code: "backend_busy" });
  log.noteCall("judge", callOf(undefined, 60_000));

  expect(log.list()).toEqual([{ name: "judge", swaps: 0 }]);
});

test("what was long ago is forgotten", () => {
  const log = createModelUseLog();

  log.noteCall("judge", callOf(1_000_000, 1));
  for (let call = 0; call < 20; call += 1) log.noteCall("judge", callOf(5, 1_000));

  expect(log.list()).toEqual([{ name: "judge", swaps: 0, tokensPerSecond: 5 }]);
});
