import { describe, expect, spyOn, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";

import { ModelError, type ModelRequest, type ModelV1 } from "@leasehold/model";
import { type ModelContractOptions, testModelContract } from "@leasehold/model/testing";

import {
  aborted,
  backend,
  breakGenerate,
  breakModel,
  createHonestModel,
  isSame,
  sample,
  toFailure,
} from "./honest-model.ts";

testModelContract({ describe, test }, { setup: createHonestModel, sample, backend });

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
  // What a dishonest model left there is nobody else's: the honest one may come after it.
  backend.busy = 0;
  return { all: tests.map(([name]) => name), failed };
}

/** A model for every promise that breaks it, and which other promises it breaks by the same bug. */
const dishonest: readonly (readonly [string, () => ModelV1, string[]?])[] = [
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
    "reads no text as a path",
    breakGenerate((honest) => async (request, context) => {
      const response = await honest(request, context);
      const said = request.messages[0]?.content ?? "";
      return existsSync(said) ? { ...response, text: readFileSync(said, "utf8") } : response;
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
  [
    "takes several calls at once",
    breakModel((honest) => {
      let calls = 0;
      return {
        async generate(request, context) {
          if (calls > 0 && isSame(request, sample.request)) throw toFailure("backend");
          calls += 1;
          try {
            // One turn of the loop, as every backend takes.
            await new Promise((resolve) => void setTimeout(resolve));
            return await honest.generate(request, context);
          } finally {
            calls -= 1;
          }
        },
      };
    }),
    ["ends the call that is aborted, and no other"],
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
      if (context.signal.aborted || !isSame(request, sample.request)) {
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
      return honest(request, context).catch((error: unknown) =>
        // Only the caller's own abort is overheard, and what the backend does is ended.
        ModelError.is(context.signal.reason) ? Promise.reject(error) : new Promise(() => {}),
      );
    }),
    ["ends the call that is aborted, and no other"],
  ],
  [
    "stops when it is aborted in the middle of an answer",
    breakGenerate((honest) => async (request, context) => {
      const response = honest(request, context);
      if (!isSame(request, sample.endlessRequest)) return response;
      return response.catch(() => new Promise(() => {}));
    }),
  ],
  [
    "ends the backend's work when it is aborted before the first byte",
    breakGenerate((honest) => (request, context) => {
      const response = honest(request, context);
      if (isSame(request, sample.slowRequest)) leaveWorking(context);
      return response;
    }),
    // What works on is in the way of whoever comes next.
    ["ends the backend's work when it is aborted in the middle of an answer"],
  ],
  [
    "ends the backend's work when it is aborted in the middle of an answer",
    breakGenerate((honest) => (request, context) => {
      const response = honest(request, context);
      if (isSame(request, sample.endlessRequest)) leaveWorking(context);
      return response;
    }),
    ["ends the backend's work when it is aborted before the first byte"],
  ],
  [
    "ends the call that is aborted, and no other",
    breakModel((honest) => {
      const controller = new AbortController();
      return {
        generate(request, context) {
          context.signal.addEventListener("abort", () => controller.abort());
          if (context.signal.aborted || !isSame(request, sample.request)) {
            return honest.generate(request, context);
          }
          return new Promise((resolve, reject) => {
            setTimeout(() => {
              if (controller.signal.aborted) reject(aborted());
              else resolve(honest.generate(request, context));
            });
          });
        },
      };
    }),
  ],
  [
    "stops at its deadline",
    breakGenerate((honest) => async (request, context) => {
      const response = honest(request, context);
      if (!isSame(request, sample.slowRequest)) return response;
      return response.catch((error: unknown) =>
        ModelError.is(context.signal.reason, "backend_timeout")
          ? new Promise(() => {})
          : Promise.reject(error),
      );
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
    "says whose fault a failure is",
    breakGenerate((honest) => async (request, context) => {
      if (!isSame(request, sample.failures.backend)) return honest(request, context);
      throw toFailure("job");
    }),
  ],
];

/** As if the backend had not heard of the abort. */
function leaveWorking({ signal }: { readonly signal: AbortSignal }): void {
  signal.addEventListener("abort", () => void (backend.busy += 1));
}

function hasPath({ messages }: ModelRequest): boolean {
  return messages.some(({ images = [] }) => images.some(({ bytes }) => typeof bytes === "string"));
}

test.each(dishonest)(
  "the kit notices a model that breaks: %s",
  async (promise, setup, also = []) => {
    backend.busy = 0;
    using console = spyOn(globalThis.console, "warn").mockImplementation(() => {});
    const { failed } = await runKit({ setup, sample, backend });

    expect(failed.toSorted()).toEqual([promise, ...also].toSorted());
    expect(console.mock.calls.length > 0).toBe(promise === "prints nothing");
  },
);

test("the kit breaks no promise of its own that no model here breaks", async () => {
  const { all } = await runKit({ setup: createHonestModel, sample, backend });

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

  const { failed } = await runKit({ setup, sample, backend });

  expect(failed).toEqual([
    "takes a picture, or refuses it cleanly",
    "answers a schema in JSON, or refuses it cleanly",
  ]);
});

test("the kit is content with a model that claims nothing and refuses cleanly", async () => {
  const setup = breakModel((honest) => ({
    capabilities: {
      ...honest.capabilities,
      images: false,
      structuredOutput: "none",
      deterministic: false,
    },
    async generate(request, context) {
      const { messages, schema } = request;
      const hasImages = messages.some(({ images = [] }) => images.length > 0);
      if (!hasImages && schema === undefined) return honest.generate(request, context);
      throw new ModelError("model_unsuitable", "Words only.", {
        scope: "config",
        retryable: false,
      });
    },
  }));

  const { failed } = await runKit({ setup, sample, backend });

  expect(failed).toEqual([]);
});

test("the kit says what it left out for want of a request or a backend", async () => {
  const { request, slowRequest, failingRequest } = sample;
  const least = { request, slowRequest, failingRequest };

  const { all, failed } = await runKit({ setup: createHonestModel, sample: least });

  expect(failed).toEqual([]);
  expect(all).toContain("says whose fault a failure is (skipped: no failures to test with)");
  expect(all).toContain(
    "ends the backend's work when it is aborted in the middle of an answer (skipped: no backend, no endlessRequest to test with)",
  );
});

test("the kit wants a code and a scope that go together", async () => {
  const setup = breakGenerate((honest) => async (request, context) => {
    if (!isSame(request, sample.failingRequest)) return honest(request, context);
    throw new ModelError("model_missing", "Pull it.", { scope: "job", retryable: true });
  });

  const { failed } = await runKit({ setup, sample, backend });

  expect(failed).toEqual(["fails with a ModelError that quotes nobody"]);
});

test("the kit prints the reason of a skipped test and fails on one it does not have", async () => {
  const skip = { "prints nothing": "the client prints a banner", "prints everything": "typo" };

  const { all, failed } = await runKit({ setup: createHonestModel, sample, backend, skip });

  expect(all).toContain("prints nothing (skipped: the client prints a banner)");
  expect(failed).toEqual(["skips only tests that exist"]);
});
