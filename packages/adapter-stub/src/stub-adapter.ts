import type { AdapterV1 } from "@leasehold/core";
import {
  createSubmissionAdapter,
  type MediaPreparer,
  type Storage,
  type SubmissionAdapterOptions,
} from "@leasehold/learning";

import { createStubModel, type StubModelOptions } from "./stub-model.ts";

export interface StubAdapterOptions extends StubModelOptions {
  readonly storage: Storage;
  readonly media: MediaPreparer;
}

/** The adapter of the submission pipeline in which one stub reads pages and assesses texts. */
export function createStubAdapter({ storage, media, ...options }: StubAdapterOptions): AdapterV1 {
  const model = createStubModel(options);
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
