import { ModelError, type ModelErrorCode, type ModelErrorScope } from "../model.ts";

/** What ends a call from our side, besides what the server says. */
export type SilenceKind = "catalogue" | "load" | "first_token" | "idle";

const silences: Readonly<Record<SilenceKind, string>> = {
  catalogue: "the server did not say in time what it has.",
  load: "the model was not loaded in time.",
  first_token: "no first token came in time.",
  idle: "the answer stopped coming.",
};

/** How a half or strange answer shows. */
export type StreamFault = "answer_cut" | "answer_too_large" | "answer_unreadable";

/** How an answer without end shows. */
export type RunawayKind = "characters_exceeded" | "deadline_while_decoding" | "frames_exceeded";

/** The errors of a call that do not depend on what the server says. Each names the resource, and quotes nobody. */
export interface CallErrors {
  /** The backend was silent for too long: an outage. */
  readonly toSilenceError: (resource: string, kind: SilenceKind) => ModelError;
  /** The call's own deadline passed. With an answer on its way that is the job's failure, else an outage. */
  readonly toDeadlineError: (resource: string, decoding: boolean) => ModelError;
  /** The model does not come to an end. */
  readonly toRunawayError: (resource: string, kind: RunawayKind) => ModelError;
  /** Somebody wants no answer any more. */
  readonly toAbortedError: (resource: string, reason: unknown) => ModelError;
  /** The server said something that is no answer of its kind, or only half of one. */
  readonly toStreamError: (resource: string, fault: StreamFault) => ModelError;
  /** Turns what the runtime's `fetch` threw into a `ModelError`, without quoting it. */
  readonly toTransportError: (resource: string, thrown: unknown) => ModelError;
}

/** Makes the errors of one kind of backend: `Ollama`. */
export function createCallErrors(backend: string): CallErrors {
  const outage = { scope: "backend", retryable: true } as const;
  const runaway = (resource: string, adapterCode: RunawayKind): ModelError =>
    new ModelError(
      "output_runaway",
      `${backend} (${resource}): the answer did not come to an end.`,
      { scope: "job", retryable: true, adapterCode },
    );
  return Object.freeze({
    toSilenceError: (resource, kind) =>
      new ModelError("backend_timeout", `${backend} (${resource}): ${silences[kind]}`, {
        ...outage,
        adapterCode: `${kind}_timeout`,
      }),
    toDeadlineError: (resource, decoding) =>
      decoding
        ? runaway(resource, "deadline_while_decoding")
        : new ModelError(
            "backend_timeout",
            `${backend} (${resource}): the call's time was over before the first token.`,
            { ...outage, adapterCode: "deadline_before_output" },
          ),
    toRunawayError: runaway,
    toAbortedError: (resource, reason) =>
      new ModelError("aborted", `${backend} (${resource}): the call was aborted.`, {
        ...outage,
        cause: reason,
      }),
    toStreamError: (resource, adapterCode) =>
      new ModelError(
        "backend_failed",
        `${backend} (${resource}): ${streamFaults[adapterCode].replace("{backend}", backend)}`,
        { ...outage, adapterCode },
      ),
    toTransportError: (resource, thrown) =>
      ModelError.is(thrown) ? thrown : toTransportError(`${backend} (${resource})`, thrown),
  } satisfies CallErrors);
}

const streamFaults: Readonly<Record<StreamFault, string>> = {
  answer_cut: "the answer broke off.",
  answer_too_large: "a line of the answer is larger than any answer.",
  answer_unreadable: "the answer is not in {backend}'s form.",
};

function toTransportError(where: string, thrown: unknown): ModelError {
  const code = findCode(thrown);
  const { meaning } = transportMeanings.find(({ when }) => when.test(code)) ?? unreachable;
  return new ModelError(meaning.code, `${where}: ${meaning.sentence}`, {
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
