import type { AdapterV1 } from "@leasehold/core";
import {
  createSubmissionAdapter,
  type MediaPreparer,
  type Storage,
  type SubmissionAdapterOptions,
  toSubmissionError,
} from "@leasehold/learning";
import type { ModelV1 } from "@leasehold/model";

import { createStubModel, type StubModelOptions } from "./stub-model.ts";

export interface StubAdapterOptions extends StubModelOptions {
  readonly storage: Storage;
  readonly media: MediaPreparer;
}

/**
 * The adapter of the submission pipeline in which one stub reads pages and assesses texts.
 *
 * Throws `config_invalid` for a script that says nothing it could act out.
 */
export function createStubAdapter({ storage, media, ...options }: StubAdapterOptions): AdapterV1 {
  const model = openModel(options);
  const submission: SubmissionAdapterOptions = {
    name: "stub",
    version: model.version,
    vision: model,
    feedback: model,
    storage,
    media,
  };
  return createSubmissionAdapter(submission);
}

function openModel(options: StubModelOptions): ModelV1 {
  try {
    return createStubModel(options);
  } catch (error) {
    throw toSubmissionError(error);
  }
}
