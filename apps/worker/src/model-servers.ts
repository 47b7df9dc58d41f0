import {
  createOllamaModel,
  createOllamaServer,
  type OllamaLoadedModel,
  type OllamaServer,
} from "@leasehold/adapter-ollama";

import type { LocalBackendConfig } from "./config.ts";
import { describeModel } from "./models.ts";

/** One of the configured servers. */
export interface OpenServer {
  readonly baseUrl: string;
  readonly server: OllamaServer;
}

export function openServers({ baseUrl, allowOrigins }: LocalBackendConfig): readonly OpenServer[] {
  return baseUrl.map((url) => ({
    baseUrl: url,
    server: createOllamaServer({ baseUrl: url, allowOrigins }),
  }));
}

/** A model on a server, or one that is wanted there. */
export interface ListedModel {
  readonly host: string;
  readonly model: string;
  readonly uses: readonly ("vision" | "feedback")[];
  /** Absent: the server does not have it. */
  readonly bytes?: number;
  /** Absent: it is not in memory. */
  readonly loaded?: Pick<OllamaLoadedModel, "bytes" | "gpuBytes" | "contextLength">;
}

/** What a server has and holds in memory, and which of the wanted models it lacks. */
export async function listServer(
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

/** Whether a server's name for a model means that of a configuration. */
export function isNamed(name: string, model: string): boolean {
  return name === model || name === `${model}:latest`;
}

/** Has a server load a model, with the options that its calls will have. */
export async function warmModel(
  {
    backend,
    baseUrl,
    model,
  }: { readonly backend: LocalBackendConfig; readonly baseUrl: string; readonly model: string },
  signal: AbortSignal,
): Promise<void> {
  const ollama = createOllamaModel({ ...describeModel(backend, model), baseUrl });
  // Loading has a limit of its own.
  await ollama.prepare?.({ signal, deadlineAt: Infinity, progress: () => undefined });
}
