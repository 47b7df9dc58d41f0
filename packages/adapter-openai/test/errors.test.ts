import { afterEach, expect, spyOn, test } from "bun:test";
import { inspect } from "node:util";

import { createOpenAiModel, type OpenAiModelOptions } from "../src/index.ts";
import { refuse, type ServerStep, toData, toEvent } from "./openai-server.ts";
import { canary, expectModelError, recordCall, request, setup } from "./setup.ts";

const spies: { mockRestore(): void }[] = [];

afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
});

const outage = { scope: "backend", retryable: true };
const job = { scope: "job", retryable: false };
const config = { scope: "config", retryable: false };

/** What servers say, and what it means. The words are theirs, as their sources and issues have them. */
const table: readonly (readonly [string, ServerStep, object])[] = [
  ["busy", refuse(503, "Loading model"), { code: "backend_busy", ...outage, retryAfterMs: 5_000 }],
  ["too many", refuse(429, "Rate limit reached"), { code: "backend_busy", ...outage }],
  [
    "no quota",
    refuse(429, "You exceeded your current quota", "insufficient_quota"),
    { code: "config_invalid", ...config, adapterCode: "quota_exhausted" },
  ],
  ["no key", refuse(401, "Incorrect API key"), { code: "config_invalid", ...config }],
  ["wrong key", refuse(403, "Forbidden"), { code: "config_invalid", ...config }],
  [
    "no model",
    refuse(404, "The model `nope` does not exist.", "model_not_found"),
    { code: "model_missing", ...config },
  ],
  [
    "no route",
    { kind: "reply", status: 404, body: '{"detail":"Not Found"}' },
    { code: "config_invalid", ...config, adapterCode: "route_missing" },
  ],
  [
    "too long, as vLLM says it",
    refuse(400, "This model's maximum context length is 4096 tokens. However, you requested 9000"),
    { code: "input_too_large", ...job, adapterCode: "context_exceeded" },
  ],
  [
    "too long, as llama.cpp says it",
    refuse(
      400,
      "the request exceeds the available context size, try increasing it",
      "exceed_context_size_error",
    ),
    { code: "input_too_large", ...job, adapterCode: "context_exceeded" },
  ],
  [
    "too long, as OpenAI says it",
    refuse(400, "Please reduce the length", "context_length_exceeded"),
    { code: "input_too_large", ...job, adapterCode: "context_exceeded" },
  ],
  ["too many bytes", refuse(413, "too large"), { code: "input_too_large", ...job }],
  [
    "a text-only model",
    refuse(500, "image input is not supported - hint: you may need to provide the mmproj"),
    { code: "model_unsuitable", ...config, adapterCode: "images_unsupported" },
  ],
  [
    "a broken picture",
    refuse(400, "Failed to load image or audio file"),
    { code: "input_corrupt", ...job, adapterCode: "image_refused" },
  ],
  [
    "a schema that cannot be held",
    refuse(400, "JSON schema conversion failed: Unrecognized schema"),
    { code: "config_invalid", ...config, adapterCode: "schema_refused" },
  ],
  [
    "a refused option",
    refuse(400, "Unsupported parameter: 'max_tokens'", "unsupported_parameter"),
    { code: "config_invalid", ...config, adapterCode: "option_refused" },
  ],
  [
    "a filtered prompt",
    refuse(400, "The response was filtered", "content_filter"),
    { code: "input_unsupported", ...job, adapterCode: "content_refused" },
  ],
  [
    "no memory",
    refuse(500, "CUDA out of memory"),
    { code: "backend_failed", scope: "model", retryable: true, adapterCode: "out_of_memory" },
  ],
  [
    "a dead engine",
    refuse(500, "EngineDeadError"),
    { code: "backend_failed", scope: "model", retryable: true, adapterCode: "engine_dead" },
  ],
  ["a dead gateway", refuse(502, "Bad Gateway"), { code: "backend_failed", ...outage }],
  ["a slow gateway", refuse(504, "Timeout"), { code: "backend_timeout", ...outage }],
  ["anything of the server's", refuse(500, "oops"), { code: "backend_failed", ...outage }],
  [
    "anything of the request's",
    refuse(400, "oops"),
    { code: "backend_failed", scope: "job", retryable: true, adapterCode: "http_400" },
  ],
];

test.each(table)("knows whose fault it is: %s", async (_, step, expected) => {
  await using subject = await setup({ script: () => step });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject(expected);
});

test("waits as long as a busy server asks, within reason", async () => {
  const waits: unknown[] = [];
  for (const asked of ["7", "999999", "soon"]) {
    await using subject = await setup({
      script: () => ({ kind: "reply", status: 429, body: "", headers: { "retry-after": asked } }),
    });
    const error = await expectModelError(subject.model.generate(request, recordCall()));
    waits.push(error.retryAfterMs);
  }

  expect(waits).toEqual([7_000, 600_000, 5_000]);
});

const apiKey = "sk-nobody-may-see-this";
const options: OpenAiModelOptions = { baseUrl: "http://127.0.0.1:1/v1", model: "tiny", apiKey };

