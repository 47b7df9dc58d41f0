import {
  createOllamaModel,
  createOllamaServer,
  type OllamaLoadedModel,
  type OllamaServer,
} from "@leasehold/adapter-ollama";
import { WorkerError } from "@leasehold/core";
import { toSubmissionError } from "@leasehold/learning";

import type { LocalBackendConfig, WorkerConfig } from "../config.ts";
import { describeModel } from "../models.ts";
import { createProgressLine, toSize } from "../progress-line.ts";

export interface ModelsOptions {
  /** Empty: those of the configuration. */
  readonly names: readonly string[];
  readonly json: boolean;
}

/** What was done with one model on one server. */
interface Deed {
  readonly host: string;
  readonly model: string;
  readonly ms: number;
}

type Task = (config: WorkerConfig, options: ModelsOptions, signal: AbortSignal) => Promise<void>;

/** Shows what the servers have and hold in memory, and which of it is used. */
export async function listModels(
  config: WorkerConfig,
  { json }: Pick<ModelsOptions, "json">,
  signal: AbortSignal,
): Promise<void> {
  const backend = requireLocal(config);
  const rows: ListedModel[] = [];
  for (const { server } of openServers(backend)) {
    rows.push(...(await listServer(server, backend, signal).catch(rethrow)));
  }
  if (json) console.log(JSON.stringify(rows));
  else if (rows.length === 0) console.log("The servers have no models.");
  else console.table(rows.map(toTableRow));
}

/** Has every server fetch the models, one after the other, with a bar that grows. */
export const pullModels: Task = async (config, options, signal) => {
  const backend = requireLocal(config);
  await forEach(backend, options, async ({ server, model }) => {
    const line = createProgressLine(process.stderr);
    const onProgress = (progress: { readonly bytesDone: number; readonly bytesTotal: number }) =>
      line.show({ label: `${server.host} ${model}`, ...progress });
    try {
      await server.pull(model, { signal, onProgress });
    } finally {
      line.end();
    }
  });
};

/** Has every server load the models, with the options that their calls will have. */
export const warmModels: Task = async (config, options, signal) => {
  const backend = requireLocal(config);
  await forEach(backend, options, async ({ baseUrl, model }) => {
    const ollama = createOllamaModel({ ...describeModel(backend, model), baseUrl });
    // Loading has a limit of its own.
    const deadlineAt = Infinity;
    await ollama.prepare?.({ signal, deadlineAt, progress: () => undefined });
  });
};

/** Has every server forget the models, to make room. */
export const unloadModels: Task = async (config, options, signal) => {
  const backend = requireLocal(config);
  await forEach(backend, options, ({ server, model }) => server.unload(model, signal));
};

function requireLocal({ backend }: WorkerConfig): LocalBackendConfig {
  if (backend.kind === "local") return backend;
  throw new WorkerError(
    "config_invalid",
    "There are no models of Ollama: this is for AI_BACKEND=local.",
    { scope: "config" },
  );
}

interface OpenServer {
  readonly baseUrl: string;
  readonly server: OllamaServer;
}

function openServers({ baseUrl, allowOrigins }: LocalBackendConfig): readonly OpenServer[] {
  return baseUrl.map((url) => ({
    baseUrl: url,
    server: createOllamaServer({ baseUrl: url, allowOrigins }),
  }));
}

/** Does the same with each model on each server, and says what was done. */
async function forEach(
  backend: LocalBackendConfig,
  { names, json }: ModelsOptions,
  run: (subject: OpenServer & { readonly model: string }) => Promise<void>,
): Promise<void> {
  const { visionModel, feedbackModel } = backend;
  const models = names.length > 0 ? names : [...new Set([visionModel, feedbackModel])];
  const deeds: Deed[] = [];
  for (const open of openServers(backend)) {
    for (const model of models) {
      const startedAt = performance.now();
      await run({ ...open, model }).catch(rethrow);
      const ms = Math.round(performance.now() - startedAt);
      deeds.push({ host: open.server.host, model, ms });
      if (!json) console.log(`${open.server.host}: ${model} done, ${ms} ms`);
    }
  }
  if (json) console.log(JSON.stringify(deeds));
}

/** Errors of models in the form that the program knows. Their words are ours already. */
function rethrow(error: unknown): never {
  throw toSubmissionError(error);
}

interface ListedModel {
  readonly host: string;
  readonly model: string;
  readonly uses: readonly ("vision" | "feedback")[];
  /** Absent: the server does not have it. */
  readonly bytes?: number;
  /** Absent: it is not in memory. */
  readonly loaded?: Pick<OllamaLoadedModel, "bytes" | "gpuBytes" | "contextLength">;
}

async function listServer(
  server: OllamaServer,
  { visionModel, feedbackModel }: LocalBackendConfig,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const stored = await server.listStored(signal);
  const loaded = await server.listLoaded(signal);
  const usesOf = (name: string): ListedModel["uses"] => [
    ...(isNamed(name, visionModel) ? (["vision"] as const) : []),
    ...(isNamed(name, feedbackModel) ? (["feedback"] as const) : []),
  ];
  const missing = [...new Set([visionModel, feedbackModel])].filter(
    (model) => !stored.some(({ name }) => isNamed(name, model)),
  );
  const { host } = server;
  return [
    ...stored.map(({ name: model, bytes }) => {
      const held = loaded.find(({ name }) => name === model);
      if (held === undefined) return { host, model, uses: usesOf(model), bytes };
      const { name: _name, ...memory } = held;
      return { host, model, uses: usesOf(model), bytes, loaded: memory };
    }),
    ...missing.map((model) => ({ host, model, uses: usesOf(model) })),
  ];
}

function isNamed(name: string, model: string): boolean {
  return name === model || name === `${model}:latest`;
}

function toTableRow({ host, model, uses, bytes, loaded }: ListedModel): object {
  return {
    host,
    model,
    "used for": uses.join(", "),
    size: bytes === undefined ? "missing" : toSize(bytes),
    memory: loaded === undefined ? "" : toMemory(loaded),
  };
}

function toMemory({ bytes, gpuBytes, contextLength }: NonNullable<ListedModel["loaded"]>): string {
  const percent = Math.floor((gpuBytes / Math.max(bytes, 1)) * 100);
  const where = gpuBytes === 0 ? "processor" : percent >= 99 ? "GPU" : `GPU by ${percent} %`;
  return contextLength === undefined ? where : `${where}, window ${contextLength}`;
}
