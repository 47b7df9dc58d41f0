import type { ModelError } from "@leasehold/model";
import {
  type BackendReply,
  blame,
  busyMeanings,
  gatewayMeanings,
  type KnownMeaning,
  type ReplyMeaning,
  toMeaningError,
  toReplyError,
} from "@leasehold/model/http";

/**
 * Finds what a reply means.
 *
 * Many servers speak this dialect and each has words of its own, while the statuses mean much the same everywhere, but
 * for 400 and 500. So words decide where some are known, and the status where not.
 */
export function toBackendError(reply: BackendReply): ModelError {
  return toReplyError("OpenAI-style server", reply, meanings);
}

/** The server answers, but does not list the model. */
export function toModelMissingError(resource: string): ModelError {
  return toMeaningError(`OpenAI-style server (${resource})`, modelMissing);
}

/** The server says that the model reads no pictures. */
export function toImagesUnsupportedError(resource: string): ModelError {
  return toMeaningError(`OpenAI-style server (${resource})`, imagesUnsupported);
}

const modelMissing: ReplyMeaning = {
  ...blame.config,
  code: "model_missing",
  adapterCode: "model_missing",
  sentence: "the server does not have this model; load it there, or name one that it lists.",
};

const imagesUnsupported: ReplyMeaning = {
  ...blame.config,
  code: "model_unsuitable",
  adapterCode: "images_unsupported",
  sentence: "the model does not read pictures; name one that does.",
};

/** In order: the first that fits counts. */
const meanings: readonly KnownMeaning[] = [
  {
    when: (_, text) =>
      /context_length_exceeded|exceed_context_size|exceeds? the (available|model'?s?) (maximum )?context|maximum context length|longer than the (maximum )?(model|context) length|context size has been exceeded|prompt is too long/.test(
        text,
      ),
    ...blame.job,
    code: "input_too_large",
    adapterCode: "context_exceeded",
    sentence: "prompt and answer do not fit the model's window.",
  },
  {
    // The same status as "too many requests", but no waiting helps.
    when: (_, text) => /insufficient_quota|billing_hard_limit|budget has been exceeded/.test(text),
    ...blame.config,
    code: "config_invalid",
    adapterCode: "quota_exhausted",
    sentence: "the account's quota is used up; somebody must raise it.",
  },
  {
    when: (status, text) =>
      (status === 500 || status === 0) &&
      /out of (device )?memory|(cuda|hip)malloc failed|failed to allocate/.test(text),
    ...blame.model,
    code: "backend_failed",
    retryAfterMs: 30_000,
    adapterCode: "out_of_memory",
    sentence: "the memory of the server does not suffice for the model.",
  },
  {
    when: (_, text) => /enginedeaderror|engine (core )?(is dead|encountered an issue)/.test(text),
    ...blame.model,
    code: "backend_failed",
    adapterCode: "engine_dead",
    sentence: "the process that runs the model died.",
  },
  ...busyMeanings,
  {
    // No `\b`: names of models may end in anything.
    when: (_, text) =>
      /model_not_found|model .{1,400} (does not exist|not found)|no models? (is |are )?loaded/.test(
        text,
      ),
    ...modelMissing,
  },
  {
    when: (status, text) =>
      status < 500 &&
      /(content_policy_violation|content_filter|responsibleaipolicyviolation)/.test(text),
    ...blame.job,
    code: "input_unsupported",
    adapterCode: "content_refused",
    sentence: "the server's content filter refuses the request.",
  },
  {
    when: (_, text) =>
      /not (a )?(support )?multimodal|does ?n[o']t support (image|vision|multimodal)|image input is not supported|at most 0 image/.test(
        text,
      ),
    ...imagesUnsupported,
  },
  {
    when: (_, text) =>
      /(failed to|cannot|can't|could not) (load|decode|process|identify|open|parse) (the )?(image|audio)|invalid image|incorrect padding|image: unknown format/.test(
        text,
      ),
    ...blame.job,
    code: "input_corrupt",
    adapterCode: "image_refused",
    sentence: "the server cannot read a picture of this request.",
  },
  {
    when: (_, text) =>
      /json.schema conversion failed|failed to (parse|initialize) (the )?(grammar|samplers)|response_format|invalid schema|json_schema|guided_json|compile grammar|grammar error/.test(
        text,
      ),
    ...blame.config,
    code: "config_invalid",
    adapterCode: "schema_refused",
    sentence: "the server refuses the schema of the answer.",
  },
  {
    when: (status, text) =>
      (status === 400 || status === 422) &&
      /unsupported_(parameter|value)|unrecognized request argument|extra inputs are not permitted|unknown (field|parameter)/.test(
        text,
      ),
    ...blame.config,
    code: "config_invalid",
    adapterCode: "option_refused",
    sentence: "the server refuses an option of the profile.",
  },
  {
    when: (status) => status === 401 || status === 403,
    ...blame.config,
    code: "config_invalid",
    adapterCode: "access_refused",
    sentence: "the server refuses access; check the API key.",
  },
  {
    when: (status) => status === 402,
    ...blame.config,
    code: "config_invalid",
    adapterCode: "quota_exhausted",
    sentence: "the account's quota is used up; somebody must raise it.",
  },
  {
    when: (status) => status === 404 || status === 405,
    ...blame.config,
    code: "config_invalid",
    adapterCode: "route_missing",
    sentence: "there are no chat completions under this address; most end in /v1.",
  },
  ...gatewayMeanings,
];
