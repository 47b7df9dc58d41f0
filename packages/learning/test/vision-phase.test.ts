import { describe, expect, test } from "bun:test";

import { WorkerError } from "@leasehold/core";
import { ModelError } from "@leasehold/model";

import { visionOutput } from "../src/submission.ts";
import { readPages } from "../src/vision-phase.ts";
import { rejection } from "./fixtures/errors.ts";
import { createFakeModel, type FakeModel, type FakeModelOptions } from "./support/fake-model.ts";
import {
  createFakeUpload,
  type FakePage,
  type FakeUpload,
  picture,
} from "./support/fake-upload.ts";
import { createPhaseContext, type RecordedContext } from "./support/phase-context.ts";
import { refusal } from "./support/refusal.ts";
import { fileInput, textInput } from "./support/submission-input.ts";

interface Fixture {
  readonly model: FakeModel;
  readonly upload: FakeUpload;
  readonly context: RecordedContext;
  /** Reads the upload, with what earlier attempts saved. */
  readonly read: (known?: ReadonlyMap<number, unknown>) => ReturnType<typeof readPages>;
}

const threePictures = [picture(1), picture(2), picture(3)];

function setup(
  pages: readonly FakePage[] = threePictures,
  options: FakeModelOptions & { readonly context?: RecordedContext } = {},
): Fixture {
  const model = createFakeModel(options);
  const upload = createFakeUpload(pages);
  const { context = createPhaseContext() } = options;
  const { storage, media } = upload;
  return {
    model,
    upload,
    context,
    read: (known = new Map()) =>
      readPages(
        { model, storage, media, timeoutMs: 10_000 },
        { input: fileInput(upload.recorded), known },
        context,
      ),
  };
}

/** The page whose picture a request holds. */
function pageOf({ requests }: FakeModel, index: number): number | undefined {
  return requests[index]?.messages.flatMap(({ images = [] }) => images)[0]?.bytes[2];
}

const saved = (text: string): unknown => ({ source: "model", text });

