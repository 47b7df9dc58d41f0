import { expect, test } from "bun:test";

import { inspectOllama, type InspectOllamaOptions, type OllamaFinding } from "../src/index.ts";
import { type ReplayServerOptions, startReplayServer } from "./replay-server.ts";
import { canary, recordCall, setup } from "./setup.ts";

const signal = new AbortController().signal;

/** What is found on a server that has a reader of pages and one of texts. */
async function inspect(
  server: ReplayServerOptions,
  options: Partial<InspectOllamaOptions> & { readonly loads?: { readonly numCtx?: number } } = {},
): Promise<Readonly<Record<string, string>>> {
  await using subject = await setup({
    models: ["reader:2b"],
    version: "0.35.0",
    ...server,
    model: { model: "reader:2b", profile: options.loads ?? {} },
  });
  if (options.loads !== undefined) await subject.model.prepare?.(recordCall());
  const baseUrl = subject.server.url;
  const models = options.models ?? [{ baseUrl, model: "reader:2b", imagesExpected: true }];
  const { gpuExpected = false } = options;
  const given = { models: models.map((model) => ({ ...model, baseUrl })), gpuExpected };
  return summarise(await inspectOllama(given, signal));
}

/** Check by check, with the findings that are not well in their own words. */
function summarise(findings: readonly OllamaFinding[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    findings.map(({ check, status, message }) => [
      check,
      status === "ok" ? "ok" : `${status}: ${message.replaceAll(/127\.0\.0\.1:\d+/g, "host")}`,
    ]),
  );
}

const well = {
  model_server: "ok",
  model_version: "ok",
  model_missing: "ok",
  model_vision: "ok",
  model_context: "ok",
};

test("finds a server on which all is well", async () => {
  expect(await inspect({})).toEqual(well);
  expect(await inspect({ gpuShare: 1 }, { gpuExpected: true, loads: {} })).toEqual({
    ...well,
    model_gpu: "ok",
  });
});

test("finds a server that is away, and asks it no more", async () => {
  const server = await startReplayServer();
  await server.stop();

  const findings = await inspectOllama(
    { models: [{ baseUrl: server.url, model: "tiny" }], gpuExpected: true },
    signal,
  );

  expect(summarise(findings)).toEqual({
    model_server: "fail: Ollama (host): the server cannot be reached.",
  });
});

test.each([
  ["0.30.9", "fail: Ollama on host is 0.30.9: before 0.31.2 answers"],
  ["0.32.0", "warn: Ollama on host is 0.32.0: before 0.32.15 an answer"],
])("finds that %s is too old", async (version, expected) => {
  const findings = await inspect({ version });

  expect(findings).toEqual({ ...well, model_version: expect.stringContaining(expected) });
});

test("finds a model that is missing", async () => {
  const findings = await inspect({}, { models: [{ baseUrl: "", model: "never-pulled:70b" }] });

  expect(findings).toEqual({
    model_server: "ok",
    model_version: "ok",
    model_missing:
      "fail: Ollama (host/never-pulled:70b): the server does not have this model; pull it there, or name another.",
  });
});

test("finds a model that reads no pictures, and one with a smaller window than its profile", async () => {
  const findings = await inspect(
    {},
    { models: [{ baseUrl: "", model: "tiny", imagesExpected: true }] },
  );

  expect(findings).toEqual({
    ...well,
    model_vision: "fail: Ollama (host/tiny): the model does not read pictures; name one that does.",
    model_context: expect.stringContaining(
      "warn: host/tiny has a window of 2048, smaller than the profile's 8192 tokens",
    ),
  });
});

test("finds that another program has the model with a smaller window", async () => {
  const findings = await inspect({}, { loads: { numCtx: 5_000 } });

  expect(findings).toEqual({
    ...well,
    model_context: expect.stringContaining("warn: host/reader:2b is loaded with a window of 5000"),
  });
});

test.each([
  [0, "fail: host/reader:2b runs on the processor, and a GPU is expected"],
  [0.5, "warn: host/reader:2b lies in the GPU's memory by 50"],
])("finds a model of which %p lies on the GPU, where one is expected", async (gpuShare, words) => {
  const findings = await inspect({ gpuShare }, { gpuExpected: true, loads: {} });

  expect(findings).toEqual({ ...well, model_gpu: expect.stringContaining(words) });
});

test("says nothing of a GPU that nobody expects, or of a model that is not loaded", async () => {
  expect(await inspect({}, { loads: {} })).toEqual(well);
  expect(await inspect({}, { gpuExpected: true })).toEqual({ ...well, model_gpu: "ok" });
});

test("repeats no strange words of a server", async () => {
  const findings = await inspect({ version: `<b>${canary}</b>` });

  expect(JSON.stringify(findings)).not.toContain(canary);
});
