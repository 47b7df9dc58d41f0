import { expect, test } from "bun:test";

import type { ModelImage, ModelRequest } from "@leasehold/model";

import { startOpenAiServer, toData, toEvent, toEvents } from "./openai-server.ts";
import { canary, expectModelError, recordCall, request, setup } from "./setup.ts";

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

test("sends exactly what was asked for", async () => {
  await using subject = await setup({ model: { imagesExpected: true } });

  await subject.model.generate(full, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  const picture = { type: "image_url", image_url: { url: "data:image/jpeg;base64,/9j/4A==" } };
  expect(body).toEqual({
    model: "tiny",
    messages: [
      { role: "system", content: "Read." },
      {
        role: "user",
        content: [{ type: "text", text: "Line one\nLine two" }, picture, picture],
      },
    ],
    max_tokens: 300,
    temperature: 0.5,
    seed: 42,
    response_format: {
      type: "json_schema",
      json_schema: { name: "answer", strict: true, schema },
    },
    stream: true,
    stream_options: { include_usage: true },
  });
});

test("sends the profile where the request says nothing", async () => {
  await using subject = await setup({
    model: {
      profile: {
        outputTokensMax: 100,
        temperature: 0.2,
        outputTokensField: "max_completion_tokens",
      },
    },
  });

  await subject.model.generate(request, recordCall());

  const { body } = await subject.server.waitForRequest("chat");
  expect(body).toMatchObject({ max_completion_tokens: 100, temperature: 0.2 });
  expect(Object.keys(body)).not.toContain("max_tokens");
  expect(Object.keys(body)).not.toContain("seed");
  expect(Object.keys(body)).not.toContain("response_format");
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

  const response = await subject.model.generate({ ...request, seed: 7, schema }, recordCall());

  expect(response).toEqual({
    text,
    finish: "stop",
    usage: { inputTokens: 15, outputTokens: Math.ceil(Array.from(text).length / 4) },
    durationMs: expect.any(Number),
    provenance: {
      adapter: "openai",
      model: "tiny",
      options: {
        max_tokens: 400,
        temperature: 0,
        seed: 7,
        response_format: "json_schema",
        served_model: "tiny",
        system_fingerprint: "b11669-test",
      },
    },
  });
});

test("says that an answer was cut at its length", async () => {
  await using subject = await setup({
    script: () => ({ kind: "answer", text: '{"note": "half', finish: "length" }),
  });

  const response = await subject.model.generate(request, recordCall());

  expect(response).toMatchObject({ text: '{"note": "half', finish: "length" });
});

test("takes an answer for whole by its reason, not by the last line", async () => {
  const events = toEvents("Gut gemacht.").filter((event) => event.includes('choices":[{'));
  await using subject = await setup({ script: () => ({ kind: "events", events, end: "close" }) });

  const response = await subject.model.generate(request, recordCall());

  expect(response).toMatchObject({ text: "Gut gemacht.", finish: "stop", usage: {} });
});

test("writes nothing of the server's beside an answer that is no name", async () => {
  const odd = {
    model: `As ${canary} wrote`,
    system_fingerprint: 7,
    usage: { prompt_tokens: "many", completion_tokens: -1 },
    choices: [{ delta: { content: "Gut" }, finish_reason: "stop" }],
  };
  await using subject = await setup({
    script: () => ({ kind: "events", events: [toData(odd)], end: "close" }),
  });

  const { provenance, usage } = await subject.model.generate(request, recordCall());

  expect(usage).toEqual({});
  expect(provenance.options).toEqual({ max_tokens: 400, temperature: 0, response_format: "text" });
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
  ]);
});

