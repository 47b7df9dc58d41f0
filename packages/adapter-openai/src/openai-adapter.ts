import type { AdapterV1 } from "@leasehold/core";
import {
  createSubmissionAdapter,
  type MediaPreparer,
  type Storage,
  toSubmissionError,
} from "@leasehold/learning";
import type { ModelV1 } from "@leasehold/model";

import { createOpenAiModel, openAiAdapterVersion } from "./openai-model.ts";
import type { OpenAiModelOptions } from "./options.ts";

export interface OpenAiAdapterOptions extends Omit<
  OpenAiModelOptions,
  "model" | "profile" | "imagesExpected" | "name"
> {
  /** Reads pages; must take images. */
  readonly visionModel: string;
  /** Assesses texts. */
  readonly feedbackModel: string;
  readonly storage: Storage;
  readonly media: MediaPreparer;
  /** Seconds of one model call, warm-up excluded. Default: 300. */
  readonly visionTimeoutSeconds?: number;
  /** Seconds of one model call, warm-up excluded. Default: 300. */
  readonly feedbackTimeoutSeconds?: number;
}

/**
 * The adapter of the submission pipeline in which two models of one OpenAI-style server read pages and assess texts.
 *
 * Throws `config_invalid` with every problem of the options.
 */
export function createOpenAiAdapter(options: OpenAiAdapterOptions): AdapterV1 {
  const { visionModel, feedbackModel, storage, media, ...rest } = options;
  const { visionTimeoutSeconds, feedbackTimeoutSeconds, ...connection } = rest;
  return createSubmissionAdapter({
    name: "openai",
    version: openAiAdapterVersion,
    vision: openModel({ ...connection, model: visionModel, imagesExpected: true }),
    feedback: openModel({ ...connection, model: feedbackModel }),
    storage,
    media,
    ...(visionTimeoutSeconds === undefined ? {} : { visionTimeoutSeconds }),
    ...(feedbackTimeoutSeconds === undefined ? {} : { feedbackTimeoutSeconds }),
  });
}

function openModel(options: OpenAiModelOptions): ModelV1 {
  try {
    return createOpenAiModel(options);
  } catch (error) {
    throw toSubmissionError(error);
  }
}
