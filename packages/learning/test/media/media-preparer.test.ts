import { describe, expect, test } from "bun:test";

import type { MediaPreparerOptions } from "../../src/media/media-options.ts";
import {
  createMediaPreparer,
  type MediaPreparer,
  type PreparedMedia,
} from "../../src/media/media-preparer.ts";
import { rejection } from "../fixtures/errors.ts";
import { createPdfWriter, pdfLines } from "../fixtures/pdf.ts";
import { colourAt, decodePicture, nameOf } from "../fixtures/pixels.ts";
import { mediaProcesses } from "../fixtures/processes.ts";
import { readSample, type SampleName } from "../fixtures/samples.ts";

interface PreparerFixture extends AsyncDisposable {
  readonly preparer: MediaPreparer;
  readonly openPdf: (bytes: Uint8Array) => Promise<PreparedMedia>;
  readonly openSample: (name: SampleName) => Promise<PreparedMedia>;
}

const mediaTypes = {
  "letter.pdf": "application/pdf",
  "page.png": "image/png",
  "photo.jpg": "image/jpeg",
  "scan.pdf": "application/pdf",
} as const;
const signal: AbortSignal = new AbortController().signal;

function setup(options: MediaPreparerOptions = {}): PreparerFixture {
  const preparer = createMediaPreparer(options);
  return {
    preparer,
    openPdf: (bytes) => preparer.open({ bytes, mediaType: "application/pdf" }, { signal }),
    openSample: async (name) =>
      await preparer.open(
        { bytes: await readSample(name), mediaType: mediaTypes[name] },
        { signal },
      ),
    [Symbol.asyncDispose]: () => preparer.close(),
  };
}

describe("a picture", () => {
  test("comes out upright when its pixels lie on their side", async () => {
    await using fixture = setup();
    const stored = await new Bun.Image(await readSample("photo.jpg"), {
      autoOrient: false,
    }).metadata();

    const media = await fixture.openSample("photo.jpg");
    const { image } = await media.page(1);

    expect(stored.width).toBeGreaterThan(stored.height);
    expect([image?.width, image?.height]).toEqual([900, 1200]);
    const pixels = await decodePicture(image?.bytes ?? new Uint8Array());
    expect([pixels.width, pixels.height]).toEqual([900, 1200]);
    expect(nameOf(colourAt(pixels, [0.03, 0.02]))).toBe("red");
    expect(nameOf(colourAt(pixels, [0.97, 0.02]))).not.toBe("red");
    expect(nameOf(colourAt(pixels, [0.03, 0.98]))).not.toBe("red");
  });

  test("loses its metadata, and with them the place it was taken at", async () => {
    await using fixture = setup();
    const stored = Buffer.from(await readSample("photo.jpg"));

    const media = await fixture.openSample("photo.jpg");
    const { image } = await media.page(1);

    const prepared = Buffer.from(image?.bytes ?? []);
    expect(stored.includes("Exif")).toBe(true);
    expect(prepared.includes("Exif")).toBe(false);
    expect(prepared.includes(Buffer.from([0xff, 0xe1]))).toBe(false);
  });

  test("is made no larger than asked for, and never enlarged", async () => {
    await using small = setup({ longSidePixels: 600 });
    await using large = setup({ longSidePixels: 4000 });

    const shrunk = await (await small.openSample("page.png")).page(1);
    const kept = await (await large.openSample("page.png")).page(1);

    expect(shrunk.image?.height).toBe(600);
    expect(kept.image?.height).toBe(1100);
    expect(shrunk.image?.mediaType).toBe("image/jpeg");
  });
});

