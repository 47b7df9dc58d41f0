import type { OllamaModelOptions } from "@leasehold/adapter-ollama";

import type { LocalBackendConfig } from "./config.ts";

/** The models of a configuration as the adapter is given them, each once. */
export function describeModels(backend: LocalBackendConfig): readonly OllamaModelOptions[] {
  const { visionModel, feedbackModel } = backend;
  const vision = describeModel(backend, visionModel);
  return visionModel === feedbackModel ? [vision] : [vision, describeModel(backend, feedbackModel)];
}

/** A model by its name: one that reads pages is run by another profile. */
export function describeModel(
  { baseUrl, allowOrigins, visionModel }: LocalBackendConfig,
  model: string,
): OllamaModelOptions {
  return { baseUrl, allowOrigins, model, imagesExpected: model === visionModel };
}
