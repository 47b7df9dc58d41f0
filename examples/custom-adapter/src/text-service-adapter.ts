import type { AdapterV1 } from "@leasehold/core";
import { createSubmissionAdapter, type MediaPreparer, type Storage } from "@leasehold/learning";

import { createTextServiceModel, type TextServiceOptions } from "./text-service-model.ts";

export interface TextServiceAdapterOptions extends TextServiceOptions {
  readonly storage: Storage;
  readonly media: MediaPreparer;
}

/**
 * The adapter of the submission pipeline in which one text service reads pages and assesses texts.
 *
 * Prompts, checks, pages and evidence are those of the pipeline; what is ours is the model under them.
 */
export function createTextServiceAdapter(options: TextServiceAdapterOptions): AdapterV1 {
  const { storage, media, ...service } = options;
  const model = createTextServiceModel(service);
  return createSubmissionAdapter({
    name: model.name,
    version: model.version,
    vision: model,
    feedback: model,
    storage,
    media,
  });
}
