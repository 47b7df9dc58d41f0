import { inspectOllama, type OllamaFinding } from "@leasehold/adapter-ollama";
import { doctor, type Finding as QueueFinding } from "@leasehold/core";

import type { BackendConfig, WorkerConfig } from "../config.ts";
import { bundles, openDatabase } from "../database.ts";
import { describeModels } from "../models.ts";

/** One thing that was looked at: of the environment, the queue or the models. */
type Finding =
  | QueueFinding
  | OllamaFinding
  | { readonly check: "environment"; readonly status: "warn"; readonly message: string };

/** Looks for what keeps work from being done well, and prints it. False when something has failed. */
export async function examine(
  config: WorkerConfig,
  { json }: { readonly json: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  await using database = await openDatabase(config);
  const { schema } = config;
  const findings: readonly Finding[] = [
    ...config.warnings.map(
      (message) => ({ check: "environment", status: "warn", message }) as const,
    ),
    ...(await doctor({ connection: database.url, schema, bundles })),
    ...(await examineModels(config.backend, signal)),
  ];
  console.log(json ? JSON.stringify(findings) : findings.map(toLine).join("\n"));
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
