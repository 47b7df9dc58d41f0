import {
  ModelError,
  type ModelErrorCode,
  type ModelErrorScope,
  type ModelRequest,
  type ModelV1,
} from "@leasehold/model";

interface HonestSample {
  readonly request: ModelRequest;
  readonly slowRequest: ModelRequest;
  readonly failingRequest: ModelRequest;
  readonly endlessRequest: ModelRequest;
  readonly failures: Readonly<Record<ModelErrorScope, ModelRequest>>;
}

const words = (content: string): ModelRequest => ({
  messages: [{ role: "user", content }],
  outputTokensMax: 100,
});

/** What the kit asks it. */
export const sample: HonestSample = {
  request: words("Say something about the weather."),
  slowRequest: words("Be silent for a very long time."),
  failingRequest: words("Fail on this very sentence, please."),
  endlessRequest: words("Talk and talk and talk without an end."),
  failures: {
    job: words("This sentence is more than anybody can read."),
    model: words("This sentence kills the process of the model."),
    backend: words("This sentence finds nobody at home today."),
    config: words("This sentence is for a model that is missing."),
  },
};

const failures: Readonly<Record<ModelErrorScope, ModelErrorCode>> = {
  job: "input_too_large",
  model: "backend_failed",
  backend: "backend_unreachable",
  config: "model_missing",
};

/** What the honest model asks, as far as it is there. */
export const backend: { busy: number } = { busy: 0 };

/** Whether two requests say the same. */
export const isSame = (request: ModelRequest, other: ModelRequest): boolean =>
  request.messages[0]?.content === other.messages[0]?.content;

/** What a call throws that was aborted. */
export const aborted = (): ModelError =>
  new ModelError("aborted", "Stopped.", { scope: "backend", retryable: true });

/** The failure of a scope, as it throws it. */
export const toFailure = (scope: ModelErrorScope): ModelError =>
  new ModelError(failures[scope], "It broke.", {
    scope,
    retryable: scope === "backend" || scope === "model",
  });

/** The smallest model that keeps every promise. */
export function createHonestModel(): ModelV1 {
  return {
    specVersion: "v1",
    name: "honest",
    version: "1",
    resource: "test/honest",
    capabilities: { images: true, structuredOutput: "grammar", deterministic: true, local: true },
    async prepare({ signal }) {
      if (signal.aborted) throw aborted();
    },
    async generate(request, context) {
      const { signal } = context;
      if (signal.aborted) throw aborted();
      context.progress({ stage: "queued" });
      if (signal.aborted) throw aborted();
      const isEndless = isSame(request, sample.endlessRequest);
      if (isEndless) context.progress({ stage: "decoding" });
      if (isEndless || isSame(request, sample.slowRequest)) {
        backend.busy += 1;
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        backend.busy -= 1;
        throw aborted();
      }
      if (isSame(request, sample.failingRequest)) throw toFailure("backend");
      for (const scope of ["job", "model", "backend", "config"] as const) {
        if (isSame(request, sample.failures[scope])) throw toFailure(scope);
      }
      for (const { bytes } of request.messages.flatMap(({ images = [] }) => images)) {
        if (bytes instanceof Uint8Array) continue;
        throw new ModelError("input_corrupt", "No bytes.", { scope: "job", retryable: false });
      }
      return {
        text: request.schema === undefined ? "It rains." : '{"note":"It rains.","level":2}',
        finish: "stop",
        usage: { outputTokens: 3 },
        durationMs: 1,
        provenance: { adapter: "honest", model: "honest", options: { temperature: 0 } },
      };
    },
    async probe() {
      return { status: "ok" };
    },
    async close() {},
  };
}

type Generate = ModelV1["generate"];

/** The honest model with one promise broken. */
export function breakModel(change: (honest: ModelV1) => Partial<ModelV1>): () => ModelV1 {
  return () => {
    const honest = createHonestModel();
    return { ...honest, ...change(honest) };
  };
}

/** The honest model that generates otherwise. */
export function breakGenerate(change: (honest: Generate) => Generate): () => ModelV1 {
  return breakModel((honest) => ({ generate: change((...call) => honest.generate(...call)) }));
}
