import type {
  ModelContext,
  ModelHealth,
  ModelProvenance,
  ModelRequest,
  ModelResponse,
  ModelV1,
} from "@leasehold/model";
import { ModelError } from "@leasehold/model";

import { collectAnswer, type OpenAiAnswer } from "./answer.ts";
import { toImagesUnsupportedError, toModelMissingError } from "./backend-errors.ts";
import { withCall } from "./call.ts";
import { readCatalogueEntry } from "./catalogue.ts";
import { checkChatRequest, toChatBody, toOutputTokensMax } from "./chat-request.ts";
import { type OpenAiConfig, type OpenAiModelOptions, parseOpenAiOptions } from "./options.ts";

/** The version of this adapter, as it stands in its package. */
export const openAiAdapterVersion = "0.1.0";

/**
 * A model behind a server that speaks OpenAI's chat completions: vLLM, llama.cpp, LM Studio, a gateway.
 *
 * `prepare` asks the server whether it has the model; `generate` stops the server's work for a call that fails or is
 * given up.
 */
export function createOpenAiModel(options: OpenAiModelOptions): ModelV1 {
  const config = parseOpenAiOptions(options);
  const closing = new AbortController();
  const live: LiveModel = { config, closing: closing.signal };
  return Object.freeze({
    specVersion: "v1",
    name: config.name,
    version: openAiAdapterVersion,
    capabilities: Object.freeze({
      images: config.imagesExpected,
      structuredOutput: config.structuredOutput,
      // A seed helps, but other requests in the same batch change what comes out.
      deterministic: false,
      local: config.base.local,
    }),
    resource: config.resource,
    prepare: (context: ModelContext) => prepare(live, context),
    generate: (request: ModelRequest, context: ModelContext) => generate(live, request, context),
    probe: (signal: AbortSignal) => probe(live, signal),
    async close() {
      closing.abort();
    },
  } satisfies ModelV1);
}

interface LiveModel {
  readonly config: OpenAiConfig;
  readonly closing: AbortSignal;
}

/**
 * These servers load their models when they start. So there is nothing to load, but to see that the model is the one that
 * is meant: some answer to any name with the model they have.
 */
async function prepare({ config, closing }: LiveModel, context: ModelContext): Promise<void> {
  if (!context.signal.aborted) context.progress({ stage: "loading" });
  try {
    await checkCatalogue(config, [context.signal, closing]);
  } catch (thrown) {
    // A gateway without a list: the first call will tell.
    if (ModelError.is(thrown) && thrown.adapterCode === "route_missing") return;
    throw thrown;
  }
}

async function checkCatalogue(
  config: OpenAiConfig,
  signals: readonly AbortSignal[],
): Promise<void> {
  const { present, images } = await readCatalogueEntry(config, signals);
  if (!present) throw toModelMissingError(config.resource);
  if (config.imagesExpected && images === false) throw toImagesUnsupportedError(config.resource);
}

async function generate(
  { config, closing }: LiveModel,
  request: ModelRequest,
  context: ModelContext,
): Promise<ModelResponse> {
  const startedAt = performance.now();
  const { resource, limits } = config;
  checkChatRequest(request, config);
  const body = toChatBody(request, config);
  const signals = [context.signal, closing];
  return withCall({ config, signals, form: "events" }, async ({ client, watch }) => {
    let decoding = false;
    watch.endAt(context.deadlineAt, () => decoding);
    watch.throwIfEnded();
    // A server may say nothing before the first token. Until then we say that we are still waiting.
    const report = (): void => context.progress({ stage: "prefill" });
    report();
    watch.reportEvery(limits.progressMs, report);
    watch.throwIfEnded();
    watch.allowSilence("first_token", limits.firstTokenMs);
    const answer = await collectAnswer(await client.chat.completions.create(body), {
      resource,
      outputTokensMax: toOutputTokensMax(request, config),
      onToken(tokens) {
        decoding = true;
        watch.stopReporting();
        watch.allowSilence("idle", limits.idleMs);
        context.progress({ stage: "decoding", tokens });
        watch.throwIfEnded();
      },
    });
    // The client takes an abort for the end of a stream.
    watch.throwIfEnded();
    const { text, finish, usage } = answer;
    const durationMs = performance.now() - startedAt;
    return { text, finish, usage, durationMs, provenance: toProvenance(request, answer, config) };
  });
}

function toProvenance(
  request: ModelRequest,
  { servedModel, systemFingerprint }: OpenAiAnswer,
  config: OpenAiConfig,
): ModelProvenance {
  const { model, profile } = config;
  const { schema, seed, temperature = profile.temperature } = request;
  return {
    adapter: "openai",
    model,
    options: {
      [profile.outputTokensField]: toOutputTokensMax(request, config),
      temperature,
      ...(seed === undefined ? {} : { seed }),
      response_format: schema === undefined ? "text" : "json_schema",
      ...(servedModel === undefined ? {} : { served_model: servedModel }),
      ...(systemFingerprint === undefined ? {} : { system_fingerprint: systemFingerprint }),
    },
  };
}

async function probe({ config, closing }: LiveModel, signal: AbortSignal): Promise<ModelHealth> {
  try {
    await checkCatalogue(config, [signal, closing]);
    return { status: "ok" };
  } catch (thrown) {
    if (ModelError.is(thrown)) return { status: "failed", detail: thrown.message };
    throw thrown;
  }
}
