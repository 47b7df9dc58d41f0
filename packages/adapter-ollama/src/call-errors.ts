import { ModelError, type ModelErrorCode, type ModelErrorScope } from "@leasehold/model";

/** What ends a call from our side, besides what the server says. */
export type SilenceKind = "catalogue" | "load" | "first_token" | "idle";

const silences: Readonly<Record<SilenceKind, string>> = {
  catalogue: "the server did not say in time what it has.",
  load: "the model was not loaded in time.",
  first_token: "no first token came in time.",
  idle: "the answer stopped coming.",
};

/** The backend was silent for too long: an outage. */
export function toSilenceError(resource: string, kind: SilenceKind): ModelError {
  return new ModelError("backend_timeout", `Ollama (${resource}): ${silences[kind]}`, {
    scope: "backend",
    retryable: true,
    adapterCode: `${kind}_timeout`,
  });
}

/** The call's own deadline passed. With an answer on its way that is the job's failure, else an outage. */
export function toDeadlineError(resource: string, decoding: boolean): ModelError {
  if (decoding) return toRunawayError(resource, "deadline_while_decoding");
  return new ModelError(
    "backend_timeout",
    `Ollama (${resource}): the call's time was over before the first token.`,
    { scope: "backend", retryable: true, adapterCode: "deadline_before_output" },
  );
}

/** The model does not come to an end. */
export function toRunawayError(
  resource: string,
  adapterCode: "characters_exceeded" | "deadline_while_decoding" | "frames_exceeded",
): ModelError {
  return new ModelError(
    "output_runaway",
    `Ollama (${resource}): the answer did not come to an end.`,
    {
      scope: "job",
      retryable: true,
      adapterCode,
    },
  );
}

/** Somebody wants no answer any more. */
export function toAbortedError(resource: string, reason: unknown): ModelError {
  return new ModelError("aborted", `Ollama (${resource}): the call was aborted.`, {
    scope: "backend",
    retryable: true,
    cause: reason,
  });
}

/** The server said something that is no answer of Ollama, or only half of one. */
export function toStreamError(
  resource: string,
  adapterCode: "answer_cut" | "answer_too_large" | "answer_unreadable",
): ModelError {
  return new ModelError("backend_failed", `Ollama (${resource}): ${streamFaults[adapterCode]}`, {
    scope: "backend",
    retryable: true,
    adapterCode,
  });
}

const streamFaults = {
  answer_cut: "the answer broke off.",
  answer_too_large: "a line of the answer is larger than any answer.",
  answer_unreadable: "the answer is not in Ollama's form.",
} as const;

/** Turns what the runtime's `fetch` threw into a `ModelError`, without quoting it. */
export function toTransportError(resource: string, thrown: unknown): ModelError {
  if (ModelError.is(thrown)) return thrown;
  const code = findCode(thrown);
  const { meaning } = transportMeanings.find(({ when }) => when.test(code)) ?? unreachable;
  return new ModelError(meaning.code, `Ollama (${resource}): ${meaning.sentence}`, {
    scope: meaning.scope,
    retryable: meaning.scope === "backend",
    adapterCode: toAdapterCode(code),
    cause: thrown,
  });
}

interface TransportMeaning {
  readonly when: RegExp;
  readonly meaning: {
    readonly code: ModelErrorCode;
    readonly scope: ModelErrorScope;
    readonly sentence: string;
  };
}

const unreachable: TransportMeaning = {
  when: /^/,
  meaning: {
    code: "backend_unreachable",
    scope: "backend",
    sentence: "the server cannot be reached.",
  },
};

const transportMeanings: readonly TransportMeaning[] = [
  {
    when: /timeout/i,
    meaning: {
      code: "backend_timeout",
      scope: "backend",
      sentence: "the connection was silent for too long.",
    },
  },
  {
    when: /cert|self_signed|issuer|tls|ssl/i,
    meaning: {
      code: "config_invalid",
      scope: "config",
      sentence: "the server's certificate is not accepted.",
    },
  },
];

/** The code of a failed connection: Bun puts it on the error, Node on its cause. A time-out may only have a name. */
function findCode(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return "";
  const { code, name, cause } = thrown as { code?: unknown; name?: unknown; cause?: unknown };
  if (typeof code === "string") return code;
  if (name === "TimeoutError") return "timeout";
  return cause === undefined ? "" : findCode(cause);
}

function toAdapterCode(code: string): string {
  const word = code.toLowerCase().replace(/[^a-z0-9_]/g, "_");
  return word === "" ? "connection_failed" : word.slice(0, 64);
}