describe("a document", () => {
  test("with a text layer gives its words and no picture", async () => {
    await using fixture = setup();

    const media = await fixture.openSample("letter.pdf");
    const page = await media.page(1);

    expect(media.pageCount).toBe(1);
    expect(page.image).toBeUndefined();
    expect(page.text).toStartWith("Klasse 7b der Schule am Lindenberg\n");
    expect(page.text).toContain("Eine neue Schaukel kostet etwa 900 €, die Sprossen etwa 120 €.");
    expect(page.text).toEndWith("Mit freundlichen Grüßen\ndie Klasse 7b");
  });

  test("that was scanned gives a picture of each of its three pages", async () => {
    await using fixture = setup();

    const media = await fixture.openSample("scan.pdf");
    const pages = [await media.page(1), await media.page(2), await media.page(3)];

    expect(media.kind).toBe("document");
    expect(media.pageCount).toBe(3);
    expect(pages.map(({ page, text }) => [page, text])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
    ]);
    expect(pages.map(({ image }) => Math.max(image?.width ?? 0, image?.height ?? 0))).toEqual([
      1536, 1536, 1536,
    ]);
    expect(new Set(pages.map(({ image }) => Bun.hash(image?.bytes ?? ""))).size).toBe(3);
  });

  test("prepares only the pages it is asked for, in any order and again", async () => {
    await using fixture = setup();

    const media = await fixture.openSample("scan.pdf");
    const [third, first, again] = await Promise.all([media.page(3), media.page(1), media.page(3)]);

    expect([third.page, first.page]).toEqual([3, 1]);
    expect(Buffer.from(again.image?.bytes ?? [])).toEqual(Buffer.from(third.image?.bytes ?? []));
    expect(Buffer.from(first.image?.bytes ?? [])).not.toEqual(
      Buffer.from(third.image?.bytes ?? []),
    );
  });

  test("is painted in its own colours", async () => {
    await using fixture = setup();
    const pdf = createPdfWriter();
    pdf.addPage({ content: "1 0 0 rg 0 421 298 421 re f 0 0 1 rg 298 0 297 421 re f" });

    const media = await fixture.openPdf(pdf.toBytes());
    const { image } = await media.page(1);

    const pixels = await decodePicture(image?.bytes ?? new Uint8Array());
    expect(nameOf(colourAt(pixels, [0.25, 0.25]))).toBe("red");
    expect(nameOf(colourAt(pixels, [0.75, 0.75]))).toBe("blue");
    expect(nameOf(colourAt(pixels, [0.25, 0.75]))).toBe("white");
  });

  test("joins words that were divided at the end of a line", async () => {
    await using fixture = setup();
    const pdf = createPdfWriter();
    const lines = ["Wir machen heute eine lange Wander-", "ung durch den Wald."];
    pdf.addPage({ content: pdfLines(lines, { x: 72, y: 700, size: 20 }) });

    const media = await fixture.openPdf(pdf.toBytes());
    const { text } = await media.page(1);

    expect(text).toBe("Wir machen heute eine lange Wanderung durch den Wald.");
  });
});

describe("createMediaPreparer", () => {
  test("leaves no process behind when an upload or the preparer is closed", async () => {
    await using fixture = setup();

    const first = await fixture.openSample("letter.pdf");
    await fixture.openSample("photo.jpg");
    const both = mediaProcesses().length;
    await first.close();
    await first.close();
    const second = mediaProcesses().length;
    await fixture.preparer.close();

    expect([both, second, mediaProcesses().length]).toEqual([2, 1, 0]);
  });

  test("refuses work after it was closed", async () => {
    await using fixture = setup();
    const media = await fixture.openSample("letter.pdf");

    await fixture.preparer.close();
    const page = await rejection(media.page(1));
    const upload = await rejection(fixture.openSample("letter.pdf"));

    expect([page.code, upload.code]).toEqual(["aborted", "aborted"]);
  });

  test("prepares more uploads than it has places, one after the other", async () => {
    await using fixture = setup({ processesMax: 1 });

    const uploads = await Promise.all([1, 2, 3].map(() => fixture.openSample("letter.pdf")));
    const pages = await Promise.all(uploads.map((media) => media.page(1)));

    expect(pages.map(({ text }) => text?.slice(0, 9))).toEqual([
      "Klasse 7b",
      "Klasse 7b",
      "Klasse 7b",
    ]);
  });

  test("names every bad option at once", async () => {
    const create = (): MediaPreparer =>
      createMediaPreparer({ jpegQuality: 0, processesMax: -1, limits: { memoryBytesMax: 1 } });

    const error = await rejection(Promise.try(create));

    expect(error.code).toBe("config_invalid");
    expect(error.scope).toBe("config");
    expect(error.message).toContain("jpegQuality");
    expect(error.message).toContain("processesMax");
    expect(error.message).toContain("memoryBytesMax");
  });

  test("asserts that a page exists", async () => {
    await using fixture = setup();
    const media = await fixture.openSample("letter.pdf");

    const ask = (): unknown => media.page(2);

    expect(ask).toThrow("page must be from 1 to 1, got 2");
  });
});
