import { describe, expect, spyOn, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";

import { type AdapterV1, WorkerError } from "@leasehold/core";
import { type AdapterContractOptions, testAdapterContract } from "@leasehold/core/testing";

import {
  backend,
  breakAdapter,
  breakExecute,
  createHonestAdapter,
  isSame,
  sample,
  textOf,
  toFailure,
} from "../support/honest-adapter.ts";

testAdapterContract({ describe, test }, { setup: createHonestAdapter, sample, backend });

/** Runs the kit under a runner of its own and answers the titles of the tests that failed. */
async function runKit(
  options: AdapterContractOptions,
): Promise<{ all: string[]; failed: string[] }> {
  // What a dishonest adapter left there is not the next one's.
  backend.busy = 0;
  const tests: [string, () => Promise<void>][] = [];
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    test: (name: string, body: () => Promise<void>) => tests.push([name, body]),
  };
  testAdapterContract(runner, options);
  const failed: string[] = [];
  for (const [name, body] of tests) await body().catch(() => failed.push(name));
  return { all: tests.map(([name]) => name), failed };
}

/** An adapter for every promise that breaks it, and which other promises it breaks by the same bug. */
const dishonest: readonly (readonly [string, () => AdapterV1, string[]?])[] = [
  ["says what it is", breakAdapter(() => ({ resource: () => "" }))],
  [
    "answers in JSON, parts included",
    breakExecute((honest) => async (...call) => ({
      ...(await honest(...call)),
      output: { at: new Date(0) },
    })),
  ],
  [
    "says where a result comes from, without quoting the request",
    breakExecute((honest) => async (request, context) => ({
      ...(await honest(request, context)),
      provenance: { prompt: `Grade this: ${textOf(request)}` },
    })),
  ],
  [
    "leaves the request as it was",
    breakExecute((honest) => (request, context) => {
      Object.assign(request, { results: { vision: "mine" } });
      return honest(request, context);
    }),
  ],
  [
    "shows progress before its result",
    breakExecute((honest) => (request, context) => {
      // Enough to be stopped by, which other tests are about, but not a word of the program's.
      const progress = (): void => context.progress({ stage: "Thinking about Ada" });
      return honest(request, { ...context, progress });
    }),
  ],
  [
    "refuses a request whose signal is aborted already",
    breakExecute((honest) => (request, context) => {
      if (!context.signal.aborted) return honest(request, context);
      return honest(request, { ...context, signal: new AbortController().signal });
    }),
  ],
  [
    "gives no result after an abort at its first sign of progress",
    breakExecute((honest) => async (request, context) => {
      if (context.signal.aborted || isSame(request, sample.slowRequest)) {
        return honest(request, context);
      }
      const result = honest(request, { ...context, progress() {} });
      context.progress({ stage: "preparing" });
      return result;
    }),
  ],
  [
    "stops when it is aborted midway",
    breakExecute((honest) => async (request, context) => {
      const result = honest(request, context);
      if (!isSame(request, sample.slowRequest)) return result;
      return result.catch((error: unknown) => {
        if (WorkerError.is(error, "deadline_exceeded")) throw error;
        return new Promise(() => {});
      });
    }),
    ["ends the request that is aborted, and no other"],
  ],
  [
    "ends the backend's work when it is aborted",
    breakExecute((honest) => (request, context) => {
      const result = honest(request, context);
      if (isSame(request, sample.slowRequest)) {
        // As if the backend had not heard of it.
        context.signal.addEventListener("abort", () => void (backend.busy += 1));
      }
      return result;
    }),
    // What works on is in the way of whoever comes next.
    ["asks its backend for no more at once than it claims"],
  ],
  [
    "ends the request that is aborted, and no other",
    breakAdapter((honest) => {
      const controller = new AbortController();
      return {
        execute(request, context) {
          context.signal.addEventListener("abort", () => controller.abort(context.signal.reason));
          if (context.signal.aborted || !isSame(request, sample.validRequest)) {
            return honest.execute(request, context);
          }
          return new Promise((resolve, reject) => {
            setTimeout(() => {
              if (controller.signal.aborted) reject(controller.signal.reason as Error);
              else resolve(honest.execute(request, context));
            });
          });
        },
      };
    }),
  ],
  [
    "stops at its deadline",
    breakExecute(
      (honest) => (request, context) =>
        honest(request, context).catch((error: unknown) => {
          if (!WorkerError.is(error, "deadline_exceeded")) throw error;
          return new Promise(() => {});
        }),
    ),
  ],
  [
    "stops when a part cannot be saved",
    breakExecute((honest) => (request, context) => {
      const savePart: typeof context.savePart = (...part) =>
        context.savePart(...part).catch(() => undefined);
      return honest(request, { ...context, savePart });
    }),
  ],
  [
    "does no part again that is there",
    breakExecute((honest) => (request, context) => honest({ ...request, parts: [] }, context)),
  ],
  [
    "fails with a WorkerError that quotes nobody",
    breakExecute((honest) => async (request, context) => {
      if (!isSame(request, sample.invalidRequest)) return honest(request, context);
      throw new WorkerError("input_corrupt", `I cannot read "${textOf(request)}".`);
    }),
  ],
  [
    "says whose fault a failure is",
    breakExecute((honest) => async (request, context) => {
      if (!isSame(request, sample.failures.backend)) return honest(request, context);
      throw toFailure("job");
    }),
  ],
  [
    "refuses a phase that it does not claim",
    breakExecute((honest) => (request, context) => honest({ ...request, phase: "draft" }, context)),
  ],
  [
    "logs nothing of the request",
    breakExecute((honest) => (request, context) => {
      context.logger.warn("request.odd", { start: textOf(request) });
      return honest(request, context);
    }),
  ],
  [
    "prints nothing",
    breakExecute((honest) => (request, context) => {
      globalThis.console.warn("invalid json");
      return honest(request, context);
    }),
  ],
  [
    "gives the same output to the same request, if it claims so",
    breakExecute((honest) => async (...call) => ({
      ...(await honest(...call)),
      output: crypto.randomUUID(),
    })),
  ],
  [
    "reads no string as a path",
    breakExecute((honest) => async (request, context) => {
      const result = await honest(request, context);
      const text = textOf(request);
      return existsSync(text) ? { ...result, output: readFileSync(text, "utf8") } : result;
    }),
  ],
  [
    "bears as many requests at once as it claims",
    breakAdapter((honest) => {
      let requests = 0;
      return {
        async execute(request, context) {
          if (requests > 0 && !isSame(request, sample.slowRequest)) throw toFailure("backend");
          if (!isSame(request, sample.validRequest)) return await honest.execute(request, context);
          requests += 1;
          try {
            // One turn of the loop, as every backend takes.
            await new Promise((resolve) => void setTimeout(resolve));
            return await honest.execute(request, context);
          } finally {
            requests -= 1;
          }
        },
      };
    }),
  ],
  [
    "asks its backend for no more at once than it claims",
    breakExecute((honest) => async (request, context) => {
      if (!isSame(request, sample.slowRequest)) return honest(request, context);
      // Three pages at once, as it were.
      const pages = [1, 2, 3].map(() => honest(request, context));
      return await Promise.any(pages).catch(() => Promise.race(pages));
    }),
  ],
  ["says how it is", breakAdapter(() => ({ probe: async () => ({ status: "fine" as "ok" }) }))],
  [
    "can be closed twice",
    breakAdapter(() => {
      let isClosed = false;
      const close = async (): Promise<void> => {
        if (isClosed) throw new Error("closed twice");
        isClosed = true;
      };
      return { close };
    }),
  ],
];