const noisy: readonly (readonly [string, ServerStep])[] = [
  [
    "an echo",
    { kind: "reply", status: 500, contentType: "text/plain", body: `${canary} ${apiKey}` },
  ],
  ["an error", refuse(400, `${canary} ${apiKey}`)],
  ["half JSON", { kind: "reply", status: 400, body: `{"error":"${canary}` }],
  [
    "a web page",
    { kind: "reply", status: 200, contentType: "text/html", body: `<p>${canary}</p>` },
  ],
  ["an unreadable event", { kind: "events", events: [`data: ${canary}\n\n`], end: "close" }],
  [
    "an error event",
    { kind: "events", events: [toData({ error: { message: canary } })], end: "close" },
  ],
  ["a cut answer", { kind: "events", events: [toEvent({ content: canary })], end: "drop" }],
];

test.each(noisy)("prints nothing and quotes nobody: %s", async (_, step) => {
  await using subject = await setup({ script: () => step, model: { apiKey } });
  const printed: unknown[] = [];
  const note = (...args: readonly unknown[]): boolean => printed.push(args) > 0;
  spies.push(
    ...(["debug", "error", "info", "log", "trace", "warn"] as const).map((method) =>
      spyOn(console, method).mockImplementation(note),
    ),
    spyOn(process.stdout, "write").mockImplementation(note),
    spyOn(process.stderr, "write").mockImplementation(note),
  );

  const error = await expectModelError(subject.model.generate(request, recordCall()));
  const health = await subject.model.probe?.(new AbortController().signal);

  const shown = `${inspect(error, { depth: 9 })} ${JSON.stringify(health)} ${error.stack ?? ""}`;
  expect(printed).toEqual([]);
  expect(shown).not.toContain(canary);
  expect(shown).not.toContain(apiKey);
});

test("shows its key to nobody who looks at the model", () => {
  const model = createOpenAiModel(options);

  expect(`${inspect(model, { depth: 9 })} ${JSON.stringify(model)}`).not.toContain(apiKey);
});

test("reports every problem of its options at once, without the values", () => {
  const wrong = {
    baseUrl: "https://user:secret@evil.example/v1",
    model: "a model",
    apiKey: "secret\n",
    profile: { temperature: 9 },
    limits: { idleMs: -1, loadMs: 1 },
    structuredOutput: "prompt",
  } as unknown as OpenAiModelOptions;

  const create = (): unknown => createOpenAiModel(wrong);

  for (const path of [
    "baseUrl",
    "model",
    "apiKey",
    "temperature",
    "idleMs",
    "loadMs",
    "structured",
  ]) {
    expect(create).toThrow(path);
  }
  expect(create).toThrow(expect.objectContaining({ code: "config_invalid", scope: "config" }));
  expect(create).not.toThrow("secret");
});

test("sends learners' work to private addresses and named origins only, keys beyond them by https", () => {
  const allowOrigins = ["http://models.example.org", "https://models.example.org"];
  const create = (baseUrl: string, origins: readonly string[] = []) =>
    createOpenAiModel({ ...options, baseUrl, allowOrigins: origins }).capabilities.local;

  expect(create("http://vllm:8000/v1")).toBe(true);
  expect(() => create("https://models.example.org/v1")).toThrow(/neither this machine/);
  expect(create("https://models.example.org/v1", allowOrigins)).toBe(false);
  expect(() => create("http://models.example.org/v1", allowOrigins)).toThrow(/apiKey.*https/);
});

test("asks the server's list whether it has the model, and whether it reads pictures", async () => {
  const list = (capabilities: readonly string[]) => ({
    object: "list",
    data: [{ id: "tiny" }],
    models: [{ name: "tiny", capabilities }],
  });
  await using other = await setup({ models: { data: [{ id: "other" }] } });
  await using words = await setup({
    models: list(["completion"]),
    model: { imagesExpected: true },
  });
  await using seeing = await setup({
    models: list(["completion", "multimodal"]),
    model: { imagesExpected: true },
  });
  await using without = await setup({
    script: ({ kind }) => (kind === "models" ? refuse(404, "Not Found") : undefined),
  });
  const prepare = async ({ model }: typeof other): Promise<unknown> =>
    model.prepare?.(recordCall()).then(
      () => "ready",
      (error: unknown) => (error as { adapterCode: string }).adapterCode,
    );

  expect(await prepare(other)).toBe("model_missing");
  expect(await prepare(words)).toBe("images_unsupported");
  expect(await prepare(seeing)).toBe("ready");
  expect(await prepare(without)).toBe("ready");
  const { signal } = new AbortController();
  expect(await other.model.probe?.(signal)).toMatchObject({ status: "failed" });
  expect(await seeing.model.probe?.(signal)).toEqual({ status: "ok" });
});

test("carries the version of its package", async () => {
  const { version } = (await import("../package.json")) as { readonly version: string };

  expect(createOpenAiModel(options).version).toBe(version);
});
