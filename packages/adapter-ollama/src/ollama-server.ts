import { readBaseUrl, toConfigError } from "@leasehold/model/http";
import { z } from "zod";

import { ollamaExampleUrl } from "./base-url.ts";
import { toStreamError } from "./call-errors.ts";
import { withCall } from "./call.ts";
import { catalogueMs, readVersion, toFullName } from "./catalogue.ts";
import type { AnswerForm } from "./guarded-fetch.ts";
import type { OllamaFetch, OllamaTarget } from "./options.ts";

/** What `createOllamaServer` needs to know. */
export interface OllamaServerOptions {
  readonly baseUrl: string;
  /** Default: none. */
  readonly allowOrigins?: readonly string[];
  /** Default: the runtime's. */
  readonly fetch?: OllamaFetch;
}

/** A model that lies on a server's disk. */
export interface OllamaStoredModel {
  readonly name: string;
  readonly bytes: number;
}

/** A model that a server holds in memory. */
export interface OllamaLoadedModel {
  readonly name: string;
  readonly bytes: number;
  /** What of it lies in the memory of a GPU; 0: it runs on the processor alone. */
  readonly gpuBytes: number;
  /** The window that it was loaded with. */
  readonly contextLength: number | undefined;
}

/** How far a download is. The total grows while the server finds out what belongs to the model. */
export interface OllamaPullProgress {
  readonly stage: "manifest" | "download" | "finish";
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A server as its operator sees it. */
export interface OllamaServer {
  /** `host:port`. */
  readonly host: string;
  readVersion(signal: AbortSignal): Promise<string>;
  listStored(signal: AbortSignal): Promise<readonly OllamaStoredModel[]>;
  listLoaded(signal: AbortSignal): Promise<readonly OllamaLoadedModel[]>;
  /** Has the server fetch a model from its registry. What was fetched before an abort is kept there. */
  pull(
    model: string,
    options: {
      readonly signal: AbortSignal;
      readonly onProgress?: (progress: OllamaPullProgress) => void;
    },
  ): Promise<void>;
  /** Has the server forget a model until the next call. */
  unload(model: string, signal: AbortSignal): Promise<void>;
}

/** A download may stand still for so long. */
const pullSilenceMs = 300_000;
const unloadMs = 30_000;

/** Reaches a server for its operator. It sends nothing by itself. */
export function createOllamaServer(options: OllamaServerOptions): OllamaServer {
  const { baseUrl, allowOrigins = [], fetch: send = fetch } = options;
  const { base, problems } = readBaseUrl(baseUrl, { example: ollamaExampleUrl, allowOrigins });
  if (base === undefined) throw toConfigError("Ollama server", problems);
  return openServer({ base, fetch: send, resource: base.host });
}

/** The same for an address that was checked. */
export function openServer(target: OllamaTarget): OllamaServer {
  const about = (model: string): OllamaTarget => ({
    ...target,
    resource: `${target.base.host}/${model}`,
  });
  return {
    host: target.base.host,
    readVersion: (signal) => readVersion(target, [signal]),
    listStored: (signal) =>
      readList(target, signal, {
        schema: storedSchema,
        ask: (client) => client.list(),
      }),
    listLoaded: (signal) =>
      readList(target, signal, {
        schema: loadedSchema,
        ask: (client) => client.ps(),
      }),
    async pull(model, { signal, onProgress }) {
      const call = { config: about(model), signals: [signal], form: "news" } as const;
      await withCall(call, async ({ client, watch }) => {
        watch.allowSilence("idle", pullSilenceMs);
        const tally = createTally();
        for await (const news of await client.pull({ model, stream: true })) {
          watch.allowSilence("idle", pullSilenceMs);
          onProgress?.(tally(news));
        }
      });
    },
    async unload(model, signal) {
      const form: AnswerForm = "lines";
      await withCall(
        { config: about(model), signals: [signal], form },
        async ({ client, watch }) => {
          watch.allowSilence("catalogue", unloadMs);
          const request = { model, messages: [], keep_alive: 0, stream: true } as const;
          for await (const { done } of await client.chat({ ...request, messages: [] })) {
            if (done) return;
          }
        },
      );
    },
  };
}

const size = z.number().min(0).default(0);

// A server without models says null.
const storedSchema: z.ZodType<readonly OllamaStoredModel[]> = z
  .object({ models: z.array(z.object({ name: z.string(), size })).nullable() })
  .transform(({ models }) => (models ?? []).map(({ name, size: bytes }) => ({ name, bytes })));

const loadedSchema: z.ZodType<readonly OllamaLoadedModel[]> = z
  .object({
    models: z
      .array(
        z.object({
          name: z.string(),
          size,
          size_vram: size,
          context_length: z.number().optional(),
        }),
      )
      .nullable(),
  })
  .transform(({ models }) =>
    (models ?? []).map((model) => ({
      name: model.name,
      bytes: model.size,
      gpuBytes: model.size_vram,
      contextLength: model.context_length,
    })),
  );

type Client = Parameters<Parameters<typeof withCall>[1]>[0]["client"];

async function readList<Entry>(
  config: OllamaTarget,
  signal: AbortSignal,
  {
    schema,
    ask,
  }: {
    readonly schema: z.ZodType<readonly Entry[]>;
    readonly ask: (client: Client) => Promise<unknown>;
  },
): Promise<readonly Entry[]> {
  const call = { config, signals: [signal], form: "document" } as const;
  const list = await withCall(call, async ({ client, watch }) => {
    watch.allowSilence("catalogue", catalogueMs);
    return schema.safeParse(await ask(client));
  });
  if (!list.success) throw toStreamError(config.resource, "answer_unreadable");
  return list.data;
}

/** Finds a model in a list, by its full name or its short one. */
export function findModel<Entry extends { readonly name: string }>(
  list: readonly Entry[],
  model: string,
): Entry | undefined {
  const wanted = toFullName(model);
  return list.find(({ name }) => toFullName(name) === wanted);
}

/** Sums up the layers of a download. The server's words are read for nothing but how far it is. */
function createTally(): (news: {
  readonly status?: unknown;
  readonly digest?: unknown;
  readonly total?: unknown;
  readonly completed?: unknown;
}) => OllamaPullProgress {
  const layers = new Map<unknown, { readonly done: number; readonly total: number }>();
  let isOver = false;
  return ({ digest, total, completed }) => {
    if (digest === undefined) isOver = layers.size > 0;
    else layers.set(digest, { done: Number(completed ?? 0), total: Number(total ?? 0) });
    const sum = (of: "done" | "total"): number =>
      [...layers.values()].reduce((all, layer) => all + layer[of], 0);
    return {
      stage: isOver ? "finish" : layers.size > 0 ? "download" : "manifest",
      bytesDone: sum("done"),
      bytesTotal: sum("total"),
    };
  };
}
