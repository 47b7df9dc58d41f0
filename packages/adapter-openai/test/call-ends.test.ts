import { expect, test } from "bun:test";

import { createOpenAiModel } from "../src/index.ts";
import { startOpenAiServer, toEvent } from "./openai-server.ts";
import { expectModelError, recordCall, request, setup } from "./setup.ts";

/** Short enough for a test, long enough for a request to reach its server on a busy machine. */
const shortMs = 500;

test("sends nothing when the call was aborted before, or its deadline has passed", async () => {
  await using subject = await setup();
  const context = recordCall({ signal: AbortSignal.abort() });

  const aborted = await expectModelError(subject.model.generate(request, context));
  const late = await expectModelError(
    subject.model.generate(request, recordCall({ deadlineMs: -1 })),
  );

  expect(aborted).toMatchObject({ code: "aborted", scope: "backend", retryable: true });
  expect(late.code).toBe("backend_timeout");
  expect(context.seen).toEqual([]);
  expect(subject.server.requests).toEqual([]);
});

test("an abort before the first byte reaches the server", async () => {
  await using subject = await setup({ script: () => ({ kind: "silence" }) });
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
  await using subject = await setup({ script: () => ({ kind: "endless", piece: "la " }) });
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

test("an abort after the last token gives no answer", async () => {
  const events = [toEvent({ content: "Gut." }), toEvent({}, { finish_reason: "stop" })];
  await using subject = await setup({ script: () => ({ kind: "events", events, end: "stall" }) });
  const controller = new AbortController();

  const error = await expectModelError(
    subject.model.generate(
      request,
      recordCall({
        signal: controller.signal,
        onProgress: ({ stage }) => {
          if (stage === "decoding") setImmediate(() => controller.abort());
        },
      }),
    ),
  );

  expect(error.code).toBe("aborted");
});

test("closing the model aborts its calls and refuses new ones", async () => {
  await using subject = await setup({ script: () => ({ kind: "silence" }) });
  const call = expectModelError(subject.model.generate(request, recordCall()));
  await subject.server.waitForRequest("chat");

  await subject.model.close?.();
  await subject.model.close?.();

  expect((await call).code).toBe("aborted");
  await subject.server.waitForAbort("chat");
  const late = await expectModelError(subject.model.generate(request, recordCall()));
  expect(late.code).toBe("aborted");
});

test.each([
  ["first_token", { firstTokenMs: shortMs }, { kind: "silence" }],
  [
    "idle",
    { idleMs: shortMs },
    { kind: "events", events: [toEvent({ content: "Gut" })], end: "stall" },
  ],
  [
    // A frame that only names the role is no token.
    "first_token",
    { firstTokenMs: shortMs, idleMs: 1 },
    { kind: "events", events: [toEvent({ role: "assistant", content: "" })], end: "stall" },
  ],
] as const)("silence beyond its limit is an outage: %s", async (kind, limits, step) => {
  await using subject = await setup({ script: () => step, model: { limits } });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({
    code: "backend_timeout",
    scope: "backend",
    retryable: true,
    adapterCode: `${kind}_timeout`,
  });
  await subject.server.waitForAbort("chat");
});

test("a deadline that passes in silence is an outage, while the model writes the job's failure", async () => {
  await using silent = await setup({ script: () => ({ kind: "silence" }) });
  await using endless = await setup({ script: () => ({ kind: "endless", piece: "la " }) });
  const context = (): ReturnType<typeof recordCall> => recordCall({ deadlineMs: shortMs });
  const long = { ...request, outputTokensMax: 100_000 };

  const outage = await expectModelError(silent.model.generate(long, context()));
  const model = createOpenAiModel({
    baseUrl: endless.server.url,
    model: "tiny",
    profile: { outputTokensMax: 100_000 },
  });
  const runaway = await expectModelError(model.generate(long, context()));

  expect(outage).toMatchObject({
    code: "backend_timeout",
    scope: "backend",
    adapterCode: "deadline_before_output",
  });
  expect(runaway).toMatchObject({
    code: "output_runaway",
    scope: "job",
    retryable: true,
    adapterCode: "deadline_while_decoding",
  });
  await endless.server.waitForAbort("chat");
});

test.each([
  ["frames than tokens were asked for", "", "frames_exceeded"],
  ["characters than its tokens can have", " ".repeat(1_000), "characters_exceeded"],
])("an answer with more %s is the job's failure", async (_, piece, adapterCode) => {
  await using subject = await setup({ script: () => ({ kind: "endless", piece }) });

  const error = await expectModelError(
    subject.model.generate({ ...request, outputTokensMax: 10 }, recordCall()),
  );

  expect(error).toMatchObject({ code: "output_runaway", scope: "job", adapterCode });
  await subject.server.waitForAbort("chat");
});

test("an event that does not end is not kept in memory", async () => {
  await using subject = await setup({ script: () => ({ kind: "flood" }) });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: "backend_failed", adapterCode: "answer_too_large" });
  await subject.server.waitForAbort("chat");
});

test("says that it is alive while the server is silent within its limits", async () => {
  await using subject = await setup({
    script: () => ({ kind: "silence" }),
    model: { limits: { progressMs: 5 } },
  });
  const controller = new AbortController();
  const context = recordCall({
    signal: controller.signal,
    onProgress: () => {
      if (context.seen.length === 3) controller.abort();
    },
  });

  await expectModelError(subject.model.generate(request, context));

  expect(context.seen.map(({ stage }) => stage)).toEqual(["prefill", "prefill", "prefill"]);
});

test("a connection that breaks before the answer is an outage, in the middle it costs the answer", async () => {
  await using before = await setup({ script: () => ({ kind: "drop" }) });
  await using within = await setup({
    script: () => ({ kind: "events", events: [toEvent({ content: "Gut" })], end: "drop" }),
  });

  const first = await expectModelError(before.model.generate(request, recordCall()));
  const second = await expectModelError(within.model.generate(request, recordCall()));

  expect(first).toMatchObject({ code: "backend_unreachable", scope: "backend", retryable: true });
  expect(second).toMatchObject({ code: "backend_failed", adapterCode: "answer_cut" });
});

test("follows no redirect: text and key would go where nobody sent them", async () => {
  await using elsewhere = await startOpenAiServer();
  await using subject = await setup({
    script: () => ({
      kind: "reply",
      status: 307,
      body: "",
      headers: { location: `${elsewhere.url}/chat/completions` },
    }),
  });

  const error = await expectModelError(subject.model.generate(request, recordCall()));

  expect(error).toMatchObject({ code: "config_invalid", adapterCode: "redirected" });
  expect(elsewhere.requests).toEqual([]);
});

test("asks once: whoever retries is the worker", async () => {
  await using subject = await setup({
    script: () => ({ kind: "reply", status: 500, body: "", headers: { "x-should-retry": "true" } }),
  });

  await expectModelError(subject.model.generate(request, recordCall()));

  expect(subject.server.requests).toHaveLength(1);
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
