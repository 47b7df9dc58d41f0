import { inspectOllama, type OllamaFinding } from "@leasehold/adapter-ollama";
import { doctor, type Finding as QueueFinding } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { BackendConfig, WorkerConfig } from "../config.ts";
import { bundles, openDatabase } from "../database.ts";
import { describeModels } from "../models.ts";
import { examineSchedules, type ScheduleFinding } from "../schedules.ts";

/** One thing that was looked at: of the environment, the queue, the schedules or the models. */
type Finding =
  | QueueFinding
  | OllamaFinding
  | ScheduleFinding
  | { readonly check: "environment"; readonly status: "warn"; readonly message: string };

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("look for what keeps queue and models from working well; it changes nothing")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["doctor", "exit code 1 when something has failed; warnings are 0"],
        ["doctor --json | jq -r '.[] | select(.status != \"ok\") | .check'", "what is not well"],
      ),
    )
    .action((flags: AnswerFlags) => execute((config, signal) => examine(config, flags, signal)));
}

/** Looks for what keeps work from being done well, and prints it. False when something has failed. */
async function examine(
  config: WorkerConfig,
  flags: AnswerFlags,
  signal: AbortSignal,
): Promise<boolean> {
  await using database = await openDatabase(config);
  const { schema } = config;
  const findings: readonly Finding[] = [
    ...config.warnings.map(
      (message) => ({ check: "environment", status: "warn", message }) as const,
    ),
    ...(await doctor({ connection: database.url, schema, bundles })),
    ...(await examineSchedules(config, database.url)),
    ...(await examineModels(config.backend, signal)),
  ];
  createAnswer(flags).thing(findings, findings.map(toLine));
  return findings.every(({ status }) => status !== "fail");
}

async function examineModels(
  backend: BackendConfig,
  signal: AbortSignal,
): Promise<readonly OllamaFinding[]> {
  if (backend.kind !== "local") return [];
  const { gpuExpected } = backend;
  return await inspectOllama({ models: describeModels(backend), gpuExpected }, signal);
}

function toLine({ check, status, message }: Finding): string {
  return `${status.padEnd(4)}  ${check.padEnd(21)}  ${message}`;
}
