import {
  createOllamaModel,
  findOllamaProfile,
  ollamaAdapterVersion,
} from "@leasehold/adapter-ollama";
import { createOpenAiModel, openAiAdapterVersion } from "@leasehold/adapter-openai";
import { createStubModel, type StubModelOptions } from "@leasehold/adapter-stub";
import type { AdapterV1 } from "@leasehold/core";
import {
  createFolderStorage,
  createMediaPreparer,
  createSubmissionAdapter,
  toSubmissionError,
} from "@leasehold/learning";
import type { ModelV1 } from "@leasehold/model";

import type { BackendConfig } from "./config.ts";

/** The adapter that the configuration asks for, and what it needs closed. */
export interface Backend extends AsyncDisposable {
  readonly adapter: AdapterV1;
  /** For people: what answers, and with which models. */
  readonly description: string;
}

/** `watch` is given each model once, with its name, and answers the same model, watched. */
export function openBackend(
  config: BackendConfig,
  storageRoot: string,
  watch: (model: ModelV1, name: string) => ModelV1,
): Backend {
  const storage = createFolderStorage({ root: storageRoot });
  const media = createMediaPreparer(
    config.kind === "local"
      ? { longSidePixels: findOllamaProfile(config.visionModel, "vision").imageSide }
      : {},
  );
  const { name, version, vision, feedback } = openModels(config);
  const reader = config.kind === "stub" ? "stub" : config.visionModel;
  const assessor = config.kind === "stub" ? "stub" : config.feedbackModel;
  const watched = watch(vision, reader);
  const adapter = createSubmissionAdapter({
    name,
    version,
    vision: watched,
    feedback: feedback === vision ? watched : watch(feedback, assessor),
    storage,
    media,
    ...timeoutsOf(config),
  });
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

/** Which model reads pages and which assesses texts. */
interface Models {
  readonly name: string;
  readonly version: string;
  readonly vision: ModelV1;
  readonly feedback: ModelV1;
}

function openModels(config: BackendConfig): Models {
  try {
    return config.kind === "stub" ? openStub(config) : openServed(config);
  } catch (error) {
    throw toSubmissionError(error);
  }
}

function openStub(config: Extract<BackendConfig, { kind: "stub" }>): Models {
  const model = createStubModel(stubOptions(config));
  return { name: "stub", version: model.version, vision: model, feedback: model };
}

function openServed(config: Exclude<BackendConfig, { kind: "stub" }>): Models {
  const { allowOrigins } = config;
  const reads = { model: config.visionModel, imagesExpected: true, allowOrigins };
  const assesses = { model: config.feedbackModel, allowOrigins };
  if (config.kind === "local") {
    const { baseUrl } = config;
    return {
      name: "ollama",
      version: ollamaAdapterVersion,
      vision: createOllamaModel({ ...reads, baseUrl }),
      feedback: createOllamaModel({ ...assesses, baseUrl }),
    };
  }
  const { baseUrl, apiKey } = config;
  const server = { baseUrl, ...(apiKey === undefined ? {} : { apiKey }) };
  return {
    name: "openai",
    version: openAiAdapterVersion,
    vision: createOpenAiModel({ ...reads, ...server }),
    feedback: createOpenAiModel({ ...assesses, ...server }),
  };
}

function timeoutsOf(
  config: BackendConfig,
): Partial<Record<"visionTimeoutSeconds" | "feedbackTimeoutSeconds", number>> {
  if (config.kind === "stub") return {};
  const { visionTimeoutSeconds, feedbackTimeoutSeconds } = config;
  return { visionTimeoutSeconds, feedbackTimeoutSeconds };
}

function stubOptions(config: Extract<BackendConfig, { kind: "stub" }>): StubModelOptions {
  return {
    markers: config.markers,
    ...(config.script === undefined ? {} : { script: config.script }),
    // Acting out a crash means that the process is gone, without a word.
    crash: () => void process.kill(process.pid, "SIGKILL"),
  };
}
