import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import type { z } from "zod";

import { toAnswerSchema } from "../answer-schema.ts";
import {
  type ModelContext,
  ModelError,
  type ModelImage,
  type ModelProgress,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "../model.ts";
import { watchConsole } from "./watch-console.ts";

/** What one test of the kit works on. */
export interface Subject {
  setup(): Promise<ModelV1>;
  readonly request: ModelRequest;
  readonly slowRequest: ModelRequest;
  readonly failingRequest: ModelRequest;
  readonly image: ModelImage;
  readonly schema: z.ZodType;
}

/** An abort should be obeyed within 250 ms. The kit allows a busy machine eight times that. */
const abortMsMax = 2_000;

/** Time in which a model must show its first sign of life, and one that answers must answer. */
const answerMsMax = 30_000;

/** Shorter lines of a request are too common to prove anything when they turn up elsewhere. */
const telltaleCharactersMin = 8;

/** Every promise of the contract that the kit tests, by the sentence that states it. */
export const promises: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  "says what it is": (subject) =>
    withModel(subject, async (model) => {
      assert.equal(model.specVersion, "v1");
      assert.match(model.name, /^[a-z0-9][a-z0-9_.-]{0,63}$/);
      assert.notEqual(model.version, "");
      assert.notEqual(model.resource, "");
      const { concurrency = 1 } = model;
      assert.ok(Number.isInteger(concurrency) && concurrency > 0, "concurrency counts jobs");
      const { images, structuredOutput, deterministic, local } = model.capabilities;
      assert.ok(["grammar", "prompt", "none"].includes(structuredOutput));
      assert.ok([images, deterministic, local].every((claim) => typeof claim === "boolean"));
    }),

  "answers a request with a whole response": (subject) =>
    withModel(subject, async (model) => {
      const response = await call(model, subject.request);

      assert.equal(typeof response.text, "string");
      assert.ok(["stop", "length"].includes(response.finish));
      for (const tokens of [response.usage.inputTokens, response.usage.outputTokens]) {
        assert.ok(tokens === undefined || (Number.isInteger(tokens) && tokens >= 0));
      }
      assert.ok(response.durationMs >= 0);
    }),

  "says what made an answer, without quoting the request": (subject) =>
    withModel(subject, async (model) => {
      const { provenance } = await call(model, subject.request);

      assert.notEqual(provenance.adapter, "");
      assert.notEqual(provenance.model, "");
      for (const option of Object.values(provenance.options)) {
        assert.ok(["string", "number", "boolean"].includes(typeof option));
      }
      assertQuotesNothing(JSON.stringify(provenance), subject.request, "provenance");
    }),

  "leaves the request as it was": (subject) =>
    withModel(subject, async (model) => {
      const request = model.capabilities.images
        ? withImage(subject.request, subject.image)
        : subject.request;
      const before = structuredClone(request);

      await call(model, request);

      assert.deepEqual(request, before);
    }),

  "shows progress before it writes": (subject) =>
    withModel(subject, async (model) => {
      const seen: ModelProgress[] = [];

      await call(model, subject.request, { progress: (progress) => void seen.push(progress) });

      const [first] = seen;
      assert.ok(first !== undefined, "progress was never called");
      assert.notEqual(
        first.stage,
        "decoding",
        "the first progress must come before the first byte",
      );
    }),

  "refuses a call whose signal is aborted already": (subject) =>
    withModel(subject, async (model) => {
      const response = call(model, subject.request, { signal: AbortSignal.abort() });

      await expectError(response, ["aborted"]);
    }),

  "gives no answer after an abort at its first sign of progress": (subject) =>
    withModel(subject, async (model) => {
      const controller = new AbortController();

      const response = call(model, subject.request, {
        signal: controller.signal,
        progress: () => controller.abort(),
      });

      await expectError(response, ["aborted"]);
    }),

  "stops when it is aborted before the first byte": (subject) =>
    withModel(subject, async (model) => {
      const controller = new AbortController();
      const started = Promise.withResolvers<void>();
      let isOver = false;
      const response = call(model, subject.slowRequest, {
        signal: controller.signal,
        progress: () => started.resolve(),
      }).finally(() => (isOver = true));
      response.catch(() => {});
      await within(answerMsMax, Promise.race([started.promise, response]), "the first progress");
      // One turn of the loop, so that the call is under way and not merely begun.
      await new Promise((resolve) => void setTimeout(resolve));
      assert.equal(isOver, false, "slowRequest was over before it could be aborted");

      controller.abort();

      await within(abortMsMax, expectError(response, ["aborted"]), "the end after an abort");
    }),

  "prepares under the caller's signal": (subject) =>
    withModel(subject, async (model) => {
      if (model.prepare === undefined) return;
      const context = createContext({ signal: AbortSignal.abort() });

      await expectError(model.prepare(context), ["aborted"]);
    }),

  "fails with a ModelError that quotes nobody": (subject) =>
    withModel(subject, async (model) => {
      const error = await expectError(call(model, subject.failingRequest));

      assert.match(error.adapterCode ?? "none", /^[a-z0-9_]{1,64}$/);
      const shown = `${error.stack ?? ""} ${JSON.stringify(error)} ${inspect(error, { depth: 9 })}`;
      assertQuotesNothing(shown, subject.failingRequest, "the error");
    }),

  "prints nothing": (subject) =>
    withModel(subject, async (model) => {
      const printed = await watchConsole(async () => {
        await call(model, subject.request);
        await call(model, subject.failingRequest).catch(() => {});
      });

      assert.deepEqual(printed, [], "a console may be read by people who must not see a request");
    }),

  "takes a picture, or refuses it cleanly": (subject) =>
    withModel(subject, async (model) => {
      const response = call(model, withImage(subject.request, subject.image));

      if (model.capabilities.images) assert.equal(typeof (await response).text, "string");
      else await expectError(response, ["input_unsupported", "model_unsuitable"]);
    }),

  "takes pictures as bytes only, never as a path": (subject) =>
    withModel(subject, async (model) => {
      const folder = await mkdtemp(join(tmpdir(), "model-contract-"));
      try {
        const path = join(folder, "picture.png");
        await writeFile(path, subject.image.bytes);
        // What a caller in plain JavaScript, or a careless cast, could send.
        const image = { ...subject.image };
        Object.assign(image, { bytes: path });

        await expectError(call(model, withImage(subject.request, image)));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),

  "answers a schema in JSON, or refuses it cleanly": (subject) =>
    withModel(subject, async (model) => {
      const schema = toAnswerSchema(subject.schema);
      const response = call(model, { ...subject.request, schema });
      if (model.capabilities.structuredOutput === "none") {
        await expectError(response, ["input_unsupported", "model_unsuitable"]);
        return;
      }

      const { finish, text } = await response;

      assert.equal(finish, "stop", "the sample's outputTokensMax is too small for its schema");
      const parsed = subject.schema.safeParse(JSON.parse(text));
      assert.ok(parsed.success, "the answer breaks the sample's schema");
    }),

  "gives the same answer to the same request, if it claims so": (subject) =>
    withModel(subject, (first) =>
      withModel(subject, async (second) => {
        if (!first.capabilities.deterministic) return;

        const texts = [
          await call(first, subject.request),
          await call(first, subject.request),
          await call(second, subject.request),
        ].map(({ text }) => text);

        assert.equal(new Set(texts).size, 1, "the same request got different answers");
      }),
    ),

  "says how it is": (subject) =>
    withModel(subject, async (model) => {
      if (model.probe === undefined) return;

      const { status } = await model.probe(new AbortController().signal);

      assert.ok(["ok", "failed"].includes(status));
    }),

  "can be closed twice": async (subject) => {
    const model = await subject.setup();

    await model.close?.();

    await model.close?.();
  },
};

async function withModel(
  subject: Subject,
  check: (model: ModelV1) => Promise<void>,
): Promise<void> {
  const model = await subject.setup();
  try {
    await check(model);
  } finally {
    await model.close?.();
  }
}

interface CallOptions {
  readonly signal?: AbortSignal;
  progress?(progress: ModelProgress): void;
}

function createContext(options: CallOptions): ModelContext {
  return {
    signal: options.signal ?? new AbortController().signal,
    deadlineAt: performance.now() + answerMsMax,
    progress: (progress) => options.progress?.(progress),
  };
}

async function call(
  model: ModelV1,
  request: ModelRequest,
  options: CallOptions = {},
): Promise<ModelResponse> {
  return model.generate(request, createContext(options));
}

function withImage(request: ModelRequest, image: ModelImage): ModelRequest {
  const user = { role: "user", content: "What does this picture show?", images: [image] } as const;
  return { ...request, messages: [...request.messages, user] };
}

async function expectError(
  work: Promise<unknown>,
  codes?: readonly ModelError["code"][],
): Promise<ModelError> {
  const thrown = await work.then(
    () => assert.fail("it succeeded where it had to fail"),
    (reason: unknown) => reason,
  );
  if (!ModelError.is(thrown)) return assert.fail("it threw something that is no ModelError");
  if (codes !== undefined) assert.ok(codes.includes(thrown.code), `its code was ${thrown.code}`);
  return thrown;
}

function assertQuotesNothing(text: string, request: ModelRequest, where: string): void {
  const lines = request.messages
    .flatMap(({ content }) => content.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line.length >= telltaleCharactersMin);
  assert.notEqual(lines.length, 0, "the sample has no line that would be recognised");
  // The message must not quote the line either: it ends up in a build log.
  assert.ok(!lines.some((line) => text.includes(line)), `${where} quotes the request`);
}

async function within<Value>(ms: number, work: Promise<Value>, what: string): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
