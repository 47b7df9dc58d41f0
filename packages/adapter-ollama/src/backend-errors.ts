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
 * Ollama's status alone says little: a bad option and a dead runner are both 500, a long prompt and a broken picture
 * both 400. So words decide first, the status where no words are known.
 */
export function toBackendError(reply: BackendReply): ModelError {
  return toReplyError("Ollama", reply, meanings);
}

/** The server answers, but does not have the model. */
export function toModelMissingError(resource: string): ModelError {
  return toMeaningError(`Ollama (${resource})`, modelMissing);
}

const modelMissing: ReplyMeaning = {
  ...blame.config,
  code: "model_missing",
  adapterCode: "model_missing",
  sentence: "the server does not have this model; pull it there, or name another.",
};

/** In order: the first that fits counts. */
const meanings: readonly KnownMeaning[] = [
  {
    when: (_, text) =>
      /exceed_context_size|exceeds the available context|longer than the context/.test(text),
    ...blame.job,
    code: "input_too_large",
    adapterCode: "context_exceeded",
    sentence:
      "prompt and answer do not fit the model's window; a profile with a larger numCtx may.",
  },
  {
    when: (_, text) => /maximum pending requests|server overloaded/.test(text),
    ...blame.backend,
    code: "backend_busy",
    retryAfterMs: 5_000,
    adapterCode: "queue_full",
    sentence: "the server is busy.",
  },
  ...busyMeanings,
  {
    // Before the crash: a runner that died of it says both.
    when: (_, text) =>
      /out of (device )?memory|(cuda|hip)malloc failed|failed to allocate|allocation failed|(not enough|insufficient) memory|out_of_device_memory|unable to load full model/.test(
        text,
      ),
    ...blame.model,
    code: "backend_failed",
    retryAfterMs: 30_000,
    adapterCode: "out_of_memory",
    sentence: "the memory of the server does not suffice for the model.",
  },
  {
    when: (_, text) => text.includes("timed out waiting for llama"),
    ...blame.model,
    code: "backend_timeout",
    adapterCode: "load_stalled",
    sentence: "the server gave up loading the model.",
  },
  {
    when: (_, text) =>
      /runner has unexpectedly stopped|process has terminated|encountered while running the model/.test(
        text,
      ),
    ...blame.model,
    code: "backend_failed",
    adapterCode: "runner_crashed",
    sentence: "the process that runs the model died.",
  },
  {
    when: (status, text) => status === 404 && /model .{1,400} not found/.test(text),
    ...modelMissing,
  },
  {
    when: (_, text) => /not support multimodal|image input is not supported/.test(text),
    ...blame.config,
    code: "model_unsuitable",
    adapterCode: "images_unsupported",
    sentence: "the model does not read pictures; name one that does.",
  },
  {
    when: (_, text) => /does not support (thinking|chat|generate|tools|completion)/.test(text),
    ...blame.config,
    code: "model_unsuitable",
    adapterCode: "capability_missing",
    sentence: "the model cannot do what it is asked for; name another.",
  },
  {
    when: (_, text) =>
      /illegal base64|failed to (load|process|decode) image|image: unknown format/.test(text),
    ...blame.job,
    code: "input_corrupt",
    adapterCode: "image_refused",
    sentence: "the server cannot read a picture of this request.",
  },
  {
    when: (_, text) =>
      /invalid format:|json.schema conversion failed|failed to parse grammar/.test(text),
    ...blame.config,
    code: "config_invalid",
    adapterCode: "schema_refused",
    sentence: "the server refuses the schema of the answer.",
  },
  {
    when: (_, text) => /option .{1,200} must be of type/.test(text),
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
    sentence:
      "the server refuses access; a proxy before it must pass on a host name that it knows.",
  },
  {
    when: (status) => status === 404 || status === 405,
    ...blame.config,
    code: "config_invalid",
    adapterCode: "route_missing",
    sentence: "there is no Ollama under this address, or a very old one.",
  },
  ...gatewayMeanings,
];
