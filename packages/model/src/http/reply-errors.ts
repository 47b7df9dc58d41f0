import { ModelError, type ModelErrorCode, type ModelErrorScope } from "../model.ts";

/** What a server said when it did not answer: a status, or an error inside a stream under status 200. */
export interface BackendReply {
  /** `host:port/model`: who said it. */
  readonly resource: string;
  /** Absent for an error inside a stream. */
  readonly status?: number;
  /** What it said. Only ever matched against known words: it may quote a learner. */
  readonly text: string;
  /** From the header `retry-after`. */
  readonly retryAfterMs?: number;
}

/** What a reply means, in our own words. */
export interface ReplyMeaning {
  readonly code: ModelErrorCode;
  readonly scope: ModelErrorScope;
  readonly retryable: boolean;
  /** Used when the server names no time. */
  readonly retryAfterMs?: number;
  readonly adapterCode: string;
  readonly sentence: string;
}

/** A meaning and how it is recognised. */
export interface KnownMeaning extends ReplyMeaning {
  /** `status` is 0 for an error inside a stream; `text` is in lower case. */
  when(status: number, text: string): boolean;
}

/** Turns a reply into an error, by a table in order: the first meaning that fits counts. */
export function toReplyError(
  backend: string,
  reply: BackendReply,
  meanings: readonly KnownMeaning[],
): ModelError {
  const text = reply.text.slice(0, textCharactersMax).toLowerCase();
  const meaning =
    meanings.find((known) => known.when(reply.status ?? 0, text)) ??
    (reply.status === undefined ? errorLine : unknownStatus(reply.status));
  return toMeaningError(`${backend} (${reply.resource})`, meaning, reply.retryAfterMs);
}

/** The error of a meaning. `retryAfterMs` is what the server asked for. */
export function toMeaningError(where: string, meaning: ReplyMeaning, askedMs?: number): ModelError {
  const retryAfterMs = askedMs ?? meaning.retryAfterMs;
  return new ModelError(meaning.code, `${where}: ${meaning.sentence}`, {
    scope: meaning.scope,
    retryable: meaning.retryable,
    adapterCode: meaning.adapterCode,
    ...(meaning.retryable && retryAfterMs !== undefined ? { retryAfterMs } : {}),
  });
}

/** Characters of a reply that are looked at. Known words stand at its beginning. */
const textCharactersMax = 4096;

/** Whose fault a reply is, and whether the same request may be answered later. */
export const blame: {
  readonly job: Blame<"job", false>;
  readonly config: Blame<"config", false>;
  readonly model: Blame<"model", true>;
  readonly backend: Blame<"backend", true>;
} = {
  job: { scope: "job", retryable: false },
  config: { scope: "config", retryable: false },
  model: { scope: "model", retryable: true },
  backend: { scope: "backend", retryable: true },
};

interface Blame<Scope extends ModelErrorScope, Retryable extends boolean> {
  readonly scope: Scope;
  readonly retryable: Retryable;
}

/** A server with too much to do, by its status alone. */
export const busyMeanings: readonly KnownMeaning[] = [
  {
    when: (status) => status === 503,
    ...blame.backend,
    code: "backend_busy",
    retryAfterMs: 5_000,
    adapterCode: "queue_full",
    sentence: "the server is busy.",
  },
  {
    when: (status) => status === 429,
    ...blame.backend,
    code: "backend_busy",
    retryAfterMs: 5_000,
    adapterCode: "rate_limited",
    sentence: "the server asks for fewer requests.",
  },
];

/** What any HTTP server or gateway says, by its status alone. Words known better come before. */
export const gatewayMeanings: readonly KnownMeaning[] = [
  {
    when: (status) => status >= 300 && status < 400,
    scope: "config",
    retryable: false,
    code: "config_invalid",
    adapterCode: "redirected",
    sentence:
      "the address points elsewhere, and redirects are not followed; name the final address.",
  },
  {
    when: (status) => status === 413,
    scope: "job",
    retryable: false,
    code: "input_too_large",
    adapterCode: "request_too_large",
    sentence: "the request is larger than the server takes.",
  },
  {
    when: (status) => status === 408 || status === 504,
    ...blame.backend,
    code: "backend_timeout",
    adapterCode: "gateway_timeout",
    sentence: "a gateway gave up waiting for the server.",
  },
  {
    when: (status) => status === 502,
    ...blame.backend,
    code: "backend_failed",
    adapterCode: "bad_gateway",
    sentence: "a gateway does not reach the server.",
  },
];

const errorLine: ReplyMeaning = {
  ...blame.backend,
  code: "backend_failed",
  adapterCode: "error_line",
  sentence: "the server broke off its answer with an error.",
};

function unknownStatus(status: number): ReplyMeaning {
  const adapterCode = `http_${status}`;
  if (status >= 500) {
    return {
      ...blame.backend,
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
