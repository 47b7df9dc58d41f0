import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { toAnswerSchema } from "../answer-schema.ts";
import { ModelError, type ModelProgress } from "../model.ts";
import {
  assertQuotesNothing,
  call,
  expectError,
  type ModelPromise,
  promise,
  show,
  withImage,
  withModel,
} from "./subject.ts";

/** Calls that are made at the same time. */
const callsAtOnce = 3;

/** What is promised of answers. */
export const answerPromises: Readonly<Record<string, ModelPromise>> = {
  "says what it is": promise(async (model) => {
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

  "answers a request with a whole response": promise(async (model, subject) => {
    const response = await call(model, subject.request);

    assert.equal(typeof response.text, "string");
    assert.ok(["stop", "length"].includes(response.finish));
    for (const tokens of [response.usage.inputTokens, response.usage.outputTokens]) {
      assert.ok(tokens === undefined || (Number.isInteger(tokens) && tokens >= 0));
    }
    assert.ok(response.durationMs >= 0);
  }),

  "says what made an answer, without quoting the request": promise(async (model, subject) => {
    const { provenance } = await call(model, subject.request);

    assert.notEqual(provenance.adapter, "");
    assert.notEqual(provenance.model, "");
    for (const option of Object.values(provenance.options)) {
      assert.ok(["string", "number", "boolean"].includes(typeof option));
    }
    assertQuotesNothing(JSON.stringify(provenance), subject.request, "provenance");
  }),

  "leaves the request as it was": promise(async (model, subject) => {
    const request = model.capabilities.images
      ? withImage(subject.request, subject.image)
      : subject.request;
    const before = structuredClone(request);

    await call(model, request);

    assert.deepEqual(request, before);
  }),

  "shows progress before it writes": promise(async (model, subject) => {
    const seen: ModelProgress[] = [];

    await call(model, subject.request, { progress: (progress) => void seen.push(progress) });

    const [first] = seen;
    assert.ok(first !== undefined, "progress was never called");
    assert.notEqual(first.stage, "decoding", "the first progress must come before the first byte");
  }),

  "takes a picture, or refuses it cleanly": promise(async (model, subject) => {
    const response = call(model, withImage(subject.request, subject.image));

    if (model.capabilities.images) assert.equal(typeof (await response).text, "string");
    else await expectError(response, ["input_unsupported", "model_unsuitable"]);
  }),

  "takes pictures as bytes only, never as a path": promise(async (model, subject) => {
    await withFile(subject.image.bytes, async (path) => {
      // What a caller in plain JavaScript, or a careless cast, could send.
      const image = { ...subject.image };
      Object.assign(image, { bytes: path });

      await expectError(call(model, withImage(subject.request, image)));
    });
  }),

  "reads no text as a path": promise(async (model, { request }) => {
    const secret = `leaked-${crypto.randomUUID()}`;
    await withFile(secret, async (path) => {
      const messages = [{ role: "user", content: path } as const];

      const said = await call(model, { ...request, messages }).then(
        (response) => JSON.stringify(response),
        (error: unknown) => (ModelError.is(error) ? show(error) : ""),
      );

      assert.ok(!said.includes(secret), "it answered with what stands in the file");
    });
  }),

  "answers a schema in JSON, or refuses it cleanly": promise(async (model, subject) => {
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

  "gives the same answer to the same request, if it claims so": promise(async (first, subject) => {
    if (!first.capabilities.deterministic) return;
    await withModel(subject, async (second) => {
      const texts = [
        await call(first, subject.request),
        await call(first, subject.request),
        await call(second, subject.request),
      ].map(({ text }) => text);

      assert.equal(new Set(texts).size, 1, "the same request got different answers");
    });
  }),

  "takes several calls at once": promise(async (model, { request }) => {
    const answers = await Promise.all(
      Array.from({ length: callsAtOnce }, async () => {
        const seen: ModelProgress[] = [];
        const { text } = await call(model, request, {
          progress: (progress) => void seen.push(progress),
        });
        return { text, progresses: seen.length };
      }),
    );

    for (const { text, progresses } of answers) {
      assert.equal(typeof text, "string");
      assert.notEqual(progresses, 0, "a call showed its progress to another");
    }
  }),

  "says how it is": promise(async (model) => {
    if (model.probe === undefined) return;

    const { status } = await model.probe(new AbortController().signal);

    assert.ok(["ok", "failed"].includes(status));
  }),

  "can be closed twice": promise(async (model) => {
    await model.close?.();

    await model.close?.();
  }),
};

/** Writes a file for as long as some work lasts. */
async function withFile(
  content: string | Uint8Array,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "model-contract-"));
  try {
    const path = join(folder, "picture.png");
    await writeFile(path, content);
    await work(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
