import { expect, test } from "bun:test";

import { createCallWatch } from "@leasehold/model/http";

import { callErrors } from "../src/call-errors.ts";
import { createOllamaModel } from "../src/index.ts";
import { faults } from "./replay-server.ts";
import { expectModelError, recordCall, request, setup } from "./setup.ts";

/** Short enough for a test, long enough for a request to reach its server on a busy machine. */
const shortMs = 500;

test("sends nothing when the call was aborted before", async () => {
  await using subject = await setup();
  const context = recordCall({ signal: AbortSignal.abort() });

  const error = await expectModelError(subject.model.generate(request, context));

  expect(error).toMatchObject({ code: "aborted", scope: "backend", retryable: true });
  expect(subject.server.requests).toEqual([]);
  expect(context.seen).toEqual([]);
});

test("loads nothing when the call was aborted before", async () => {
  await using subject = await setup();
  const context = recordCall({ signal: AbortSignal.abort() });

  const error = await expectModelError(subject.model.prepare?.(context) ?? Promise.resolve());

  expect(error.code).toBe("aborted");
  expect(subject.server.requests).toEqual([]);
  expect(context.seen).toEqual([]);
});

test("an abort is an abort, whatever the runtime makes of it", async () => {
  const controller = new AbortController();
  const model = createOllamaModel({
    baseUrl: "http://127.0.0.1",
    model: "tiny",
    fetch: async (url) => {
      if (url.endsWith("/api/chat")) controller.abort();
      throw new DOMException("broken off", "AbortError");
    },
  });

  const error = await expectModelError(
    model.generate(request, recordCall({ signal: controller.signal })),
  );

  expect(error.code).toBe("aborted");
});

test("an abort before the first byte reaches the server", async () => {
  await using subject = await setup({ script: [faults.slowHeaders] });
  const controller = new AbortController();
  const call = expectModelError(
    subject.model.generate(request, recordCall({ signal: controller.signal })),
  );
  await subject.server.waitForRequest("chat");

  controller.abort(new Error("lease lost"));

  expect((await call).code).toBe("aborted");
  await subject.server.waitForAbort("chat");
});

test("an abort in the middle of an answer reaches the server", async () => {
  await using subject = await setup({ script: [faults.endless] });
  const controller = new AbortController();

  const error = await expectModelError(
    subject.model.generate(
      request,
      recordCall({
        signal: controller.signal,
        onProgress: ({ tokens = 0 }) => {
          if (tokens === 3) controller.abort();
        },
      }),
    ),
  );

  expect(error.code).toBe("aborted");
  await subject.server.waitForAbort("chat");
});

test("an abort while the model is loaded reaches the server", async () => {
  await using subject = await setup({ script: [{ ...faults.slowHeaders, on: "load" }] });
  const controller = new AbortController();
  const loading = expectModelError(
    subject.model.prepare?.(recordCall({ signal: controller.signal })) ?? Promise.resolve(),
  );
  await subject.server.waitForRequest("load");

  controller.abort();

  expect((await loading).code).toBe("aborted");
  await subject.server.waitForAbort("load");
});

test("closing the model aborts its calls and refuses new ones", async () => {
  await using subject = await setup({ script: [faults.slowHeaders] });
  const call = expectModelError(subject.model.generate(request, recordCall()));
  await subject.server.waitForRequest("chat");

  await subject.model.close?.();
  await subject.model.close?.();

  expect((await call).code).toBe("aborted");
  await subject.server.waitForAbort("chat");
  const late = await expectModelError(subject.model.generate(request, recordCall()));
  expect(late.code).toBe("aborted");
});

