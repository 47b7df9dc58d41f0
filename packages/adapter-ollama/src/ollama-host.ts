import type {
  ModelContext,
  ModelHealth,
  ModelProvenance,
  ModelRequest,
  ModelResponse,
} from "@leasehold/model";
import { ModelError } from "@leasehold/model";

import { collectAnswer } from "./answer.ts";
import { toModelMissingError } from "./backend-errors.ts";
import { withCall } from "./call.ts";
import { type CatalogueEntry, readCatalogueEntry, readVersion, refuseRemote } from "./catalogue.ts";
import { checkChatRequest, type OllamaChatBody, toChatBody, toLoadBody } from "./chat-request.ts";
import { refuseCutPrompt } from "./context-check.ts";
import {
  crashesMax,
  type CrashMemory,
  createCrashMemory,
  isCrash,
  toPoisonError,
} from "./crash-memory.ts";
import type { OllamaConfig } from "./options.ts";
import { placePrompt } from "./prompt-placement.ts";
import {
  createFactsMemory,
  type FactsMemory,
  readModelFacts,
  refuseUnfit,
} from "./server-facts.ts";

/** One model on one server. */
export interface OllamaHost {
  readonly config: OllamaConfig;
  /** Loads the model under a deadline of its own. */
  prepare(context: ModelContext): Promise<void>;
  generate(request: ModelRequest, context: ModelContext): Promise<ModelResponse>;
  probe(signal: AbortSignal): Promise<ModelHealth>;
}

/** Opens a model on a server, which nobody asks anything yet. All calls end when `closing` aborts. */
export function createOllamaHost(config: OllamaConfig, closing: AbortSignal): OllamaHost {
  const facts = createFactsMemory(config);
  const live: LiveModel = {
    config,
    closing,
    facts,
    crashes: createCrashMemory(),
    entry: undefined,
  };
  const remembering = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (thrown) {
      // A server that was away may come back as another: newer, or with another model under the name.
      if (ModelError.is(thrown) && thrown.scope !== "job" && thrown.code !== "aborted") {
        facts.forget();
        live.entry = undefined;
      }
      throw thrown;
    }
  };
  return {
    config,
    prepare: (context) => remembering(prepare(live, context)),
    generate: (request, context) => remembering(generate(live, request, context)),
    probe: (signal) => probe(live, signal),
  };
}

interface LiveModel {
  readonly config: OllamaConfig;
  readonly closing: AbortSignal;
  readonly facts: FactsMemory;
  readonly crashes: CrashMemory;
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
    // Anew each time: the model may have been replaced under its name. A server that says nothing even of what it has
    // is away: it would be waited for as long as a model may take to load.
    const entry = await readEntry(config, watch.signal, { mustAnswer: true });
    watch.throwIfEnded();
    live.entry = entry;
    const { model } = await live.facts.read(entry.digest, watch.signal);
    watch.throwIfEnded();
    refuseUnfit(model, config);
    for await (const frame of await client.chat(toLoadBody(config))) {
      if (frame.done) return;
    }
  });
}

async function generate(
  live: LiveModel,
  asked: ModelRequest,
  context: ModelContext,
): Promise<ModelResponse> {
  const { config, crashes } = live;
  const request = placePrompt(asked, config.profile);
  checkChatRequest(request, config);
  const body = toChatBody(request, config);
  try {
    const response = await answer(live, { request, body }, context);
    crashes.forget(body);
    return response;
  } catch (thrown) {
    if (!isCrash(thrown) || crashes.add(body) < crashesMax) throw thrown;
    if (!(await canAnswer(live, context.signal))) throw thrown;
    throw toPoisonError(config.resource);
  }
}

/** Whether the model says a word when it is asked for one. Otherwise a dying process is the server's own trouble. */
async function canAnswer(live: LiveModel, signal: AbortSignal): Promise<boolean> {
  const { config, closing } = live;
  const word: ModelRequest = { messages: [{ role: "user", content: "Hi" }], outputTokensMax: 1 };
  const body = toChatBody(word, config);
  const call = { config, signals: [signal, closing], form: "lines" } as const;
  try {
    await withCall(call, async ({ client, watch }) => {
      // The process was started anew and loads the model again.
      watch.allowSilence("load", config.limits.loadMs);
      const { resource } = config;
      await collectAnswer(await client.chat(body), {
        resource,
        outputTokensMax: 1,
        onFrame: () => undefined,
      });
    });
    return true;
  } catch (thrown) {
    if (ModelError.is(thrown)) return false;
    throw thrown;
  }
}

async function answer(
  live: LiveModel,
  { request, body }: { readonly request: ModelRequest; readonly body: OllamaChatBody },
  context: ModelContext,
): Promise<ModelResponse> {
  const startedAt = performance.now();
  const { config } = live;
  const signals = [context.signal, live.closing];
  return withCall({ config, signals, form: "lines" }, async ({ client, watch }) => {
    let decoding = false;
    watch.endAt(context.deadlineAt, () => decoding);
    watch.throwIfEnded();
    // Ollama says nothing before the first token, not even a header. Until then we say that we are still waiting.
    const report = (): void => context.progress({ stage: "prefill" });
    report();
    watch.reportEvery(config.limits.progressMs, report);
    const entry = live.entry ?? (await readEntry(config, watch.signal, { mustAnswer: false }));
    watch.throwIfEnded();
    live.entry = entry;
    watch.allowSilence("first_token", config.limits.firstTokenMs);
    const said = await collectAnswer(await client.chat(body), {
      resource: config.resource,
      outputTokensMax: body.options.num_predict,
      onFrame(frames) {
        decoding = true;
        watch.stopReporting();
        watch.allowSilence("idle", config.limits.idleMs);
        context.progress({ stage: "decoding", tokens: frames });
      },
    });
    const { version } = live.facts.known();
    refuseCutPrompt({ request, usage: said.usage, version }, config);
    const durationMs = performance.now() - startedAt;
    return { ...said, durationMs, provenance: toProvenance(config, entry, body) };
  });
}

/** The model's entry. A list that cannot be had costs the result its digest, but no call. */
async function readEntry(
  config: OllamaConfig,
  signal: AbortSignal,
  { mustAnswer }: { readonly mustAnswer: boolean },
): Promise<CatalogueEntry> {
  const entry = await readCatalogueEntry(config, [signal]).catch((thrown: unknown) => {
    const isAway =
      ModelError.is(thrown, "backend_unreachable") || ModelError.is(thrown, "backend_timeout");
    if (ModelError.is(thrown) && !(mustAnswer && isAway)) return unknownEntry;
    throw thrown;
  });
  refuseRemote(entry, config);
  return entry;
}

const unknownEntry: CatalogueEntry = { present: false, remote: false };

function toProvenance(
  { model, profile }: OllamaConfig,
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
      // The sentence is the profile's, a fact about the model, and took the place of the program's.
      ...(profile.fixedPrompt === "" ? {} : { prompt: profile.fixedPrompt }),
    },
  };
}

async function probe({ config, closing }: LiveModel, signal: AbortSignal): Promise<ModelHealth> {
  const signals = [signal, closing];
  try {
    await readVersion(config, signals);
    const entry = await readCatalogueEntry(config, signals);
    refuseRemote(entry, config);
    if (!entry.present) throw toModelMissingError(config.resource);
    refuseUnfit(await readModelFacts(config, signals), config);
    return { status: "ok" };
  } catch (thrown) {
    if (ModelError.is(thrown)) return { status: "failed", detail: thrown.message };
    throw thrown;
  }
}
