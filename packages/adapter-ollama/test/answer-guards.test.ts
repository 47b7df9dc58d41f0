import { expect, test } from "bun:test";

import { createLoopGuard, loopCharactersMin } from "../src/loop-guard.ts";
import { faults, type ReplayStep } from "./replay-server.ts";
import { expectModelError, recordCall, request, setup } from "./setup.ts";

/** A text of so many words, no two neighbours alike. */
function words(count: number): string {
  return Array.from({ length: count }, (_, number) => `Wort${number % 7}a${number % 11}b`).join(
    " ",
  );
}

/** An answer with the server's own count of what it read. */
function answerAfter(promptTokens: number, outputTokens = 20): ReplayStep {
  const message = { role: "assistant", content: "Gut." };
  const frame = {
    model: "tiny",
    created_at: "2026-11-22T06:12:57Z",
    message,
    done: true,
    done_reason: "stop",
    prompt_eval_count: promptTokens,
    eval_count: outputTokens,
  };
  return { kind: "stream", pieces: [], lines: [JSON.stringify(frame)], end: "close" };
}

const prompt = {
  messages: [{ role: "user", content: words(2_500) }],
  outputTokensMax: 300,
} as const;

test("an answer that goes round in circles is ended, and frees the server", async () => {
  await using subject = await setup({ script: [faults.loop] });

  const error = await expectModelError(
    subject.model.generate({ ...request, outputTokensMax: 4_000 }, recordCall()),
  );

  expect(error).toMatchObject({
    code: "output_runaway",
    scope: "job",
    retryable: true,
    adapterCode: "loop_detected",
  });
  await subject.server.waitForAbort("chat");
});

test.each([
  ["one letter", "a"],
  ["blanks", "  \n"],
  ["a sentence", "Das Bild zeigt ein Heft.\n"],
  ["a paragraph", `${words(40).slice(0, 380)}\n`],
])("a repetition of %s is noticed however it is cut", (_, unit) => {
  const text = `Anfang. ${unit.repeat(Math.ceil((loopCharactersMin * 2) / unit.length))}`;
  const guard = createLoopGuard("host/model");
  const feed = (): void => {
    for (let start = 0; start < text.length; start += 7) guard.add(text.slice(start, start + 7));
  };

  expect(feed).toThrow("repeats itself");
});

test.each([
  ["prose", words(5_000)],
  ["a worksheet with forty lines to write on", `Name:\n${`${"_".repeat(70)}\n`.repeat(40)}Datum:`],
  ["a table of numbers", Array.from({ length: 900 }, (_, row) => `| ${row} | ok |`).join("\n")],
])("%s is no repetition", (_, text) => {
  const guard = createLoopGuard("host/model");

  const feed = (): void => {
    for (const piece of text.match(/[^]{1,11}/g) ?? []) guard.add(piece);
  };

  expect(feed).not.toThrow();
});

test("a large piece is looked at in one go", () => {
  const guard = createLoopGuard("host/model");

  expect(() => guard.add("ja, ".repeat(20_000))).toThrow("repeats itself");
});

test("refuses the answer to a prompt that the server has cut in half", async () => {
  await using subject = await setup({ script: [answerAfter(1_027)] });

  const error = await expectModelError(subject.model.generate(prompt, recordCall()));

  expect(error).toMatchObject({
    code: "input_too_large",
    scope: "job",
    retryable: false,
    adapterCode: "context_truncated",
  });
  expect(error.message).toContain("1027 tokens of 2500 words");
});

test("refuses an answer that has outgrown its window: the beginning was forgotten", async () => {
  await using subject = await setup({ script: [answerAfter(16_300, 200)] });

  const error = await expectModelError(subject.model.generate(prompt, recordCall()));

  expect(error).toMatchObject({ code: "input_too_large", adapterCode: "context_truncated" });
});

test.each([
  ["a whole prompt", answerAfter(4_000), undefined],
  // Such a server leaves out what it still knew from the call before.
  ["a short count of an old server", answerAfter(12), "0.30.0"],
])("takes the answer to %s", async (_, step, version) => {
  await using subject = await setup({
    script: [step],
    ...(version === undefined ? {} : { version }),
  });
  await subject.model.prepare?.(recordCall());

  const { finish } = await subject.model.generate(prompt, recordCall());

  expect(finish).toBe("stop");
});

test("a form to fill in has few tokens, and is no cut prompt", async () => {
  await using subject = await setup({ script: [answerAfter(600)] });
  const content = `${words(300)} ${"_".repeat(5_000)}`;

  const { finish } = await subject.model.generate(
    { messages: [{ role: "user", content }], outputTokensMax: 300 },
    recordCall(),
  );

  expect(finish).toBe("stop");
});
