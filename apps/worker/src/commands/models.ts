import { WorkerError } from "@leasehold/core";
import { toSubmissionError } from "@leasehold/learning";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import { createProgressLine, toSize } from "../command-line/progress-line.ts";
import type { TableView } from "../command-line/table.ts";
import type { LocalBackendConfig, WorkerConfig } from "../config.ts";
import {
  type ListedModel,
  listServer,
  type OpenServer,
  openServers,
  warmModel,
} from "../model-servers.ts";

interface ModelsOptions {
  /** Empty: those of the configuration. */
  readonly names: readonly string[];
  readonly flags: AnswerFlags;
}

export function addModels(program: Command): void {
  const models = program.command("models").description("see and handle the models of Ollama");
  models
    .command("list", { isDefault: true })
    .description("show what the servers have, and what they hold in memory")
    .addOption(jsonOption())
    .action((flags: AnswerFlags) => execute((config, signal) => listModels(config, flags, signal)));
  for (const [name, description, task] of [
    ["pull", "have the servers fetch models from their registry", pullModels],
    ["warm", "have the servers load models", warmModels],
    ["unload", "have the servers forget models until they are needed", unloadModels],
  ] as const) {
    models
      .command(name)
      .description(description)
      .argument("[models...]", "default: those of the configuration")
      .addOption(jsonOption())
      .action((names: readonly string[], flags: AnswerFlags) =>
        execute((config, signal) => task(config, { names, flags }, signal)),
      );
  }
  models.addHelpText(
    "after",
    examples(["models pull", "what the configuration names, on every server"]),
  );
}

/** What was done with one model on one server. */
interface Deed {
  readonly host: string;
  readonly model: string;
  readonly ms: number;
}

type Task = (config: WorkerConfig, options: ModelsOptions, signal: AbortSignal) => Promise<void>;

/** Shows what the servers have and hold in memory, and which of it is used. */
async function listModels(
  config: WorkerConfig,
  flags: AnswerFlags,
  signal: AbortSignal,
): Promise<void> {
  const backend = requireLocal(config);
  const rows: ListedModel[] = [];
  for (const { server } of openServers(backend)) {
    rows.push(...(await listServer(server, backend, signal).catch(rethrow)));
  }
  createAnswer(flags).rows(rows, view, "The servers have no models.");
}

/** Has every server fetch the models, one after the other, with a bar that grows. */
const pullModels: Task = async (config, options, signal) => {
  const backend = requireLocal(config);
  await forEach(backend, options, async ({ server, model }) => {
    const line = createProgressLine(process.stderr);
    const label = `${server.host} ${model}`;
    const onProgress = (progress: { readonly bytesDone: number; readonly bytesTotal: number }) => {
      const { bytesDone: done, bytesTotal: total } = progress;
      line.show({ label, done, total, whole: toSize(total) });
    };
    try {
      await server.pull(model, { signal, onProgress });
    } finally {
      line.end();
    }
  });
};

/** Has every server load the models, with the options that their calls will have. */
const warmModels: Task = async (config, options, signal) => {
  const backend = requireLocal(config);
  await forEach(backend, options, async ({ baseUrl, model }) => {
    await warmModel({ backend, baseUrl, model }, signal);
  });
};

/** Has every server forget the models, to make room. */
const unloadModels: Task = async (config, options, signal) => {
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

/** Does the same with each model on each server, and says what was done. */
async function forEach(
  backend: LocalBackendConfig,
  { names, flags }: ModelsOptions,
  run: (subject: OpenServer & { readonly model: string }) => Promise<void>,
): Promise<void> {
  const { visionModel, feedbackModel } = backend;
  const models = names.length > 0 ? names : [...new Set([visionModel, feedbackModel])];
  const deeds: Deed[] = [];
  const answer = createAnswer(flags);
  for (const open of openServers(backend)) {
    for (const model of models) {
      const startedAt = performance.now();
      await run({ ...open, model }).catch(rethrow);
      const ms = Math.round(performance.now() - startedAt);
      deeds.push({ host: open.server.host, model, ms });
      answer.say(`${open.server.host}: ${model} done, ${ms} ms`);
    }
  }
  answer.thing(deeds, []);
}

/** Errors of models in the form that the program knows. Their words are ours already. */
function rethrow(error: unknown): never {
  throw toSubmissionError(error);
}

const view: TableView<ListedModel> = {
  host: ({ host }) => host,
  model: ({ model }) => model,
  "used for": ({ uses }) => uses.join(", "),
  size: ({ bytes }) => (bytes === undefined ? "missing" : toSize(bytes)),
  memory: ({ loaded }) => (loaded === undefined ? undefined : toMemory(loaded)),
};

function toMemory({ bytes, gpuBytes, contextLength }: NonNullable<ListedModel["loaded"]>): string {
  const percent = Math.floor((gpuBytes / Math.max(bytes, 1)) * 100);
  const where = gpuBytes === 0 ? "processor" : percent >= 99 ? "GPU" : `GPU by ${percent} %`;
  return contextLength === undefined ? where : `${where}, window ${contextLength}`;
}
