import type { AdapterV1 } from "@leasehold/core";
import { createServedAdapter, type ServedAdapterOptions } from "@leasehold/learning";

import { createOllamaModel, ollamaAdapterVersion } from "./ollama-model.ts";
import type { OllamaModelOptions } from "./options.ts";

export interface OllamaAdapterOptions
  extends
    ServedAdapterOptions,
    Omit<OllamaModelOptions, "model" | "profile" | "imagesExpected" | "name"> {}

/**
 * The adapter of the submission pipeline in which two models of one Ollama read pages and assess texts.
 *
 * Throws `config_invalid` with every problem of the options.
 */
export function createOllamaAdapter(options: OllamaAdapterOptions): AdapterV1 {
  return createServedAdapter(
    { name: "ollama", version: ollamaAdapterVersion, open: createOllamaModel },
    options,
  );
}