test.each([
  [
    "thoughts alone",
    [toEvent({ reasoning_content: "Let me see…" }), toEvent({}, { finish_reason: "stop" })],
    { code: "model_unsuitable", scope: "config", retryable: false, adapterCode: "thoughts_only" },
  ],
  [
    "a refusal",
    [toEvent({ refusal: "I cannot help." }), toEvent({}, { finish_reason: "stop" })],
    { code: "output_invalid", scope: "job", retryable: false, adapterCode: "refused" },
  ],
  [
    "half an answer that a filter stopped",
    [toEvent({ content: "Gut" }), toEvent({}, { finish_reason: "content_filter" })],
    { code: "output_invalid", scope: "job", retryable: false, adapterCode: "content_filtered" },
  ],
  [
    "an end without a reason",
    [toEvent({ content: "Gut" }), "data: [DONE]\n\n"],
    { code: "backend_failed", scope: "backend", retryable: true, adapterCode: "answer_cut" },
  ],
  [
    "an end for another reason",
    [toEvent({ content: "Gut" }), toEvent({}, { finish_reason: "abort" })],
    { code: "backend_failed", scope: "backend", retryable: true, adapterCode: "answer_cut" },
  ],
  ["nothing", [], { code: "backend_failed", adapterCode: "answer_cut" }],
  [
    "an event that is no JSON",
    [`data: {"${canary}\n\n`],
    { code: "backend_failed", scope: "backend", adapterCode: "answer_unreadable" },
  ],
  [
    "an error in the stream",
    [toEvent({ content: "Gut" }), toData({ error: { message: `${canary}: it broke` } })],
    { code: "backend_failed", scope: "backend", retryable: true, adapterCode: "error_line" },
  ],
  [
    "an error in the stream that says its status",
    [toData({ error: { message: "slow down", type: "rate_limit_error", code: 429 } })],
    { code: "backend_busy", scope: "backend", retryable: true, adapterCode: "rate_limited" },
  ],
])("refuses %s", async (_, events, expected) => {
  await using subject = await setup({ script: () => ({ kind: "events", events, end: "close" }) });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject(expected);
});

test("refuses a document where a stream was asked for", async () => {
  await using subject = await setup({
    script: () => ({ kind: "reply", status: 200, body: '{"choices":[]}' }),
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: "backend_failed", adapterCode: "answer_unreadable" });
});

test.each([
  [
    "a picture that is a path",
    {
      ...full,
      messages: [{ role: "user", content: "", images: [{ ...image, bytes: "/etc/passwd" }] }],
    },
  ],
  [
    "a picture in a system message",
    { ...full, messages: [{ ...full.messages[1], role: "system" }] },
  ],
  ["no message", { ...full, messages: [] }],
  ["no room for an answer", { ...full, outputTokensMax: 0 }],
])("refuses %s as a mistake of the program", async (_, wrong) => {
  await using subject = await setup({ model: { imagesExpected: true } });

  const error = await expectModelError(
    subject.model.generate(wrong as unknown as ModelRequest, recordCall()),
  );

  expect(error).toMatchObject({ code: "config_invalid", scope: "config", retryable: false });
  expect(subject.server.requests).toEqual([]);
});

test("refuses a picture and a schema for a model that is not set up for them", async () => {
  await using subject = await setup({ model: { structuredOutput: "none" } });

  const picture = await expectModelError(subject.model.generate(full, recordCall()));
  const shape = await expectModelError(
    subject.model.generate({ ...request, schema }, recordCall()),
  );

  expect(picture).toMatchObject({ code: "model_unsuitable", adapterCode: "images_unexpected" });
  expect(shape).toMatchObject({ code: "model_unsuitable", adapterCode: "schema_unexpected" });
  expect(subject.server.requests).toEqual([]);
});

test("sends the key and what the dialect needs, and nothing that the environment says", async () => {
  const names = {
    OPENAI_API_KEY: "sk-environment",
    OPENAI_ADMIN_KEY: "sk-admin",
    OPENAI_ORG_ID: "org",
    OPENAI_PROJECT_ID: "project",
    OPENAI_CUSTOM_HEADERS: "x-custom: yes",
    OPENAI_LOG: "debug",
  };
  await using elsewhere = await startOpenAiServer();
  await using subject = await setup({ model: { apiKey: "sk-of-the-options" } });
  const before = Object.entries({ ...names, OPENAI_BASE_URL: "" }).map(
    ([name]) => [name, process.env[name]] as const,
  );
  Object.assign(process.env, names, { OPENAI_BASE_URL: elsewhere.url });
  try {
    await subject.model.prepare?.(recordCall());
    await subject.model.generate(request, recordCall());
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }

  expect(elsewhere.requests).toEqual([]);
  for (const { headers } of subject.server.requests) {
    expect(headers.authorization).toBe("Bearer sk-of-the-options");
    const sent = Object.keys(headers).filter((header) => /openai|stainless|custom/.test(header));
    expect(sent).toEqual([]);
  }
});

test("sends no key where none was given", async () => {
  await using subject = await setup();

  await subject.model.generate(request, recordCall());

  const { headers } = await subject.server.waitForRequest("chat");
  expect(headers.authorization).toBeUndefined();
});
