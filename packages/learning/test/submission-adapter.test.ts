import { describe, expect, test } from "bun:test";

import { type AdapterV1, type PhaseRequest, type PhaseResult, WorkerError } from "@leasehold/core";
import { testAdapterContract } from "@leasehold/core/testing";
import { ModelError, type ModelErrorCode, type ModelErrorScope } from "@leasehold/model";

import type { FeedbackFallback } from "../src/feedback-phase.ts";
import { createSubmissionAdapter } from "../src/submission-adapter.ts";
import { type SubmissionInput, visionOutput } from "../src/submission.ts";
import { rejection } from "./fixtures/errors.ts";
import { createFakeModel, type FakeModel, type Say, sayWhatFits } from "./support/fake-model.ts";
import { createFakeUpload, type FakeUpload, picture } from "./support/fake-upload.ts";
import { createPhaseContext } from "./support/phase-context.ts";
import { refusal } from "./support/refusal.ts";
import { fileInput, requestOf, textInput } from "./support/submission-input.ts";

interface Options {
  readonly say?: Say;
  /** Default: none, so that an error is an error. */
  readonly fallbacks?: readonly FeedbackFallback[];
  /** Whether the pages carry words that nobody sees. Default: `false`. */
  readonly hidesText?: boolean;
}

interface Fixture {
  readonly adapter: AdapterV1;
  readonly vision: FakeModel;
  readonly feedback: FakeModel;
  readonly upload: FakeUpload;
  readonly file: SubmissionInput;
  readonly execute: (request: PhaseRequest) => Promise<PhaseResult>;
}

function setup({ say = sayWhatFits, fallbacks = [], hidesText = false }: Options = {}): Fixture {
  const vision = createFakeModel({ name: "eye", say });
  const feedback = createFakeModel({ name: "judge", say });
  const upload = createFakeUpload([picture(1), picture(2)], { hidesText });
  const { storage, media } = upload;
  const adapter = createSubmissionAdapter({
    name: "two-models",
    version: "1",
    vision,
    feedback,
    storage,
    media,
    feedbackFallbacks: fallbacks,
  });
  return {
    adapter,
    vision,
    feedback,
    upload,
    file: fileInput(upload.recorded),
    execute: (request) => adapter.execute(request, createPhaseContext({ phase: request.phase })),
  };
}

