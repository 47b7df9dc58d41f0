import type { ModelV1 } from "@leasehold/model";
import { createTelemetry } from "@leasehold/telemetry";

const attempt = { jobId: "1", type: "learning.submission", phase: "vision", attempt: 1 } as const;

const model: ModelV1 = {
  specVersion: "v1",
  name: "judge",
  version: "1",
  resource: "host/judge",
  capabilities: { images: false, structuredOutput: "prompt", deterministic: true, local: true },
  prepare: async () => undefined,
  async generate(_request, context) {
    context.progress({ stage: "decoding" });
    const provenance = { adapter: "test", model: "judge", options: {} };
    return { text: "", finish: "stop", usage: {}, durationMs: 1, provenance };
  },
};

/**
 * Everything that a worker can show a Prometheus, by name, with the labels it is told apart by: made from telemetry
 * itself, after one of each kind has happened.
 */
export async function collectShownMetrics(): Promise<ReadonlyMap<string, readonly string[]>> {
  await using telemetry = createTelemetry({
    phases: ["vision"],
    errorCodes: ["vision_failed"],
    fallbacks: { phases: ["feedback"], paths: ["degraded"], reasons: ["schema_violated"] },
    scoreAlarms: { shapes: ["all_zero"], read: async () => [] },
    queue: {
      queues: ["learning"],
      types: [attempt.type],
      client: {
        getQueue: async () => [],
        getWorkers: async () => [],
        getResources: async () => [
          {
            name: "host/model",
            state: "closed",
            concurrency: undefined,
            code: undefined,
            openUntil: undefined,
            outages: 0,
            leased: 0,
            places: undefined,
            probe: undefined,
            changedAt: undefined,
          },
        ],
      },
    },
  });
  telemetry.observe({
    subscribe(listener) {
      listener({ ...attempt, name: "phase.completed", durationMs: 1 });
      return () => undefined;
    },
  });
  const watched = telemetry.model(model, "judge");
  const context = {
    signal: AbortSignal.timeout(10_000),
    deadlineAt: Date.now() + 10_000,
    progress: () => undefined,
  };
  await watched.prepare?.(context);
  await watched.generate({ messages: [], outputTokensMax: 9 }, context);

  const [, ...families] = (await telemetry.collect()).split("# TYPE ");
  return new Map(
    families.map((family) => [
      /^\w+/.exec(family)?.[0] ?? "",
      [...new Set(Array.from(family.matchAll(/[{,](\w+)="/g), ([, label = ""]) => label))],
    ]),
  );
}
