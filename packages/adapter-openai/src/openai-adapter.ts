import type { AdapterV1 } from "@leasehold/core";
import { createServedAdapter, type ServedAdapterOptions } from "@leasehold/learning";

import { createOpenAiModel, openAiAdapterVersion } from "./openai-model.ts";
import type { OpenAiModelOptions } from "./options.ts";

export interface OpenAiAdapterOptions
  extends
    ServedAdapterOptions,
    Omit<OpenAiModelOptions, "model" | "profile" | "imagesExpected" | "name"> {}

/**
 * The adapter of the submission pipeline in which two models of one OpenAI-style server read pages and assess texts.
 *
 * Throws `config_invalid` with every problem of the options.
 */
export function createOpenAiAdapter(options: OpenAiAdapterOptions): AdapterV1 {
  return createServedAdapter(
    { name: "openai", version: openAiAdapterVersion, open: createOpenAiModel },
    options,
  );
}