describe("reading an upload", () => {
  test("asks the model for each page in turn and puts the pages together", async () => {
    const { model, read } = setup(threePictures, {
      say: ({ messages }) => `Seite ${messages.at(-1)?.images?.[0]?.bytes[2]}.`,
    });

    const { output } = await read();

    expect(output).toEqual({
      text: "Seite 1.\n\nSeite 2.\n\nSeite 3.",
      pages: [1, 2, 3].map((page) => ({ page, source: "model", characters: 8 })),
    });
    expect(visionOutput.safeParse(output).success).toBe(true);
    expect(model.requests).toHaveLength(3);
  });

  test("sends the model the picture's bytes and no word of the task", async () => {
    const { model, read } = setup([picture(7)]);

    await read();

    const [request] = model.requests;
    expect(request?.messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(request?.messages[1]).toEqual({
      role: "user",
      content: "Seite 1 von 1:",
      images: [{ mediaType: "image/jpeg", width: 10, height: 20, bytes: picture(7) }],
    });
    expect(request?.schema).toBeUndefined();
    expect(JSON.stringify(request?.messages)).not.toMatch(/Inhalt|Sprache/);
  });

  test("saves each page as soon as it is read, with where it comes from", async () => {
    const { context, read } = setup(["Ein Text.", picture(2)]);

    await read();

    expect(context.parts).toMatchObject([
      {
        part: 1,
        output: { source: "text_layer", text: "Ein Text." },
        provenance: { source: "text_layer" },
      },
      {
        part: 2,
        output: { source: "model", text: "Der Bach rauscht." },
        provenance: {
          adapter: "fake",
          model: "fake:latest",
          digest: "sha256:1",
          options: { temperature: 0 },
          program: "learning.vision",
          version: "1",
          hash: expect.stringMatching(/^[0-9a-f]{64}$/),
          step: "transcribe",
          asks: 1,
        },
      },
    ]);
  });

  test("loads the model once, before its first page", async () => {
    const { model, read } = setup();

    await read();

    expect(model.prepared()).toBe(1);
  });

  test("leaves the model alone when the document carries its own text", async () => {
    const { model, read } = setup(["Eins.", "Zwei."]);

    const { output, provenance } = await read();

    expect(output).toMatchObject({
      text: "Eins.\n\nZwei.",
      pages: [{ source: "text_layer" }, { source: "text_layer" }],
    });
    expect(model.requests).toEqual([]);
    expect(model.prepared()).toBe(0);
    expect(provenance).toEqual({ path: "program", pages: 2, textLayerPages: 2 });
  });

  test("takes an empty page for what it is", async () => {
    const { read } = setup([picture(1), ""], { say: () => "" });

    const { output } = await read();

    expect(output).toEqual({
      text: "\n\n",
      pages: [
        { page: 1, source: "model", characters: 0 },
        { page: 2, source: "text_layer", characters: 0 },
      ],
    });
  });

  test("states which model, which program and how many pages", async () => {
    const { read } = setup([picture(1), "Text.", picture(3)]);

    const { provenance } = await read();

    expect(provenance).toEqual({
      adapter: "fake",
      model: "fake:latest",
      digest: "sha256:1",
      options: { temperature: 0 },
      program: "learning.vision",
      version: "1",
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      step: "transcribe",
      asks: 1,
      path: "program",
      pages: 3,
      textLayerPages: 1,
    });
  });

  test("shows how far it is before each page", async () => {
    const seen: unknown[] = [];
    const context = createPhaseContext({ progress: (progress) => void seen.push(progress) });
    const { read } = setup(["Eins.", "Zwei."], { context });

    await read();

    expect(seen).toEqual([
      { stage: "preparing" },
      { stage: "queued" },
      { stage: "decoding", partsDone: 0, partsTotal: 2 },
      { stage: "decoding", partsDone: 1, partsTotal: 2 },
    ]);
  });

  test("asks another attempt with another seed, and each page with its own", async () => {
    const first = setup();
    const second = setup(threePictures, { context: createPhaseContext({ attempt: 2 }) });

    await Promise.all([first.read(), second.read()]);

    const seeds = [first, second].flatMap(({ model }) => model.requests.map(({ seed }) => seed));
    expect(new Set(seeds).size).toBe(6);
  });
});

describe("a page that was read before", () => {
  test("is taken as it is, and neither prepared nor sent", async () => {
    const { model, upload, context, read } = setup();

    const { output } = await read(
      new Map([
        [1, saved("Seite eins.")],
        [2, saved("Seite zwei.")],
      ]),
    );

    expect(output).toMatchObject({ text: "Seite eins.\n\nSeite zwei.\n\nDer Bach rauscht." });
    expect(upload.prepared).toEqual([3]);
    expect(model.requests).toHaveLength(1);
    expect(pageOf(model, 0)).toBe(3);
    expect(context.parts.map(({ part }) => part)).toEqual([3]);
  });

  test("needs no model when all of them were", async () => {
    const { model, read } = setup([picture(1)]);

    const { output, provenance } = await read(new Map([[1, saved("Seite eins.")]]));

    expect(output).toMatchObject({ text: "Seite eins." });
    expect(model.prepared()).toBe(0);
    expect(provenance).toEqual({ path: "program", pages: 1, textLayerPages: 0 });
  });

  test.each([[{ text: 7 }], ["Seite"], [null], [{ source: "guess", text: "x" }]])(
    "is read again when what was saved is %j",
    async (odd) => {
      const { model, read } = setup([picture(1)]);

      await read(new Map([[1, odd]]));

      expect(model.requests).toHaveLength(1);
    },
  );

  test("stays when a later one fails", async () => {
    const outage = new ModelError("backend_unreachable", "It is away.", {
      scope: "backend",
      retryable: true,
    });
    const { model, context, read } = setup(threePictures, {
      say({ messages }) {
        if (messages.at(-1)?.images?.[0]?.bytes[2] === 3) throw outage;
        return "Seite.";
      },
    });

    const error = await refusal(read());

    expect(error).toBe(outage);
    expect(context.parts.map(({ part }) => part)).toEqual([1, 2]);
    expect(model.requests).toHaveLength(3);
  });

  test("is the last one when it can't be saved", async () => {
    const lost = new WorkerError("lease_lost", "The lease of this job is gone.");
    const context = createPhaseContext({
      savePart: async () => {
        throw lost;
      },
    });
    const { model, upload, read } = setup(threePictures, { context });

    const error = await refusal(read());

    expect(error).toBe(lost);
    expect(model.requests).toHaveLength(1);
    expect(upload.openNow()).toBe(0);
  });
});

describe("an upload is refused", () => {
  test("when its pages hold too much, before another page is read", async () => {
    const { model, read } = setup(threePictures, { say: () => "x".repeat(20_000) });
    const known = new Map([[1, saved("y".repeat(39_999))]]);

    const error = await rejection(read(known));

    expect(error).toMatchObject({ code: "input_too_large", scope: "job", retryable: false });
    expect(error.message).toBe("The first 2 of 3 pages hold more than 60000 characters.");
    expect(model.requests).toHaveLength(1);
  });

  test("but not for characters that take two places in memory", async () => {
    const { read } = setup([picture(1)]);

    const { output } = await read(new Map([[1, saved("🦆".repeat(60_000))]]));

    expect(output).toMatchObject({ pages: [{ characters: 60_000 }] });
  });

  test("when it is not what was recorded, before the model hears of it", async () => {
    const { model, upload } = setup();
    const media = { ...upload.recorded, sha256: "00".repeat(32) };

    const error = await rejection(
      readPages(
        { model, storage: upload.storage, media: upload.media, timeoutMs: 1_000 },
        { input: fileInput(media), known: new Map() },
        createPhaseContext(),
      ),
    );

    expect(error).toMatchObject({ code: "input_corrupt", adapterCode: "hash_mismatch" });
    expect(model.prepared()).toBe(0);
    expect(upload.openNow()).toBe(0);
  });

  test("when there is none", async () => {
    const { model, upload } = setup();
    const { storage, media } = upload;

    const error = await rejection(
      readPages(
        { model, storage, media, timeoutMs: 1_000 },
        { input: textInput, known: new Map() },
        createPhaseContext(),
      ),
    );

    expect(error).toMatchObject({ code: "input_invalid", retryable: false });
  });
});

test("an upload is closed when its phase is over, however it ended", async () => {
  const good = setup();
  const bad = setup(threePictures, {
    say() {
      throw new Error("broken");
    },
  });

  await good.read();
  await bad.read().catch(() => undefined);

  expect(good.upload.openNow()).toBe(0);
  expect(bad.upload.openNow()).toBe(0);
});
