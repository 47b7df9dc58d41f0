import { describe, expect, spyOn, test } from "bun:test";

import { ModelError, type ModelRequest, type ModelV1 } from "@leasehold/model";
import { type ModelContractOptions, testModelContract } from "@leasehold/model/testing";

const words = (content: string): ModelRequest => ({
  messages: [{ role: "user", content }],
  outputTokensMax: 100,
});

const sample = {
  request: words("Say something about the weather."),
  slowRequest: words("Be silent for a very long time."),
  failingRequest: words("Fail on this very sentence, please."),
};

const isSame = (request: ModelRequest, other: ModelRequest): boolean =>
  request.messages[0]?.content === other.messages[0]?.content;

const aborted = (): ModelError =>
  new ModelError("aborted", "Stopped.", { scope: "backend", retryable: true });

/** The smallest model that keeps every promise. */
function createHonestModel(): ModelV1 {
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
      if (isSame(request, sample.slowRequest)) {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        throw aborted();
      }
      if (isSame(request, sample.failingRequest)) {
        throw new ModelError("backend_failed", "It broke.", { scope: "backend", retryable: true });
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

testModelContract({ describe, test }, { setup: createHonestModel, sample });

/** Runs the kit under a runner of its own and answers the titles of the tests that failed. */
async function runKit(options: ModelContractOptions): Promise<{ all: string[]; failed: string[] }> {
  const tests: [string, () => Promise<void>][] = [];
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    test: (name: string, body: () => Promise<void>) => tests.push([name, body]),
  };
  testModelContract(runner, options);
  const failed: string[] = [];
  for (const [name, body] of tests) await body().catch(() => failed.push(name));
  return { all: tests.map(([name]) => name), failed };
}

type Generate = ModelV1["generate"];

/** The honest model with one promise broken. */
function breakModel(change: (honest: ModelV1) => Partial<ModelV1>): () => ModelV1 {
  return () => {
    const honest = createHonestModel();
    return { ...honest, ...change(honest) };
  };
}

function breakGenerate(change: (honest: Generate) => Generate): () => ModelV1 {
  return breakModel((honest) => ({ generate: change((...call) => honest.generate(...call)) }));
}

const dishonest: readonly (readonly [string, () => ModelV1])[] = [
  ["says what it is", breakModel(() => ({ resource: "" }))],
  [
    "answers a request with a whole response",
    breakGenerate((honest) => async (...call) => ({ ...(await honest(...call)), durationMs: -1 })),
  ],
  [
    "says what made an answer, without quoting the request",
    breakGenerate((honest) => async (request, context) => {
      const response = await honest(request, context);
      const options = { prompt: request.messages[0]?.content ?? "" };
      return { ...response, provenance: { ...response.provenance, options } };
    }),
  ],
  [
    "leaves the request as it was",
    breakGenerate((honest) => (request, context) => {
      Object.assign(request, { stream: true });
      return honest(request, context);
    }),
  ],
  [
    "shows progress before it writes",
    breakGenerate((honest) => (request, context) => {
      const progress = (): void => context.progress({ stage: "decoding" });
      return honest(request, { ...context, progress });
    }),
  ],
  [
    "refuses a call whose signal is aborted already",
    breakGenerate((honest) => (request, context) => {
      if (!context.signal.aborted) return honest(request, context);
      return honest(request, { ...context, signal: new AbortController().signal });
    }),
  ],
  [
    "gives no answer after an abort at its first sign of progress",
    breakGenerate((honest) => async (request, context) => {
      if (context.signal.aborted || isSame(request, sample.slowRequest)) {
        return honest(request, context);
      }
      const response = honest(request, { ...context, progress() {} });
      context.progress({ stage: "queued" });
      return response;
    }),
  ],
  [
    "stops when it is aborted before the first byte",
    breakGenerate((honest) => async (request, context) => {
      if (!isSame(request, sample.slowRequest)) return honest(request, context);
      context.progress({ stage: "queued" });
      return new Promise(() => {});
    }),
  ],
  ["prepares under the caller's signal", breakModel(() => ({ prepare: async () => {} }))],
  [
    "fails with a ModelError that quotes nobody",
    breakGenerate((honest) => async (request, context) => {
      if (!isSame(request, sample.failingRequest)) return honest(request, context);
      const quoted = request.messages[0]?.content ?? "";
      throw new ModelError("backend_failed", quoted, { scope: "backend", retryable: true });
    }),
  ],
  [
    "prints nothing",
    breakGenerate((honest) => (request, context) => {
      globalThis.console.warn("invalid json");
      return honest(request, context);
    }),
  ],
  [
    "takes a picture, or refuses it cleanly",
    breakModel(({ capabilities }) => ({ capabilities: { ...capabilities, images: false } })),
  ],
  [
    "takes pictures as bytes only, never as a path",
    breakGenerate((honest) => (request, context) => {
      const messages = request.messages.map(({ images: _images, ...message }) => message);
      return honest(hasPath(request) ? { ...request, messages } : request, context);
    }),
  ],
  [
    "answers a schema in JSON, or refuses it cleanly",
    breakGenerate(
      (honest) =>
        ({ schema: _schema, ...request }, context) =>
          honest(request, context),
    ),
  ],
  [
    "gives the same answer to the same request, if it claims so",
    breakGenerate((honest) => async (request, context) => {
      const response = await honest(request, context);
      return request.schema === undefined ? { ...response, text: crypto.randomUUID() } : response;
    }),
  ],
  ["says how it is", breakModel(() => ({ probe: async () => ({ status: "fine" as "ok" }) }))],
  [
    "can be closed twice",
    breakModel(() => {
      let isClosed = false;
      const close = async (): Promise<void> => {
        if (isClosed) throw new Error("closed twice");
        isClosed = true;
      };
      return { close };
    }),
  ],
];

function hasPath({ messages }: ModelRequest): boolean {
  return messages.some(({ images = [] }) => images.some(({ bytes }) => typeof bytes === "string"));
}

test.each(dishonest)("the kit notices a model that breaks: %s", async (promise, setup) => {
  using console = spyOn(globalThis.console, "warn").mockImplementation(() => {});
  const { failed } = await runKit({ setup, sample });

  expect(failed).toEqual([promise]);
  expect(console.mock.calls.length > 0).toBe(promise === "prints nothing");
});

test("the kit breaks no promise of its own that no model here breaks", async () => {
  const { all } = await runKit({ setup: createHonestModel, sample });

  const [first, ...rest] = all;
  expect(first).toBe("skips only tests that exist");
  expect(rest).toEqual(dishonest.map(([promise]) => promise));
});

test("the kit wants what is not claimed to be refused", async () => {
  const setup = breakModel(({ capabilities }) => ({
    capabilities: {
      ...capabilities,
      images: false,
      structuredOutput: "none",
      deterministic: false,
    },
  }));

  const { failed } = await runKit({ setup, sample });

  expect(failed).toEqual([
    "takes a picture, or refuses it cleanly",
    "answers a schema in JSON, or refuses it cleanly",
  ]);
});

test("the kit prints the reason of a skipped test and fails on one it does not have", async () => {
  const skip = { "prints nothing": "the client prints a banner", "prints everything": "typo" };

  const { all, failed } = await runKit({ setup: createHonestModel, sample, skip });

  expect(all).toContain("prints nothing (skipped: the client prints a banner)");
  expect(failed).toEqual(["skips only tests that exist"]);
});
