import { expect, test } from "bun:test";

import { checkAnswerLines } from "../src/answer-lines.ts";
import { canary, expectModelError } from "./setup.ts";

const first = '{"message":{"content":"für 😀"},"done":false}';
const last = '{"message":{"content":""},"done":true,"done_reason":"stop"}';

function toStream(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const rest = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const chunk = rest.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
}

async function readAll(...texts: readonly string[]): Promise<string> {
  const chunks = texts.map((text) => new TextEncoder().encode(text));
  return new Response(checkAnswerLines(toStream(chunks), "host:1/tiny")).text();
}

test("lets whole lines through wherever the bytes were cut", async () => {
  const text = `${first}\n${last}\n`;
  const bytes = new TextEncoder().encode(text);

  for (let at = 1; at < bytes.length; at += 1) {
    const cut = toStream([bytes.subarray(0, at), bytes.subarray(at)]);

    const passed = await new Response(checkAnswerLines(cut, "host:1/tiny")).text();

    expect(passed).toBe(text);
  }
});

test("reads an answer byte by byte", async () => {
  const text = `${first}\n${last}\n`;
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => Uint8Array.of(byte));

  const passed = await new Response(checkAnswerLines(toStream(bytes), "host:1/tiny")).text();

  expect(passed).toBe(text);
});

test("takes a last line without a line break", async () => {
  expect(await readAll(first, "\n", last)).toBe(`${first}\n${last}\n`);
});

test("drops blank lines, over which the client would stumble", async () => {
  expect(await readAll("\n", first, "\r\n\n  \n", last, "\n")).toBe(`${first}\r\n${last}\n`);
});

test("ends with the last frame, whatever comes after it", async () => {
  expect(await readAll(`${last}\n${canary}\n`)).toBe(`${last}\n`);
});

test.each([
  ["text", `${canary}\n`],
  ["half a frame", `{"message":"${canary}\n`],
  ["a list", `["${canary}"]\n`],
  ["a number", "7\n"],
  ["null", "null\n"],
  ["a text in JSON", `"${canary}"\n`],
  ["half a frame at the end", `{"message":"${canary}`],
])("refuses %s instead of a frame", async (_, line) => {
  const error = await expectModelError(readAll(`${first}\n`, line));

  expect(error).toMatchObject({ code: "backend_failed", adapterCode: "answer_unreadable" });
});

test("refuses an answer that ends without its last frame", async () => {
  const error = await expectModelError(readAll(`${first}\n${first}\n`));

  expect(error).toMatchObject({
    code: "backend_failed",
    scope: "backend",
    retryable: true,
    adapterCode: "answer_cut",
  });
});

test("refuses an empty answer", async () => {
  const error = await expectModelError(readAll());

  expect(error.adapterCode).toBe("answer_cut");
});

test("refuses a line without an end", async () => {
  const piece = "x".repeat(300_000);

  const error = await expectModelError(readAll(piece, piece, piece, piece, piece));

  expect(error.adapterCode).toBe("answer_too_large");
});

test("turns an error line into an error with a meaning", async () => {
  const line = JSON.stringify({ error: `cudaMalloc failed: out of memory at ${canary}` });

  const error = await expectModelError(readAll(`${first}\n${line}\n`));

  expect(error).toMatchObject({
    code: "backend_failed",
    scope: "model",
    adapterCode: "out_of_memory",
  });
});
