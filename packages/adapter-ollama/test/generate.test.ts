import { expect, test } from "bun:test";

import type { ModelImage, ModelRequest } from "@leasehold/model";

import { expectModelError, recordCall, request, setup } from "./setup.ts";

const schema = {
  type: "object",
  additionalProperties: false,
  required: ["note"],
  properties: { note: { type: "string", maxLength: 40 } },
};

/** Bytes in the middle of a larger buffer, as a slice of an upload would be. */
const image: ModelImage = {
  mediaType: "image/jpeg",
  width: 1_000,
  height: 500,
  bytes: new Uint8Array([9, 9, 0xff, 0xd8, 0xff, 0xe0, 9]).subarray(2, 6),
};

const full: ModelRequest = {
  messages: [
    { role: "system", content: "Read." },
    { role: "user", content: "Line one\nLine two", images: [image, image] },
  ],
  schema,
  outputTokensMax: 300,
  temperature: 0.5,
  seed: 42,
};

test("sends exactly what was asked for, and what keeps Ollama from surprises", async () => {
  await using subject = await setup({ model: { imagesExpected: true, model: "tinyvision" } });

  await subject.model.generate(full, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  expect(body).toEqual({
    model: "tinyvision",
    messages: [
      { role: "system", content: "Read." },
      { role: "user", content: "Line one\nLine two", images: ["/9j/4A==", "/9j/4A=="] },
    ],
    stream: true,
    think: false,
    truncate: false,
    shift: false,
    keep_alive: "10m",
    options: { num_ctx: 8192, num_predict: 300, temperature: 0.5, seed: 42 },
    format: schema,
  });
});

test("sends the profile where the request says nothing", async () => {
  await using subject = await setup({
    model: { profile: { numCtx: 4096, numPredict: 100, keepAlive: -1, temperature: 0.2 } },
  });

  await subject.model.generate(request, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  expect(body["options"]).toEqual({ num_ctx: 4096, num_predict: 100, temperature: 0.2 });
  expect(body["keep_alive"]).toBe(-1);
  expect(body).not.toHaveProperty("format");
});

test("loads with the options of the calls that follow", async () => {
  await using subject = await setup({ model: { profile: { numCtx: 6144, keepAlive: "30m" } } });

  await subject.model.prepare?.(recordCall());

  const { body } = await subject.server.waitForRequest("load");
  expect(body).toEqual({
    model: "tiny",
    messages: [],
    stream: true,
    think: false,
    truncate: false,
    shift: false,
    keep_alive: "30m",
    options: { num_ctx: 6144 },
  });
});

test("leaves a request alone, down to its bytes", async () => {
  await using subject = await setup({ model: { imagesExpected: true } });
  const before = structuredClone(full);
  const frozen = Object.freeze({
    ...full,
    messages: Object.freeze(full.messages.map((message) => Object.freeze(message))),
  });

  await subject.model.generate(frozen, recordCall());

  expect(frozen).toEqual(before);
});

test("answers with the whole text, the counts and what made it", async () => {
  const text = 'Grüße 😀, "gut" \\ gemacht\n';
  await using subject = await setup({ answer: () => text });
  await subject.model.prepare?.(recordCall());

  const response = await subject.model.generate({ ...request, seed: 7, schema }, recordCall());

  expect(response).toEqual({
    text,
    finish: "stop",
    usage: { inputTokens: 15, outputTokens: Math.ceil(Array.from(text).length / 4) },
    durationMs: expect.any(Number),
    provenance: {
      adapter: "ollama",
      model: "tiny",
      digest: "25698183cfc8f8214496132cadacacddd74c03acdcffd52f3a70c74530640167",
      options: {
        num_ctx: 16384,
        num_predict: 400,
        temperature: 0,
        seed: 7,
        think: false,
        truncate: false,
        shift: false,
        keep_alive: "10m",
        format: "schema",
      },
    },
  });
});

test("says that an answer was cut at its length", async () => {
  await using subject = await setup({
    script: [{ kind: "answer", text: '{"note": "half', doneReason: "length" }],
  });

  const response = await subject.model.generate(request, recordCall());

  expect(response).toMatchObject({ text: '{"note": "half', finish: "length" });
});

test("tells how far it is: first that it waits, then each token", async () => {
  await using subject = await setup({ answer: () => "12345678" });
  const context = recordCall();

  await subject.model.prepare?.(context);
  await subject.model.generate(request, context);

  expect(context.seen).toEqual([
    { stage: "loading" },
    { stage: "prefill" },
    { stage: "decoding", tokens: 1 },
    { stage: "decoding", tokens: 2 },
    { stage: "decoding", tokens: 3 },
  ]);
});

test("refuses an answer that consists of thoughts alone", async () => {
  await using subject = await setup({
    script: [{ kind: "answer", text: "", thinking: "Let me see…" }],
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({
    code: "model_unsuitable",
    scope: "config",
    retryable: false,
    adapterCode: "thoughts_only",
  });
});

test("refuses a last frame without a reason: the model's process was lost", async () => {
  await using subject = await setup({
    script: [{ kind: "answer", text: "Gut", doneReason: "none" }],
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: "backend_failed", adapterCode: "answer_cut" });
});

test("refuses what cannot fit the window, before anything is sent", async () => {
  await using subject = await setup({ model: { imagesExpected: true } });
  const pixels = { ...image, width: 2_800, height: 2_800 };
  const tooLarge: readonly ModelRequest[] = [
    { messages: [{ role: "user", content: "a".repeat(3 * 7_793) }], outputTokensMax: 400 },
    { messages: [{ role: "user", content: "", images: [pixels] }], outputTokensMax: 400 },
  ];

  for (const large of tooLarge) {
    const error = await expectModelError(subject.model.generate(large, recordCall()));

    expect(error).toMatchObject({ code: "input_too_large", scope: "job", retryable: false });
  }
  expect(subject.server.requests).toEqual([]);
});

test("sends what just fits the window", async () => {
  await using subject = await setup();
  const content = "a".repeat(3 * 7_792);

  const response = await subject.model.generate(
    { messages: [{ role: "user", content }], outputTokensMax: 400 },
    recordCall(),
  );

  expect(response.finish).toBe("stop");
});

test("refuses a picture for a model that is not set up for one", async () => {
  await using subject = await setup();

  const error = await expectModelError(subject.model.generate(full, recordCall()));

  expect(error).toMatchObject({
    code: "model_unsuitable",
    scope: "config",
    adapterCode: "images_unexpected",
  });
  expect(subject.server.requests).toEqual([]);
});

test.each([
  [
    "a picture that is a path",
    {
      ...full,
      messages: [{ role: "user", content: "", images: [{ ...image, bytes: "/etc/passwd" }] }],
    },
  ],
  ["no message", { ...full, messages: [] }],
  ["no room for an answer", { ...full, outputTokensMax: 0 }],
  ["half a token", { ...full, outputTokensMax: 1.5 }],
])("refuses %s as a mistake of the program", async (_, wrong) => {
  await using subject = await setup({ model: { imagesExpected: true } });

  const error = await expectModelError(
    subject.model.generate(wrong as unknown as ModelRequest, recordCall()),
  );

  expect(error).toMatchObject({ code: "config_invalid", scope: "config", retryable: false });
  expect(subject.server.requests).toEqual([]);
});

test("reads no file for a text that is a path, wherever it stands", async () => {
  await using subject = await setup();
  const content = import.meta.path;

  await subject.model.generate(
    { messages: [{ role: "user", content }], outputTokensMax: 10 },
    recordCall(),
  );

  const { body } = await subject.server.waitForRequest("chat");
  expect(body["messages"]).toEqual([{ role: "user", content }]);
});
