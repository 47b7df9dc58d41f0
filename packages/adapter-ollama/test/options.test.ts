import { expect, test } from "bun:test";

import { ModelError } from "@leasehold/model";

import packageJson from "../package.json" with { type: "json" };
import {
  createOllamaModel,
  ollamaAdapterVersion,
  type OllamaModelOptions,
  ollamaTextProfile,
  ollamaVisionProfile,
} from "../src/index.ts";

const options: OllamaModelOptions = { baseUrl: "http://127.0.0.1:11434", model: "qwen3:8b" };

test("says what it is and what it can do", () => {
  const model = createOllamaModel(options);

  expect(model).toMatchObject({
    specVersion: "v1",
    name: "ollama",
    resource: "127.0.0.1:11434/qwen3:8b",
    concurrency: 1,
    capabilities: {
      images: false,
      structuredOutput: "grammar",
      deterministic: false,
      local: true,
    },
  });
  expect(Object.isFrozen(model)).toBe(true);
  expect(Object.isFrozen(model.capabilities)).toBe(true);
});

test("says how many jobs it may have at once, as its host does", () => {
  const model = createOllamaModel({ ...options, concurrency: 3 });

  expect(model.concurrency).toBe(3);
  expect(() => createOllamaModel({ ...options, concurrency: 0 })).toThrow("concurrency");
});

test("carries the version of its package", () => {
  expect(ollamaAdapterVersion).toBe(packageJson.version);
});

test("keeps its profiles from being changed", () => {
  expect(Object.isFrozen(ollamaTextProfile)).toBe(true);
  expect(Object.isFrozen(ollamaVisionProfile)).toBe(true);
});

test("does not look at its options again", () => {
  const profile = { numCtx: 6144 };
  const changing = { ...options, profile };
  const model = createOllamaModel(changing);

  changing.baseUrl = "http://10.0.0.1";

  expect(model.resource).toBe("127.0.0.1:11434/qwen3:8b");
});

test("reports every problem at once, without the values", () => {
  const wrong = {
    baseUrl: "http://user:secret@evil.example",
    model: "../secret",
    name: "Not A Name",
    profil: {},
    profile: { numCtx: "secret", keepAlive: 0, think: true, num_ctx: 1 },
    limits: { idleMs: -1 },
    fetch: "secret",
  } as unknown as OllamaModelOptions;

  const create = (): unknown => createOllamaModel(wrong);

  expect(create).toThrow(ModelError);
  expect(create).toThrow(expect.objectContaining({ code: "config_invalid", retryable: false }));
  for (const path of [
    "baseUrl",
    "model",
    "name",
    '"profil"',
    "profile.numCtx",
    "profile.keepAlive",
    "profile.think",
    '"num_ctx"',
    "limits.idleMs",
    "fetch",
  ]) {
    expect(create).toThrow(path);
  }
  expect(create).not.toThrow("secret");
});

test("reports what is missing", () => {
  const create = (): unknown => createOllamaModel({} as OllamaModelOptions);

  expect(create).toThrow(/baseUrl.*model/);
});

test("refuses a profile whose answer leaves no room for a prompt", () => {
  const create = (): unknown =>
    createOllamaModel({ ...options, profile: { numCtx: 2048, numPredict: 2048 } });

  expect(create).toThrow("profile.numPredict: must be below numCtx");
});

test.each(["0", "0s", "10", "10 m", "ten minutes", ""])(
  "refuses to keep a model for %j",
  (text) => {
    expect(() => createOllamaModel({ ...options, profile: { keepAlive: text } })).toThrow(
      "keepAlive",
    );
  },
);

test.each(["10m", "-1s", "24h", 60, -1])("keeps a model for %j", (keepAlive) => {
  expect(() => createOllamaModel({ ...options, profile: { keepAlive } })).not.toThrow();
});

test.each(["gpt-oss:120b-cloud", "glm-5:cloud", "deepseek:CLOUD"])(
  "refuses %s, which runs in Ollama's cloud, unless the cloud is allowed",
  (model) => {
    expect(() => createOllamaModel({ ...options, model })).toThrow(/model: .*cloud/);

    const allowed = createOllamaModel({
      ...options,
      model,
      allowOrigins: ["https://ollama.com"],
    });
    expect(allowed.capabilities.local).toBe(false);
  },
);

test("is not local on a public origin that is allowed", () => {
  const model = createOllamaModel({
    baseUrl: "https://ollama.example.org",
    model: "tiny",
    allowOrigins: ["https://ollama.example.org"],
  });

  expect(model.capabilities.local).toBe(false);
});
