import {
  createOllamaAdapter,
  findOllamaProfile,
  type OllamaAdapterOptions,
} from "@leasehold/adapter-ollama";
import { createOpenAiAdapter, type OpenAiAdapterOptions } from "@leasehold/adapter-openai";
import { createStubAdapter, type StubAdapterOptions } from "@leasehold/adapter-stub";
import type { AdapterV1 } from "@leasehold/core";
import { createFolderStorage, createMediaPreparer } from "@leasehold/learning";

import type { BackendConfig } from "./config.ts";

/** The adapter that the configuration asks for, and what it needs closed. */
export interface Backend extends AsyncDisposable {
  readonly adapter: AdapterV1;
  /** For people: what answers, and with which models. */
  readonly description: string;
}

export function openBackend(config: BackendConfig, storageRoot: string): Backend {
  const storage = createFolderStorage({ root: storageRoot });
  const media = createMediaPreparer(
    config.kind === "local"
      ? { longSidePixels: findOllamaProfile(config.visionModel, "vision").imageSide }
      : {},
  );
  const adapter = openAdapter(config, { storage, media });
  return {
    adapter,
    description:
      config.kind === "stub"
        ? "stub: answers are invented, no model judges anything"
        : `${config.kind}: ${config.visionModel} reads, ${config.feedbackModel} assesses`,
    async [Symbol.asyncDispose]() {
      await adapter.close?.();
      await media.close();
    },
  };
}

function openAdapter(
  config: BackendConfig,
  parts: Pick<StubAdapterOptions, "storage" | "media">,
): AdapterV1 {
  if (config.kind === "stub") return createStubAdapter({ ...parts, ...stubOptions(config) });
  return config.kind === "local"
    ? createOllamaAdapter({ ...parts, ...ollamaOptions(config) })
    : createOpenAiAdapter({ ...parts, ...openAiOptions(config) });
}

function stubOptions(
  config: Extract<BackendConfig, { kind: "stub" }>,
): Pick<StubAdapterOptions, "markers" | "script" | "crash"> {
  return {
    markers: config.markers,
    ...(config.script === undefined ? {} : { script: config.script }),
    // Acting out a crash means that the process is gone, without a word.
    crash: () => void process.kill(process.pid, "SIGKILL"),
  };
}

function ollamaOptions({
  kind: _kind,
  gpuExpected: _gpuExpected,
  ...options
}: Extract<BackendConfig, { kind: "local" }>): Omit<OllamaAdapterOptions, "storage" | "media"> {
  return options;
}

function openAiOptions({
  kind: _kind,
  apiKey,
  ...options
}: Extract<BackendConfig, { kind: "openai" }>): Omit<OpenAiAdapterOptions, "storage" | "media"> {
  return { ...options, ...(apiKey === undefined ? {} : { apiKey }) };
}