test.each(dishonest)(
  "the kit notices an adapter that breaks: %s",
  async (promise, setup, also = []) => {
    using console = spyOn(globalThis.console, "warn").mockImplementation(() => {});
    const { failed } = await runKit({ setup, sample, backend });

    expect(failed.toSorted()).toEqual([promise, ...also].toSorted());
    expect(console.mock.calls.length > 0).toBe(promise === "prints nothing");
  },
);

test("the kit breaks no promise of its own that no adapter here breaks", async () => {
  const { all } = await runKit({ setup: createHonestAdapter, sample, backend });

  const [first, ...rest] = all;
  expect(first).toBe("skips only tests that exist");
  expect(rest).toEqual(dishonest.map(([promise]) => promise));
});

test.each<[string, () => AdapterV1, string]>([
  [
    "something that is no WorkerError",
    breakExecute(
      (honest) =>
        (...call) =>
          honest(...call).catch(() => {
            throw new Error("It broke.");
          }),
    ),
    "fails with a WorkerError that quotes nobody",
  ],
  [
    "no provenance at all",
    breakExecute((honest) => async (...call) => ({ ...(await honest(...call)), provenance: {} })),
    "says where a result comes from, without quoting the request",
  ],
  [
    "no sign of progress",
    breakExecute(
      (honest) => (request, context) => honest(request, { ...context, progress: () => undefined }),
    ),
    "shows progress before its result",
  ],
  [
    "a phase that does not resolve to a resource",
    breakAdapter(() => ({ capabilities: { phases: ["grade"] } })),
    "says what it is",
  ],
])("the kit notices %s", async (_, setup, promise) => {
  const { slowRequest: _slow, ...quick } = sample;

  const { failed } = await runKit({ setup, sample: quick, backend });

  expect(failed).toContain(promise);
});

test("the kit takes an adapter that claims nothing at its word", async () => {
  const random = breakExecute((honest) => async (...call) => ({
    ...(await honest(...call)),
    output: crypto.randomUUID(),
  }));
  const setup = (): AdapterV1 => ({ ...random(), capabilities: { phases: ["draft"] } });

  const { failed } = await runKit({ setup, sample, backend });

  expect(failed).toEqual([]);
});

test("the kit says what it left out for want of a request", async () => {
  const { validRequest } = sample;

  const { all, failed } = await runKit({ setup: createHonestAdapter, sample: { validRequest } });

  expect(all).toContain("stops at its deadline (skipped: no slowRequest to test with)");
  expect(all).toContain(
    "fails with a WorkerError that quotes nobody (skipped: no invalidRequest to test with)",
  );
  expect(failed).toEqual([]);
});

test("the kit prints the reason of a skipped test and fails on one it does not have", async () => {
  const skip = { "prints nothing": "the client prints a banner", "prints everything": "typo" };

  const { all, failed } = await runKit({ setup: createHonestAdapter, sample, backend, skip });

  expect(all).toContain("prints nothing (skipped: the client prints a banner)");
  expect(failed).toEqual(["skips only tests that exist"]);
});

test("the kit wants a sample in which a quotation would show", async () => {
  const wordless = { ...sample.validRequest, input: { text: "word", mediaType: "text/plain" } };

  const { failed } = await runKit({
    setup: createHonestAdapter,
    sample: { validRequest: wordless },
  });

  expect(failed).toContain("says where a result comes from, without quoting the request");
});
