import { ModelError } from "@leasehold/model";
import { z } from "zod";

import { toStreamError } from "./call-errors.ts";
import { withCall } from "./call.ts";
import { readVersion } from "./catalogue.ts";
import type { OllamaConfig } from "./options.ts";

/** What a server says about the inside of a model. */
export interface ModelFacts {
  /** `completion`, `vision` and the like; undefined: the server is too old to say. */
  readonly capabilities: readonly string[] | undefined;
  /** The window that the model was trained with: Ollama gives it no larger one. */
  readonly contextLength: number | undefined;
}

/** What is known of a server for as long as it does not go away. */
export interface ServerFacts {
  readonly version: string | undefined;
  readonly model: ModelFacts | undefined;
}

/** How long the server may take to describe a model. */
const showMs = 10_000;

const showSchema = z.object({
  capabilities: z.array(z.string()).optional(),
  model_info: z.record(z.string(), z.unknown()).nullish(),
});

/** Reads what a model can do. A model that is not there is `model_missing`. */
export async function readModelFacts(
  config: OllamaConfig,
  signals: readonly AbortSignal[],
): Promise<ModelFacts> {
  const shown = await withCall({ config, signals, form: "document" }, async ({ client, watch }) => {
    watch.allowSilence("catalogue", showMs);
    return showSchema.safeParse(await client.show({ model: config.model }));
  });
  if (!shown.success) throw toStreamError(config.resource, "answer_unreadable");
  const { capabilities, model_info } = shown.data;
  const [, length] =
    Object.entries(model_info ?? {}).find(([key]) => key.endsWith(".context_length")) ?? [];
  return {
    capabilities,
    contextLength: typeof length === "number" && length > 0 ? length : undefined,
  };
}

/** Refuses a model that cannot do what it is there for, before it is loaded in vain. */
export function refuseUnfit(facts: ModelFacts | undefined, config: OllamaConfig): void {
  const { capabilities } = facts ?? {};
  if (capabilities === undefined) return;
  if (!capabilities.includes("completion")) {
    throw unsuitable(config, "capability_missing", "the model does not write; name one that does.");
  }
  if (config.imagesExpected && !capabilities.includes("vision")) {
    throw unsuitable(
      config,
      "images_unsupported",
      "the model does not read pictures; name one that does.",
    );
  }
}

function unsuitable(
  { resource }: OllamaConfig,
  adapterCode: "capability_missing" | "images_unsupported",
  sentence: string,
): ModelError {
  return new ModelError("model_unsuitable", `Ollama (${resource}): ${sentence}`, {
    scope: "config",
    retryable: false,
    adapterCode,
  });
}

/** Remembers what a server and its model are, for as long as neither changes. */
export interface FactsMemory {
  /** Asks only when nothing is known. What cannot be had is left out, and asked for again the next time. */
  read(digest: string | undefined, signal: AbortSignal): Promise<ServerFacts>;
  /** What was read last, without asking. */
  known(): ServerFacts;
  /** The server was away: who knows which one comes back. */
  forget(): void;
}

const nothing: ServerFacts = Object.freeze({ version: undefined, model: undefined });

/** Starts with nothing. */
export function createFactsMemory(config: OllamaConfig): FactsMemory {
  let facts = nothing;
  let factsOf: string | undefined;
  return {
    async read(digest, signal) {
      const isKnown = factsOf === digest && digest !== undefined;
      const version = facts.version ?? (await orNothing(readVersion(config, [signal])));
      const model = isKnown ? facts.model : undefined;
      facts = { version, model: model ?? (await orNothing(readModelFacts(config, [signal]))) };
      factsOf = digest;
      return facts;
    },
    known: () => facts,
    forget() {
      facts = nothing;
      factsOf = undefined;
    },
  };
}

/** A description that cannot be had costs no call: the call itself will tell what is wrong. */
async function orNothing<Value>(work: Promise<Value>): Promise<Value | undefined> {
  return await work.catch((thrown: unknown) => {
    if (ModelError.is(thrown) && thrown.code !== "aborted") return undefined;
    throw thrown;
  });
}
