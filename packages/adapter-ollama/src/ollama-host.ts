import type {
  ModelContext,
  ModelHealth,
  ModelProvenance,
  ModelRequest,
  ModelResponse,
  ModelV1,
} from "@leasehold/model";
import { ModelError } from "@leasehold/model";

import { collectAnswer } from "./answer.ts";
import { toModelMissingError } from "./backend-errors.ts";
import { withCall } from "./call.ts";
import { type CatalogueEntry, readCatalogueEntry, readVersion, refuseRemote } from "./catalogue.ts";
import { checkChatRequest, type OllamaChatBody, toChatBody, toLoadBody } from "./chat-request.ts";
import { type OllamaConfig, type OllamaModelOptions, parseOllamaOptions } from "./options.ts";

/** The version of this adapter, as it stands in its package. */
export const ollamaAdapterVersion = "0.1.0";

/**
 * A model behind an Ollama server.
 *
 * `prepare` loads it under a deadline of its own; `generate` expects it loaded, and stops the server's work for a call
 * that fails or is given up.
 */
export function createOllamaModel(options: OllamaModelOptions): ModelV1 {
  const config = parseOllamaOptions(options);
  const closing = new AbortController();
  const live: LiveModel = { config, closing: closing.signal, entry: undefined };
  return Object.freeze({
    specVersion: "v1",
    name: config.name,
    version: ollamaAdapterVersion,
    capabilities: Object.freeze({
      images: config.imagesExpected,
      structuredOutput: "grammar",
      // A seed helps, but other requests in the same batch change what comes out.
      deterministic: false,
      local: config.local,
    }),
    resource: config.resource,
    concurrency: config.concurrency,
    prepare: (context: ModelContext) => prepare(live, context),
    generate: (request: ModelRequest, context: ModelContext) => generate(live, request, context),
    probe: (signal: AbortSignal) => probe(live, signal),
    async close() {
      closing.abort();
    },
  } satisfies ModelV1);
}

interface LiveModel {
  readonly config: OllamaConfig;
  readonly closing: AbortSignal;
  /** What the server said about the model when it was loaded last, or before the first call. */
  entry: CatalogueEntry | undefined;
}

/** Loads the model under a deadline of its own: a call that is given up while Ollama loads makes it start over. */
async function prepare(live: LiveModel, context: ModelContext): Promise<void> {
  const { config } = live;
  const signals = [context.signal, live.closing];
  const report = (): void => context.progress({ stage: "loading" });
  await withCall({ config, signals, form: "lines" }, async ({ client, watch }) => {
    report();
    watch.reportEvery(config.limits.progressMs, report);
    watch.allowSilence("load", config.limits.loadMs);
    // Anew each time: the model may have been replaced under its name.
    const entry = await readEntry(config, watch.signal);
    watch.throwIfEnded();
    live.entry = entry;
    for await (const frame of await client.chat(toLoadBody(config))) {
      if (frame.done) return;
    }
  });
}

async function generate(
  live: LiveModel,
  request: ModelRequest,
  context: ModelContext,
): Promise<ModelResponse> {
  const startedAt = performance.now();
  const { config } = live;
  checkChatRequest(request, config);
  const body = toChatBody(request, config);
  const signals = [context.signal, live.closing];
  return withCall({ config, signals, form: "lines" }, async ({ client, watch }) => {
    let decoding = false;
    watch.endAt(context.deadlineAt, () => decoding);
    watch.throwIfEnded();
    // Ollama says nothing before the first token, not even a header. Until then we say that we are still waiting.
    const report = (): void => context.progress({ stage: "prefill" });
    report();
    watch.reportEvery(config.limits.progressMs, report);
    const entry = live.entry ?? (await readEntry(config, watch.signal));
    watch.throwIfEnded();
    live.entry = entry;
    watch.allowSilence("first_token", config.limits.firstTokenMs);
    const answer = await collectAnswer(await client.chat(body), {
      resource: config.resource,
      outputTokensMax: body.options.num_predict,
      onFrame(frames) {
        decoding = true;
        watch.stopReporting();
        watch.allowSilence("idle", config.limits.idleMs);
        context.progress({ stage: "decoding", tokens: frames });
      },
    });
    const durationMs = performance.now() - startedAt;
    return { ...answer, durationMs, provenance: toProvenance(config, entry, body) };
  });
}

/** The model's entry. A list that cannot be had costs the result its digest, but no call. */
async function readEntry(config: OllamaConfig, signal: AbortSignal): Promise<CatalogueEntry> {
  const entry = await readCatalogueEntry(config, [signal]).catch((thrown: unknown) => {
    if (ModelError.is(thrown)) return unknownEntry;
    throw thrown;
  });
  refuseRemote(entry, config);
  return entry;
}

const unknownEntry: CatalogueEntry = { present: false, remote: false };

function toProvenance(
  { model }: OllamaConfig,
  { digest }: CatalogueEntry,
  { options, think, truncate, shift, keep_alive, format }: OllamaChatBody,
): ModelProvenance {
  return {
    adapter: "ollama",
    model,
    ...(digest === undefined ? {} : { digest }),
    options: {
      ...options,
      think,
      truncate,
      shift,
      keep_alive,
      format: format === undefined ? "text" : "schema",
    },
  };
}

async function probe({ config, closing }: LiveModel, signal: AbortSignal): Promise<ModelHealth> {
  try {
    await readVersion(config, [signal, closing]);
    const entry = await readCatalogueEntry(config, [signal, closing]);
    refuseRemote(entry, config);
    if (!entry.present) throw toModelMissingError(config.resource);
    return { status: "ok" };
  } catch (thrown) {
    if (ModelError.is(thrown)) return { status: "failed", detail: thrown.message };
    throw thrown;
  }
}
