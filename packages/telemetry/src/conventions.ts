import type { Attributes } from "@opentelemetry/api";

/**
 * Whose names attributes have: those of OpenTelemetry's conventions for messaging and generative AI, as released with
 * v1.41 or as they stand now, or none but our own, `leasehold.*`, which never change.
 */
export type Semconv = "v1.41" | "latest" | "off";

/** What is done to a job, in the words of the conventions. */
export type MessagingOperation = "enqueue" | "process" | "settle";

/** A job, as its spans tell of it. Ids and words of the program only. */
export interface MessagingFacts {
  readonly operation: MessagingOperation;
  readonly type: string;
  readonly jobId?: string;
  readonly phase?: string;
  readonly attempt?: number;
}

/** A call of a model, as far as it is known. Never content. */
export interface ModelFacts {
  readonly provider: string;
  readonly model: string;
  readonly temperature?: number;
  readonly seed?: number;
  readonly outputTokensMax?: number;
  readonly isJson?: boolean;
  readonly finish?: "stop" | "length";
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly firstTokenSeconds?: number;
}

/** The one place that knows how the conventions name things: they are in development and change. */
export interface Conventions {
  ofJob(facts: MessagingFacts): Attributes;
  ofModel(facts: ModelFacts): Attributes;
}

export function createConventions(semconv: Semconv): Conventions {
  return {
    ofJob: (facts) => ({
      ...(semconv === "off" ? {} : toMessaging(facts)),
      ...defined({
        "leasehold.type": facts.type,
        "leasehold.job.id": facts.jobId,
        "leasehold.phase": facts.phase,
        "leasehold.attempt": facts.attempt,
      }),
    }),
    ofModel: (facts) => ({
      ...(semconv === "off" ? {} : toGenAi(facts)),
      ...(semconv === "latest" ? toLatestGenAi(facts) : {}),
      ...defined({
        "leasehold.model": facts.model,
        "leasehold.tokens.input": facts.inputTokens,
        "leasehold.tokens.output": facts.outputTokens,
        "leasehold.first_token_seconds": facts.firstTokenSeconds,
      }),
    }),
  };
}

const operationTypes = { enqueue: "send", process: "process", settle: "settle" } as const;

function toMessaging({ operation, type, jobId }: MessagingFacts): Attributes {
  return defined({
    "messaging.system": "leasehold",
    "messaging.operation.name": operation,
    "messaging.operation.type": operationTypes[operation],
    "messaging.destination.name": type,
    "messaging.message.id": jobId,
  });
}

function toGenAi(facts: ModelFacts): Attributes {
  return defined({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": facts.provider,
    "gen_ai.request.model": facts.model,
    "gen_ai.request.temperature": facts.temperature,
    "gen_ai.request.seed": facts.seed,
    "gen_ai.request.max_tokens": facts.outputTokensMax,
    "gen_ai.output.type": facts.isJson === undefined ? undefined : facts.isJson ? "json" : "text",
    "gen_ai.response.finish_reasons": facts.finish && [facts.finish],
    "gen_ai.usage.input_tokens": facts.inputTokens,
    "gen_ai.usage.output_tokens": facts.outputTokens,
  });
}

/** What the conventions have learned since v1.41. */
function toLatestGenAi({ firstTokenSeconds }: ModelFacts): Attributes {
  return defined({ "gen_ai.response.time_to_first_chunk": firstTokenSeconds });
}

function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
