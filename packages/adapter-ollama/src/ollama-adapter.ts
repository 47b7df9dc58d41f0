import type { AdapterV1 } from "@leasehold/core";
import {
  createSubmissionAdapter,
  type MediaPreparer,
  type Storage,
  toSubmissionError,
} from "@leasehold/learning";
import type { ModelV1 } from "@leasehold/model";

import { createOllamaModel, ollamaAdapterVersion } from "./ollama-model.ts";
import type { OllamaModelOptions } from "./options.ts";

export interface OllamaAdapterOptions extends Omit<
  OllamaModelOptions,
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
 * The adapter of the submission pipeline in which two models of one Ollama read pages and assess texts.
 *
 * Throws `config_invalid` with every problem of the options.
 */
export function createOllamaAdapter(options: OllamaAdapterOptions): AdapterV1 {
  const { visionModel, feedbackModel, storage, media, ...rest } = options;
  const { visionTimeoutSeconds, feedbackTimeoutSeconds, ...connection } = rest;
  return createSubmissionAdapter({
    name: "ollama",
    version: ollamaAdapterVersion,
    vision: openModel({ ...connection, model: visionModel, imagesExpected: true }),
    feedback: openModel({ ...connection, model: feedbackModel }),
    storage,
    media,
    ...(visionTimeoutSeconds === undefined ? {} : { visionTimeoutSeconds }),
    ...(feedbackTimeoutSeconds === undefined ? {} : { feedbackTimeoutSeconds }),
  });
}

function openModel(options: OllamaModelOptions): ModelV1 {
  try {
    return createOllamaModel(options);
  } catch (error) {
    throw toSubmissionError(error);
  }
}
