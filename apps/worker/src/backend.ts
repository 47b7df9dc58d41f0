import {
  createOllamaModel,
  findOllamaProfile,
  ollamaAdapterVersion,
} from "@leasehold/adapter-ollama";
import { createOpenAiModel, openAiAdapterVersion } from "@leasehold/adapter-openai";
import { createStubModel, type StubModelOptions } from "@leasehold/adapter-stub";
import type { AdapterV1 } from "@leasehold/core";
import {
  type AnswerMemory,
  createFolderStorage,
  createMediaPreparer,
  createServedAdapter,
  type ModelServer,
  type ServedAdapterOptions,
} from "@leasehold/learning";
import type { ModelV1 } from "@leasehold/model";

import type { BackendConfig, WorkerConfig } from "./config.ts";

/** The adapter that the configuration asks for, and what it needs closed. */
export interface Backend extends AsyncDisposable {
  readonly adapter: AdapterV1;
  /** For people: what answers, and with which models. */
  readonly description: string;
}

/** Is given each model once, with its name, and answers the same model, watched. */
type Watch = (model: ModelV1, name: string) => ModelV1;

/** What a backend is put into. */
export interface BackendSurroundings {
  readonly watch: Watch;
  /** Where answers are looked for, if the configuration wants that. */
  readonly memory?: AnswerMemory;
}

export function openBackend(
  {
    backend: config,
    storageRoot,
    feedbackFallbacks,
    recallsAnswers,
  }: Pick<WorkerConfig, "backend" | "storageRoot" | "feedbackFallbacks" | "recallsAnswers">,
  { watch, memory }: BackendSurroundings,
): Backend {
  const storage = createFolderStorage({ root: storageRoot });
  const media = createMediaPreparer(
    config.kind === "local"
      ? { longSidePixels: findOllamaProfile(config.visionModel, "vision").imageSide }
      : {},
  );
  const adapter = createServedAdapter(serverOf(config, watch), {
    ...modelsOf(config),
    storage,
    media,
    ...(feedbackFallbacks === undefined ? {} : { feedbackFallbacks }),
    ...(recallsAnswers && memory !== undefined ? { memory } : {}),
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

function serverOf(config: BackendConfig, watch: Watch): ModelServer<unknown> {
  if (config.kind === "stub") {
    const model = createStubModel(stubOptions(config));
    const watched = watch(model, "stub");
    return { name: "stub", version: model.version, open: () => watched };
  }
  const { allowOrigins } = config;
  if (config.kind === "local") {
    const { baseUrl } = config;
    return {
      name: "ollama",
      version: ollamaAdapterVersion,
      open: (options) =>
        watch(createOllamaModel({ ...options, baseUrl, allowOrigins }), options.model),
    };
  }
  const { baseUrl, apiKey } = config;
  const server = { baseUrl, allowOrigins, ...(apiKey === undefined ? {} : { apiKey }) };
  return {
    name: "openai",
    version: openAiAdapterVersion,
    open: (options) => watch(createOpenAiModel({ ...options, ...server }), options.model),
  };
}

function modelsOf(
  config: BackendConfig,
): Pick<
  ServedAdapterOptions,
  "visionModel" | "feedbackModel" | "visionTimeoutSeconds" | "feedbackTimeoutSeconds"
> {
  if (config.kind === "stub") return { visionModel: "stub", feedbackModel: "stub" };
  const { visionModel, feedbackModel, visionTimeoutSeconds, feedbackTimeoutSeconds } = config;
  return { visionModel, feedbackModel, visionTimeoutSeconds, feedbackTimeoutSeconds };
}

function stubOptions(config: Extract<BackendConfig, { kind: "stub" }>): StubModelOptions {
  return {
    markers: config.markers,
    ...(config.script === undefined ? {} : { script: config.script }),
    // Acting out a crash means that the process is gone, without a word.
    crash: () => void process.kill(process.pid, "SIGKILL"),
  };
}
