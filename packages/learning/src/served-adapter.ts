import type { AdapterV1 } from "@leasehold/core";
import type { ModelV1 } from "@leasehold/model";

import { toSubmissionError } from "./model-errors.ts";
import { createSubmissionAdapter, type SubmissionAdapterOptions } from "./submission-adapter.ts";

/** What an adapter needs to know beside how its server is reached. */
export interface ServedAdapterOptions extends Omit<
  SubmissionAdapterOptions,
  "name" | "version" | "vision" | "feedback"
> {
  /** Reads pages; must take images. */
  readonly visionModel: string;
  /** Assesses texts. */
  readonly feedbackModel: string;
}

/** A server that has models by their names. */
export interface ModelServer<Connection> {
  /** Of the adapter, as its version is. */
  readonly name: string;
  readonly version: string;
  /** Throws when its options do not fit. */
  open(options: Connection & { readonly model: string; readonly imagesExpected: boolean }): ModelV1;
}

/**
 * The adapter of the submission pipeline in which two models of one server read pages and assess texts. What `options`
 * say beside {@link ServedAdapterOptions} is the connection, and goes to the server's `open`.
 *
 * Throws `config_invalid` with every problem of a model's options.
 */
export function createServedAdapter<Options extends ServedAdapterOptions>(
  server: ModelServer<Omit<Options, keyof ServedAdapterOptions>>,
  options: Options,
): AdapterV1 {
  const {
    visionModel,
    feedbackModel,
    storage,
    media,
    visionTimeoutSeconds,
    feedbackTimeoutSeconds,
    feedbackFallbacks,
    memory,
    ...connection
  } = options;
  const open = (model: string, imagesExpected: boolean): ModelV1 => {
    try {
      return server.open({ ...connection, model, imagesExpected });
    } catch (error) {
      throw toSubmissionError(error);
    }
  };
  return createSubmissionAdapter({
    name: server.name,
    version: server.version,
    vision: open(visionModel, true),
    feedback: open(feedbackModel, false),
    storage,
    media,
    ...(visionTimeoutSeconds === undefined ? {} : { visionTimeoutSeconds }),
    ...(feedbackTimeoutSeconds === undefined ? {} : { feedbackTimeoutSeconds }),
    ...(feedbackFallbacks === undefined ? {} : { feedbackFallbacks }),
    ...(memory === undefined ? {} : { memory }),
  });
}