/** Says nothing until its call is aborted. */
const hang: Say = (_request, { signal }) =>
  new Promise((_resolve, reject) => {
    const stop = (): void => reject(new ModelError("aborted", "Stopped.", aborted));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
const aborted = { scope: "backend", retryable: true } as const;

describe("the submission adapter", () => {
  test("asks the one model to read and the other to judge", async () => {
    const { execute, vision, feedback, file } = setup();

    await execute(requestOf(file));
    await execute(requestOf(textInput));

    expect(vision.requests).toHaveLength(2);
    expect(feedback.requests).toHaveLength(2);
    expect(vision.requests.every(({ schema }) => schema === undefined)).toBe(true);
  });

  test("never shows a text to the model that reads", async () => {
    const { execute, vision } = setup();

    await execute(requestOf(textInput));

    expect(vision.requests).toEqual([]);
    expect(vision.prepared()).toBe(0);
  });

  test("judges what vision returned, not what the submission holds", async () => {
    const { execute, feedback, file } = setup();
    const results = { vision: { text: "Von der Seite gelesen.", pages: [] } };

    await execute(requestOf(file, { phase: "feedback", results }));

    expect(JSON.stringify(feedback.requests)).toContain("Von der Seite gelesen.");
  });

  test.each([true, false])("tells the teacher whether pages hide words: %j", async (hidesText) => {
    const { execute, file } = setup({ hidesText });

    const read = visionOutput.parse((await execute(requestOf(file))).output);
    const results = { vision: { text: read.text, pages: read.pages.map((page) => ({ ...page })) } };
    const { output } = await execute(requestOf(file, { phase: "feedback", results }));

    expect(read.pages.map((page) => page.hidesText ?? false)).toEqual([hidesText, hidesText]);
    expect(output).toMatchObject({
      needsReview: hidesText,
      ...(hidesText ? { flags: ["hidden_text"] } : {}),
    });
  });

  test("begins nothing when it is over before it began", async () => {
    const { adapter, vision, feedback, upload, file } = setup();
    const reason = new WorkerError("worker_stopping", "The worker stopped.");
    const signal = AbortSignal.abort(reason);

    for (const request of [requestOf(file), requestOf(textInput)]) {
      const context = createPhaseContext({ phase: request.phase, signal });

      expect(await refusal(adapter.execute(request, context))).toBe(reason);
    }

    expect([vision.prepared(), feedback.prepared()]).toEqual([0, 0]);
    expect(upload.reads()).toBe(0);
  });

  test("says which resource each phase needs", () => {
    const { adapter } = setup();

    expect(adapter.resource("vision")).toBe("test/eye");
    expect(adapter.resource("feedback")).toBe("test/judge");
  });

  test("says how many jobs each resource bears, as its model does", () => {
    const { upload } = setup();
    const { storage, media } = upload;
    const vision = { ...createFakeModel(), concurrency: 2 };

    const adapter = createSubmissionAdapter({
      name: "test",
      version: "1",
      vision,
      feedback: createFakeModel(),
      storage,
      media,
    });

    expect(adapter.concurrency?.("vision")).toBe(2);
    expect(adapter.concurrency?.("feedback")).toBeUndefined();
  });

  test("claims only what both models can, and never to be deterministic", () => {
    const { upload } = setup();
    const { storage, media } = upload;
    const far = createFakeModel({ capabilities: { local: false } });
    const options = { name: "a", version: "1", storage, media };

    const mixed = createSubmissionAdapter({ ...options, vision: createFakeModel(), feedback: far });
    const near = createSubmissionAdapter({
      ...options,
      vision: createFakeModel(),
      feedback: createFakeModel(),
    });

    const phases = ["vision", "feedback"];
    expect(mixed.capabilities).toEqual({ phases, deterministic: false, local: false });
    expect(near.capabilities).toEqual({ phases, deterministic: false, local: true });
  });

  test("closes each model once, also when one model does both", async () => {
    const { adapter, vision, feedback, upload } = setup();
    const both = createFakeModel();
    const { storage, media } = upload;
    const single = createSubmissionAdapter({
      name: "one-model",
      version: "1",
      vision: both,
      feedback: both,
      storage,
      media,
    });

    await adapter.close?.();
    await single.close?.();

    expect([vision, feedback, both].map((model) => model.closed())).toEqual([1, 1, 1]);
  });

  test("is as well as the less well of its models", async () => {
    const { upload } = setup();
    const { storage, media } = upload;
    const ill = { ...createFakeModel(), probe: async () => ({ status: "failed", detail: "away" }) };
    const well = { ...createFakeModel(), probe: async () => ({ status: "ok" }) };
    const options = { name: "a", version: "1", storage, media };
    const { signal } = new AbortController();

    const mixed = createSubmissionAdapter({
      ...options,
      vision: well as FakeModel,
      feedback: ill as FakeModel,
    });
    const silent = createSubmissionAdapter({
      ...options,
      vision: createFakeModel(),
      feedback: createFakeModel(),
    });

    expect(await mixed.probe?.(signal)).toEqual({ status: "failed", detail: "away" });
    expect(await silent.probe?.(signal)).toEqual({ status: "ok" });
  });

  test("gives each call of a model its own time", async () => {
    const { upload } = setup();
    const { storage, media } = upload;
    const adapter = createSubmissionAdapter({
      name: "hasty",
      version: "1",
      vision: createFakeModel({ say: hang }),
      feedback: createFakeModel({ say: hang }),
      storage,
      media,
      visionTimeoutSeconds: 0.01,
      feedbackTimeoutSeconds: 0.01,
    });

    const requests = [requestOf(fileInput(upload.recorded)), requestOf(textInput)];
    const errors = await Promise.all(
      requests.map((request) =>
        rejection(adapter.execute(request, createPhaseContext({ phase: request.phase }))),
      ),
    );

    for (const error of errors) {
      expect(error).toMatchObject({ code: "backend_timeout", scope: "backend", retryable: true });
    }
  });
});

describe("an error of a model becomes one of the worker's, with the same meaning", () => {
  const errors: readonly (readonly [ModelErrorCode, ModelErrorScope, boolean])[] = [
    ["backend_busy", "backend", true],
    ["backend_failed", "backend", true],
    ["backend_timeout", "backend", true],
    ["backend_unreachable", "backend", true],
    ["config_invalid", "config", false],
    ["input_corrupt", "job", false],
    ["input_too_large", "job", false],
    ["input_unsupported", "job", false],
    ["model_missing", "config", false],
    ["model_unsuitable", "config", false],
    ["output_runaway", "job", true],
    ["output_truncated", "job", true],
  ];
  test.each([...errors])("%s (%s)", async (code, scope, retryable) => {
    const details = { scope, retryable, retryAfterMs: 7_000, adapterCode: "finer_code" };
    const thrown = new ModelError(code, "The model's own words.", details);
    const { execute, file } = setup({
      say() {
        throw thrown;
      },
    });

    for (const request of [requestOf(file), requestOf(textInput)]) {
      const error = await rejection(execute(request));

      expect(error).toMatchObject({ code, message: "The model's own words.", ...details });
    }
  });

  test("and one without extras has none", async () => {
    const { execute } = setup({
      say() {
        throw new ModelError("backend_busy", "Busy.", { scope: "backend", retryable: true });
      },
    });

    const error = await rejection(execute(requestOf(textInput)));

    expect(error.retryAfterMs).toBeUndefined();
    expect(error.adapterCode).toBeUndefined();
  });

  test("and an answer that was cut is never used", async () => {
    const { upload } = setup();
    const { storage, media } = upload;
    const cut = createFakeModel({ response: { finish: "length" } });
    const options = { name: "cut", version: "1", vision: cut, feedback: cut, storage, media };
    const adapter = createSubmissionAdapter({ ...options, feedbackFallbacks: [] });

    const requests = [requestOf(fileInput(upload.recorded)), requestOf(textInput)];
    for (const request of requests) {
      const context = createPhaseContext({ phase: request.phase });
      const error = await rejection(adapter.execute(request, context));

      expect(error).toMatchObject({ code: "output_truncated", scope: "job", retryable: true });
    }
  });

  test("and what is no error of a model stays what it is", async () => {
    const odd = new TypeError("odd");
    const { execute } = setup({
      say() {
        throw odd;
      },
    });

    const thrown = await refusal(execute(requestOf(textInput)));

    expect(thrown).toBe(odd);
  });
});

describe("what the worker should never hand over is refused without a quote", () => {
  test.each([
    ["an input that is none", requestOf({ ...textInput, text: undefined })],
    ["no result of vision", requestOf(textInput, { results: {} })],
    ["an odd result of vision", requestOf(textInput, { results: { vision: "Canary text" } })],
  ])("%s", async (_, request) => {
    const { execute, feedback } = setup();

    const error = await rejection(execute(request));

    expect(error).toMatchObject({ code: "input_invalid", scope: "job", retryable: false });
    expect(error.message).not.toMatch(/Canary|Inhalt/);
    expect(feedback.requests).toEqual([]);
  });
});

const slowInEnglish: Say = (request, context) =>
  JSON.stringify(request.messages).match(/Page \d|Criteria:/)
    ? hang(request, context)
    : sayWhatFits(request);

const slow = setup({ say: slowInEnglish });
const task = { instruction: "Beschreibe den Bach genau.", hints: "Der Bach mündet in den See." };

describe("for vision:", () => {
  const input = { ...slow.file, ...task };
  testAdapterContract(
    { describe, test },
    {
      setup: () => setup({ say: slowInEnglish }).adapter,
      sample: {
        validRequest: requestOf(input),
        invalidRequest: requestOf({ ...input, criteria: [] }),
        slowRequest: requestOf({ ...input, language: "en" }),
      },
    },
  );
});

describe("for feedback:", () => {
  const input = { ...textInput, ...task };
  testAdapterContract(
    { describe, test },
    {
      setup: () => setup({ say: slowInEnglish }).adapter,
      sample: {
        validRequest: requestOf(input),
        invalidRequest: requestOf(input, { results: {} }),
        slowRequest: requestOf({ ...input, language: "en" }),
      },
    },
  );
});