test("gives up when no first token comes, and frees the server", async () => {
  await using subject = await setup({
    script: [faults.slowHeaders],
    model: { limits: { firstTokenMs: shortMs } },
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({
    code: "backend_timeout",
    scope: "backend",
    retryable: true,
    adapterCode: "first_token_timeout",
  });
  await subject.server.waitForAbort("chat");
});

test("gives up when the answer stops coming, and frees the server", async () => {
  await using subject = await setup({
    script: [faults.stalledMidStream],
    model: { limits: { idleMs: 50 } },
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({
    code: "backend_timeout",
    scope: "backend",
    retryable: true,
    adapterCode: "idle_timeout",
  });
  await subject.server.waitForAbort("chat");
});

test("half a frame is no sign of life", async () => {
  await using subject = await setup({
    script: [{ kind: "stream", pieces: [], tail: '{"mess', end: "stall" }],
    model: { limits: { firstTokenMs: 50 } },
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error.code).toBe("backend_timeout");
});

test("gives up loading on a deadline of its own", async () => {
  await using subject = await setup({
    script: [{ ...faults.slowHeaders, on: "load" }],
    model: { limits: { loadMs: shortMs } },
  });

  const error = await expectModelError(
    // The deadline of the call has passed long ago: loading does not share it.
    subject.model.prepare?.(recordCall({ deadlineMs: -1_000 })) ?? Promise.resolve(),
  );

  expect(error).toMatchObject({
    code: "backend_timeout",
    scope: "backend",
    retryable: true,
    adapterCode: "load_timeout",
  });
  await subject.server.waitForAbort("load");
});

test("loads although the deadline of the call has passed", async () => {
  await using subject = await setup();

  await subject.model.prepare?.(recordCall({ deadlineMs: -1_000 }));

  expect(subject.server.requests.map(({ kind }) => kind)).toEqual([
    "tags",
    "version",
    "show",
    "load",
  ]);
});

test("a deadline that passes in silence is an outage", async () => {
  await using subject = await setup({ script: [faults.slowHeaders] });

  const error = await expectModelError(
    subject.model.generate(request, recordCall({ deadlineMs: 200 })),
  );

  expect(error).toMatchObject({
    code: "backend_timeout",
    scope: "backend",
    adapterCode: "deadline_before_output",
  });
});

test("a deadline that passes while the model writes is the job's failure", async () => {
  await using subject = await setup({
    script: [faults.endless],
    model: {
      profile: { numCtx: 131_072, numPredict: 100_000 },
      // Shorter than the call: each token starts the time of silence anew.
      limits: { firstTokenMs: 1_500, idleMs: 1_500 },
    },
  });

  const error = await expectModelError(
    subject.model.generate(
      { ...request, outputTokensMax: 100_000 },
      recordCall({ deadlineMs: 2_000 }),
    ),
  );

  expect(error).toMatchObject({
    code: "output_runaway",
    scope: "job",
    retryable: true,
    adapterCode: "deadline_while_decoding",
  });
  await subject.server.waitForAbort("chat");
});

test("sends nothing when the deadline has passed", async () => {
  await using subject = await setup();

  const error = await expectModelError(
    subject.model.generate(request, recordCall({ deadlineMs: -1 })),
  );

  expect(error.code).toBe("backend_timeout");
  expect(subject.server.requests).toEqual([]);
});

test("an answer with more frames than tokens were asked for is the job's failure", async () => {
  await using subject = await setup({ script: [{ kind: "endless", piece: "", repeats: true }] });

  const error = await expectModelError(
    subject.model.generate({ ...request, outputTokensMax: 10 }, recordCall()),
  );

  expect(error).toMatchObject({
    code: "output_runaway",
    scope: "job",
    retryable: true,
    adapterCode: "frames_exceeded",
  });
  await subject.server.waitForAbort("chat");
});

test("an answer far longer than its tokens can be is the job's failure", async () => {
  await using subject = await setup({
    script: [{ kind: "endless", piece: " ".repeat(1_000) }],
  });

  const error = await expectModelError(
    subject.model.generate({ ...request, outputTokensMax: 100 }, recordCall()),
  );

  expect(error).toMatchObject({ code: "output_runaway", adapterCode: "characters_exceeded" });
  await subject.server.waitForAbort("chat");
});

test("says that it is alive while the server is silent within its limits", async () => {
  await using subject = await setup({
    script: [faults.slowHeaders, { ...faults.slowHeaders, on: "load" }],
    model: { limits: { progressMs: 5 } },
  });
  const abortAtThird = (stage: string) => {
    const controller = new AbortController();
    let count = 0;
    return recordCall({
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.stage === stage) count += 1;
        if (count === 3) controller.abort();
      },
    });
  };

  const loading = abortAtThird("loading");
  await expectModelError(subject.model.prepare?.(loading) ?? Promise.resolve());
  const reading = abortAtThird("prefill");
  await expectModelError(subject.model.generate(request, reading));

  expect(loading.seen.map(({ stage }) => stage)).toEqual(["loading", "loading", "loading"]);
  expect(reading.seen.map(({ stage }) => stage)).toEqual(["prefill", "prefill", "prefill"]);
});

test("stops saying so when the answer speaks for itself", async () => {
  await using subject = await setup({
    script: [faults.endless],
    model: { limits: { progressMs: 1 } },
  });
  const controller = new AbortController();
  const context = recordCall({
    signal: controller.signal,
    onProgress: ({ tokens = 0 }) => {
      if (tokens === 20) controller.abort();
    },
  });

  await expectModelError(subject.model.generate(request, context));

  const stages = context.seen.map(({ stage }) => stage);
  expect(stages.lastIndexOf("prefill")).toBeLessThan(stages.indexOf("decoding"));
});

test("the first reason counts", () => {
  const controller = new AbortController();
  const watch = createCallWatch({
    resource: "host:1/tiny",
    errors: callErrors,
    signals: [controller.signal],
  });

  watch.endAt(performance.now() - 1, () => false);
  controller.abort();
  watch.close();

  expect(watch.reason()).toMatchObject({ adapterCode: "deadline_before_output" });
});

test("a listener that throws costs its own call, not the process", async () => {
  await using subject = await setup({
    script: [faults.slowHeaders],
    model: { limits: { progressMs: 5 } },
  });
  let count = 0;
  const context = recordCall({
    onProgress: () => {
      count += 1;
      if (count > 1) throw new Error("the lease is lost");
    },
  });

  const error = await expectModelError(subject.model.generate(request, context));

  expect(error.code).toBe("aborted");
});

test("leaves no listener on a signal that outlives its calls", async () => {
  await using subject = await setup();
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };

  await subject.model.prepare?.(recordCall({ signal }));
  await subject.model.generate(request, recordCall({ signal }));

  expect(listeners).toBe(0);
});
