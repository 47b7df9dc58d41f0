import { inspectOllama } from "@leasehold/adapter-ollama";
import type { AdapterV1 } from "@leasehold/core";
import { createLearningHealth, type HealthFinding, type LearningHealth } from "@leasehold/learning";

import type { BackendConfig, WorkerConfig } from "./config.ts";
import { bundles } from "./database.ts";
import { describeModels } from "./models.ts";
import { openScheduleExaminer } from "./schedules.ts";

export interface ChecksOptions {
  readonly url: string;
  readonly adapter: AdapterV1;
  /** What the worker of this process is doing. Absent: this process has none. */
  readonly workerState?: () => string;
}

/** Everything that is looked at: `doctor` prints it, and health answers with it. */
export function openChecks(config: WorkerConfig, options: ChecksOptions): LearningHealth {
  const { url, adapter, workerState } = options;
  const schedules = openScheduleExaminer(config, url);
  const health = createLearningHealth({
    connection: url,
    schema: config.schema,
    bundles,
    lagSecondsMax: config.queueLagSeconds,
    models: (signal) => examineModels(config.backend, adapter, signal),
    others: () => schedules.examine(),
    ...(workerState === undefined ? {} : { workerState }),
  });
  return {
    ...health,
    async [Symbol.asyncDispose]() {
      await health[Symbol.asyncDispose]();
      await schedules[Symbol.asyncDispose]();
    },
  };
}

/** Of a server whose models can be listed it is told which is missing, and where it runs. */
async function examineModels(
  backend: BackendConfig,
  adapter: AdapterV1,
  signal: AbortSignal,
): Promise<readonly HealthFinding[]> {
  if (backend.kind === "local") {
    const { gpuExpected } = backend;
    return await inspectOllama({ models: describeModels(backend), gpuExpected }, signal);
  }
  const health = (await adapter.probe?.(signal)) ?? { status: "ok" };
  const isWell = health.status === "ok";
  const message = health.detail ?? (isWell ? "The model is ready." : "The model is not ready.");
  return [{ check: "model", status: isWell ? "ok" : "fail", message }];
}
