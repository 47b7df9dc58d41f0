import { ModelError, type ModelErrorCode, type ModelErrorScope } from "@leasehold/model";

/** What a server said when it did not answer: a status, or an error line under status 200. */
export interface BackendReply {
  /** `host:port/model`: who said it. */
  readonly resource: string;
  /** Absent for an error line. */
  readonly status?: number;
  /** What it said. Only ever matched against known words: it may quote a learner. */
  readonly text: string;
  /** From the header `retry-after`. */
  readonly retryAfterMs?: number;
}

/**
 * Finds what a reply means.
 *
 * Ollama's status alone says little: a bad option and a dead runner are both 500, a long prompt and a broken picture
 * both 400. So words decide first, the status where no words are known.
 */
export function toBackendError(reply: BackendReply): ModelError {
  const text = reply.text.slice(0, textCharactersMax).toLowerCase();
  const meaning =
    meanings.find((known) => known.when(reply.status ?? 0, text)) ??
    (reply.status === undefined ? errorLine : unknownStatus(reply.status));
  return toError(reply.resource, meaning, reply.retryAfterMs);
}

/** The server answers, but does not have the model. */
export function toModelMissingError(resource: string): ModelError {
  return toError(resource, modelMissing);
}

function toError(resource: string, meaning: Meaning, askedMs?: number): ModelError {
  const retryAfterMs = askedMs ?? meaning.retryAfterMs;
  return new ModelError(meaning.code, `Ollama (${resource}): ${meaning.sentence}`, {
    scope: meaning.scope,
    retryable: meaning.retryable,
    adapterCode: meaning.adapterCode,
    ...(meaning.retryable && retryAfterMs !== undefined ? { retryAfterMs } : {}),
  });
}

/** Characters of a reply that are looked at. Known words stand at its beginning. */
const textCharactersMax = 4096;

interface Meaning {
  readonly code: ModelErrorCode;
  readonly scope: ModelErrorScope;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly adapterCode: string;
  readonly sentence: string;
}

interface KnownMeaning extends Meaning {
  /** `status` is 0 for an error line; `text` is in lower case. */
  when(status: number, text: string): boolean;
}

const job = { scope: "job", retryable: false } as const;
const config = { scope: "config", retryable: false } as const;
const model = { scope: "model", retryable: true } as const;
const backend = { scope: "backend", retryable: true } as const;

const modelMissing: Meaning = {
  ...config,
  code: "model_missing",
  adapterCode: "model_missing",
  sentence: "the server does not have this model; pull it there, or name another.",
};

/** In order: the first that fits counts. */
const meanings: readonly KnownMeaning[] = [
  {
    when: (_, text) =>
      /exceed_context_size|exceeds the available context|longer than the context/.test(text),
    ...job,
    code: "input_too_large",
    adapterCode: "context_exceeded",
    sentence:
      "prompt and answer do not fit the model's window; a profile with a larger numCtx may.",
  },
  {
    when: (status, text) =>
      /maximum pending requests|server overloaded/.test(text) || status === 503,
    ...backend,
    code: "backend_busy",
    retryAfterMs: 5_000,
    adapterCode: "queue_full",
    sentence: "the server is busy.",
  },
  {
    when: (status) => status === 429,
    ...backend,
    code: "backend_busy",
    retryAfterMs: 5_000,
    adapterCode: "rate_limited",
    sentence: "the server asks for fewer requests.",
  },
  {
    // Before the crash: a runner that died of it says both.
    when: (_, text) =>
      /out of (device )?memory|(cuda|hip)malloc failed|failed to allocate|allocation failed|(not enough|insufficient) memory|out_of_device_memory|unable to load full model/.test(
        text,
      ),
    ...model,
    code: "backend_failed",
    retryAfterMs: 30_000,
    adapterCode: "out_of_memory",
    sentence: "the memory of the server does not suffice for the model.",
  },
  {
    when: (_, text) => text.includes("timed out waiting for llama"),
    ...model,
    code: "backend_timeout",
    adapterCode: "load_stalled",
    sentence: "the server gave up loading the model.",
  },
  {
    when: (_, text) =>
      /runner has unexpectedly stopped|process has terminated|encountered while running the model/.test(
        text,
      ),
    ...model,
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
    ...config,
    code: "model_unsuitable",
    adapterCode: "images_unsupported",
    sentence: "the model does not read pictures; name one that does.",
  },
  {
    when: (_, text) => /does not support (thinking|chat|generate|tools|completion)/.test(text),
    ...config,
    code: "model_unsuitable",
    adapterCode: "capability_missing",
    sentence: "the model cannot do what it is asked for; name another.",
  },
  {
    when: (_, text) =>
      /illegal base64|failed to (load|process|decode) image|image: unknown format/.test(text),
    ...job,
    code: "input_corrupt",
    adapterCode: "image_refused",
    sentence: "the server cannot read a picture of this request.",
  },
  {
    when: (_, text) =>
      /invalid format:|json.schema conversion failed|failed to parse grammar/.test(text),
    ...config,
    code: "config_invalid",
    adapterCode: "schema_refused",
    sentence: "the server refuses the schema of the answer.",
  },
  {
    when: (_, text) => /option .{1,200} must be of type/.test(text),
    ...config,
    code: "config_invalid",
    adapterCode: "option_refused",
    sentence: "the server refuses an option of the profile.",
  },
  {
    when: (status) => status === 401 || status === 403,
    ...config,
    code: "config_invalid",
    adapterCode: "access_refused",
    sentence:
      "the server refuses access; a proxy before it must pass on a host name that it knows.",
  },
  {
    when: (status) => status === 404 || status === 405,
    ...config,
    code: "config_invalid",
    adapterCode: "route_missing",
    sentence: "there is no Ollama under this address, or a very old one.",
  },
  {
    when: (status) => status >= 300 && status < 400,
    ...config,
    code: "config_invalid",
    adapterCode: "redirected",
    sentence:
      "the address points elsewhere, and redirects are not followed; name the final address.",
  },
  {
    when: (status) => status === 413,
    ...job,
    code: "input_too_large",
    adapterCode: "request_too_large",
    sentence: "the request is larger than the server takes.",
  },
  {
    when: (status) => status === 408 || status === 504,
    ...backend,
    code: "backend_timeout",
    adapterCode: "gateway_timeout",
    sentence: "a gateway gave up waiting for the server.",
  },
  {
    when: (status) => status === 502,
    ...backend,
    code: "backend_failed",
    adapterCode: "bad_gateway",
    sentence: "a gateway does not reach the server.",
  },
];

const errorLine: Meaning = {
  ...backend,
  code: "backend_failed",
  adapterCode: "error_line",
  sentence: "the server broke off its answer with an error.",
};

function unknownStatus(status: number): Meaning {
  const adapterCode = `http_${status}`;
  if (status >= 500) {
    return {
      ...backend,
      code: "backend_failed",
      adapterCode,
      sentence: `the server failed with status ${status}.`,
    };
  }
  // Nobody knows whose fault this is. Charged to the job it costs one job a few attempts; as a fault of the
  // configuration, one odd job would pause the model for everybody.
  return {
    scope: "job",
    retryable: true,
    code: "backend_failed",
    adapterCode,
    sentence: `the server refused the request with status ${status}.`,
  };
}
