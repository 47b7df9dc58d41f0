import { expect, test } from "bun:test";

import { ModelError } from "@leasehold/model";

import { listLines, readCassette } from "./cassette.ts";
import { startReplayServer } from "./replay-server.ts";
import { recordCall, request, setup } from "./setup.ts";

/** What each recorded chat must be taken for: how an answer ended, or code, scope and our finer code. */
const expected: Readonly<Record<string, string>> = {
  chat: "length, 24 characters, 7 + 24 tokens",
  "chat, streamed": "length, 24 characters, 7 + 24 tokens",
  "chat with schema": "stop, 54 characters, 15 + 55 tokens",
  "chat with schema, streamed": "stop, 54 characters, 15 + 55 tokens",
  "chat with image and schema": "stop, 17 characters, 10 + 18 tokens",
  "chat with image and schema, streamed": "stop, 17 characters, 10 + 18 tokens",
  "key order of a schema": "stop, 47 characters, 3 + 48 tokens",
  "key order of a schema, streamed": "stop, 47 characters, 3 + 48 tokens",
  "schema with a look-ahead pattern": "stop, 18 characters, 3 + 19 tokens",
  "think false on a plain model": "length, 5 characters, 3 + 5 tokens",
  "think false on a plain model, streamed": "length, 5 characters, 3 + 5 tokens",
  "unknown option": "length, 3 characters, 3 + 3 tokens",
  "unknown option, streamed": "length, 3 characters, 3 + 3 tokens",
  "queue nearly full": "length, 60 characters, 4 + 60 tokens",

  // Status 200, and yet not to be used: the answer was cut.
  "cut off by num_predict inside JSON": "length, 20 characters, 3 + 20 tokens",
  "window full while generating, truncate and shift false, streamed":
    "length, 253 characters, 3 + 253 tokens",
  "garbage bytes, control characters and NUL, streamed": "length, 189 characters, 3 + 200 tokens",
  // What comes of a prompt that the server may cut. Ours may not be cut: see the two below.
  "prompt over num_ctx": "length, 5 characters, 1027 + 5 tokens",
  "prompt over num_ctx, truncate and shift false": "input_too_large, job, context_exceeded",
  "prompt over num_ctx, truncate and shift false, streamed":
    "input_too_large, job, context_exceeded",

  "unknown model": "model_missing, config, model_missing",
  "unknown model, streamed": "model_missing, config, model_missing",
  "format is not a schema": "config_invalid, config, schema_refused",
  "format is not a schema, streamed": "config_invalid, config, schema_refused",
  "schema with an unknown type": "config_invalid, config, schema_refused",
  "schema with an unknown type, streamed": "config_invalid, config, schema_refused",
  "schema with a dangling $ref, streamed": "config_invalid, config, schema_refused",
  "option of a wrong type": "config_invalid, config, option_refused",
  "image to a text model": "model_unsuitable, config, images_unsupported",
  "think on a plain model": "model_unsuitable, config, capability_missing",
  "tools on a plain model": "model_unsuitable, config, capability_missing",
  "image is not base64": "input_corrupt, job, image_refused",
  "image is not base64, streamed": "input_corrupt, job, image_refused",
  "image is not an image": "input_corrupt, job, image_refused",
  "empty body": "backend_failed, job, http_400",
  "runner killed, streamed": "backend_failed, model, runner_crashed",
  "queue full": "backend_busy, backend, queue_full",
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, number) => [
      `eight at once, two may wait: ${number}`,
      number < 3 ? "length, 60 characters, 4 + 60 tokens" : "backend_busy, backend, queue_full",
    ]),
  ),
  // Answers to another question than ours.
  load: "backend_failed, backend, answer_cut",
  "load, streamed": "backend_failed, backend, answer_cut",
  unload: "backend_failed, backend, answer_cut",
};

const chats = readCassette().filter(
  ({ request: { method, path } }) => method === "POST" && path === "/api/chat",
);

test.each(chats.map(({ name }) => name))("takes %j for what it is", async (name) => {
  await using subject = await setup({ script: [{ kind: "replay", name }] });

  const outcome = await subject.model.generate(request, recordCall()).then(
    ({ finish, text, usage }) =>
      `${finish}, ${text.length} characters, ${usage.inputTokens} + ${usage.outputTokens} tokens`,
    (error: unknown) =>
      ModelError.is(error) ? `${error.code}, ${error.scope}, ${error.adapterCode}` : "unknown",
  );

  expect(outcome).toBe(expected[name] ?? "a line in the table above");
});

test("replays each recording byte for byte", async () => {
  const cassette = readCassette();
  await using server = await startReplayServer({
    script: ({ body }) => ({ kind: "replay", name: String(body["name"]) }),
  });

  const replayed = await Promise.all(
    cassette.map(async ({ name }) => {
      const body = JSON.stringify({ name });
      const response = await fetch(server.url, { method: "POST", body });
      const contentType = response.headers.get("content-type");
      return { status: response.status, contentType, text: await response.text() };
    }),
  );

  expect(cassette.length).toBeGreaterThan(50);
  expect(replayed).toEqual(
    cassette.map(({ response }) => ({
      status: response.status,
      contentType: response.contentType,
      text: listLines(response)
        .map((line) => `${line}\n`)
        .join(""),
    })),
  );
});
