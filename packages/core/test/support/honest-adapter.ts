import {
  type AdapterV1,
  defineAdapter,
  type PhaseRequest,
  WorkerError,
  type WorkerErrorCode,
  type WorkerErrorScope,
} from "@leasehold/core";

interface HonestSample {
  readonly validRequest: PhaseRequest;
  readonly invalidRequest: PhaseRequest;
  readonly slowRequest: PhaseRequest;
  readonly failures: Readonly<Record<WorkerErrorScope, PhaseRequest>>;
}

const requestOf = (text: string): PhaseRequest => ({
  type: "essay",
  phase: "draft",
  input: { text, mediaType: "text/plain" },
  results: {},
  parts: [],
});

/** What the kit asks it. */
export const sample: HonestSample = {
  validRequest: requestOf("Cats sleep for most of the day."),
  invalidRequest: requestOf("This sentence cannot be read by anybody."),
  slowRequest: requestOf("Think about this one for a very long time."),
  failures: {
    job: requestOf("This sentence is more than anybody can read."),
    model: requestOf("This sentence kills the process of the model."),
    backend: requestOf("This sentence finds nobody at home today."),
    config: requestOf("This sentence is for a model that is missing."),
  },
};

const failures: Readonly<Record<WorkerErrorScope, WorkerErrorCode>> = {
  job: "input_too_large",
  model: "backend_failed",
  backend: "backend_unreachable",
  config: "model_missing",
};

/** What the honest adapter asks, as far as it is there. */
export const backend: { busy: number } = { busy: 0 };

/** The failure of a scope, as it throws it. */
export const toFailure = (scope: WorkerErrorScope): WorkerError =>
  new WorkerError(failures[scope], "It broke.", {
    scope,
    retryable: scope === "backend" || scope === "model",
  });

/** The text that a request is about. */
export const textOf = ({ input }: PhaseRequest): string => (input as { text: string }).text;
/** Whether two requests are about the same text. */
export const isSame = (request: PhaseRequest, other: PhaseRequest): boolean =>
  textOf(request) === textOf(other);

/** The smallest adapter that keeps every promise. */
export function createHonestAdapter(): AdapterV1 {
  return defineAdapter({
    specVersion: "v1",
    name: "honest",
    version: "1",
    capabilities: { phases: ["draft"], deterministic: true, local: true },
    resource: () => "test/honest",
    concurrency: () => 2,
    async execute(request, context) {
      const { signal } = context;
      signal.throwIfAborted();
      if (request.phase !== "draft") {
        throw new WorkerError("config_invalid", `No phase "${request.phase}".`, {
          scope: "config",
        });
      }
      context.progress({ stage: "preparing" });
      context.logger.info("request.read", { characters: textOf(request).length });
      signal.throwIfAborted();
      if (isSame(request, sample.invalidRequest)) {
        throw new WorkerError("input_corrupt", "The input cannot be read.");
      }
      if (isSame(request, sample.slowRequest)) {
        backend.busy += 1;
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        backend.busy -= 1;
        throw signal.reason;
      }
      for (const scope of ["job", "model", "backend", "config"] as const) {
        if (isSame(request, sample.failures[scope])) throw toFailure(scope);
      }
      const provenance = { adapter: "honest" };
      for (const part of [1, 2]) {
        if (request.parts.some((saved) => saved.part === part)) continue;
        await context.savePart(part, { page: part }, provenance);
      }
      return { output: { characters: textOf(request).length, note: undefined }, provenance };
    },
    async probe() {
      return { status: "ok" };
    },
    async close() {},
  });
}

type Execute = AdapterV1["execute"];

/** The honest adapter with one promise broken. */
export function breakAdapter(change: (honest: AdapterV1) => Partial<AdapterV1>): () => AdapterV1 {
  return () => {
    const honest = createHonestAdapter();
    return { ...honest, ...change(honest) };
  };
}

/** The honest adapter that executes otherwise. */
export function breakExecute(change: (honest: Execute) => Execute): () => AdapterV1 {
  return breakAdapter((honest) => ({ execute: change((...call) => honest.execute(...call)) }));
}
