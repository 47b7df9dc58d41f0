import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";

import type { WorkerError } from "@leasehold/core";

import type { MediaType } from "../../src/media/inspect-media.ts";
import type { MediaLimits } from "../../src/media/media-limits.ts";
import { createMediaPreparer } from "../../src/media/media-preparer.ts";
import { outline, rejection } from "../fixtures/errors.ts";
import { createPdfWriter } from "../fixtures/pdf.ts";
import { writePng } from "../fixtures/png.ts";
import { mediaProcesses } from "../fixtures/processes.ts";
import { readSample } from "../fixtures/samples.ts";

/** Opens an upload, reads its first page, and returns the error that one of the two must give. */
async function refusalOf(
  bytes: Uint8Array,
  mediaType: MediaType,
  limits: Partial<MediaLimits> = {},
): Promise<WorkerError> {
  await using preparer = createMediaPreparer({ limits });
  const { signal } = new AbortController();
  const error = await rejection(
    preparer.open({ bytes, mediaType }, { signal }).then((media) => media.page(1)),
  );
  expect(mediaProcesses()).toEqual([]);
  return error;
}

/** What every refusal of a document is: the job's own fault, and for good. */
const permanent = { scope: "job", retryable: false } as const;

describe("the type of an upload", () => {
  test("is what its bytes say: a text named .png is refused", async () => {
    const error = await refusalOf(Buffer.from("Das ist kein Bild."), "image/png");

    expect(outline(error)).toEqual({
      ...permanent,
      code: "input_unsupported",
      adapterCode: "media_type_unknown",
    });
  });

  test("must be the one that was recorded", async () => {
    const error = await refusalOf(await readSample("photo.jpg"), "application/pdf");

    expect(outline(error)).toEqual({
      ...permanent,
      code: "input_corrupt",
      adapterCode: "media_type_mismatch",
    });
  });

  test("is unknown for no bytes at all", async () => {
    const error = await refusalOf(new Uint8Array(0), "image/jpeg");

    expect(error.adapterCode).toBe("media_type_unknown");
  });
});

describe("a picture is refused", () => {
  test("when it has 60 million pixels, however small its file", async () => {
    const bytes = writePng({ width: 10_000, height: 6000, colourType: 0 });

    const error = await refusalOf(bytes, "image/png");

    expect(bytes.length).toBeLessThan(1_000_000);
    expect(outline(error)).toEqual({
      ...permanent,
      code: "input_too_large",
      adapterCode: "pixels_limit",
    });
  });

  test("when it has too many bytes", async () => {
    const bytes = await readSample("photo.jpg");

    const error = await refusalOf(bytes, "image/jpeg", { bytesMax: bytes.length - 1 });

    expect([error.code, error.adapterCode]).toEqual(["input_too_large", "bytes_limit"]);
  });

  test("when a JPEG ends early, anywhere", async () => {
    const bytes = await readSample("photo.jpg");
    const lengths = [20, 500, Math.floor(bytes.length / 2), bytes.length - 2, bytes.length - 1];

    const errors = await Promise.all(
      lengths.map((length) => refusalOf(bytes.subarray(0, length), "image/jpeg")),
    );

    expect(errors.map(({ code }) => code)).toEqual(lengths.map(() => "input_corrupt"));
    expect(errors.map(({ adapterCode }) => adapterCode)).toEqual(
      lengths.map(() => "image_truncated"),
    );
  });

  test("when a PNG ends early", async () => {
    const bytes = await readSample("page.png");

    const half = await refusalOf(bytes.subarray(0, bytes.length / 2), "image/png");
    const withoutEnd = await refusalOf(bytes.subarray(0, -12), "image/png");

    expect([half.code, half.adapterCode]).toEqual(["input_corrupt", "image_truncated"]);
    expect(withoutEnd.adapterCode).toBe("image_truncated");
  });

  test("when its data are rubbish between a good beginning and a good end", async () => {
    const bytes = writePng({ width: 100, height: 100, colourType: 2 });
    bytes.fill(0x5a, 41, 60);

    const error = await refusalOf(bytes, "image/png");

    expect([error.code, error.adapterCode]).toEqual(["input_corrupt", "image_damaged"]);
  });
});

describe("a document is refused", () => {
  test("when it is damaged", async () => {
    const rubbish = Buffer.from(`%PDF-1.7\n${"rubbish ".repeat(100)}\n%%EOF\n`);

    const error = await refusalOf(rubbish, "application/pdf");

    expect(outline(error)).toEqual({
      ...permanent,
      code: "input_corrupt",
      adapterCode: "pdf_damaged",
    });
  });

  test("when it ends early, although a reader would repair it and show what is left", async () => {
    const bytes = await readSample("scan.pdf");

    const error = await refusalOf(bytes.subarray(0, bytes.length / 2), "application/pdf");

    expect([error.code, error.adapterCode]).toEqual(["input_corrupt", "pdf_truncated"]);
  });

  test("when it is locked with a password", async () => {
    const key = `<${"5a".repeat(32)}>`;
    const pdf = createPdfWriter({
      trailer: `/ID [<01> <01>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O ${key} /U ${key} >>`,
    });
    pdf.addPage({ content: "" });

    const error = await refusalOf(pdf.toBytes(), "application/pdf");

    expect([error.code, error.adapterCode]).toEqual(["input_unsupported", "pdf_encrypted"]);
  });

  test("when it has more than thirty pages, or none", async () => {
    const long = createPdfWriter();
    for (let page = 0; page < 31; page++) long.addPage({ content: "" });

    const tooMany = await refusalOf(long.toBytes(), "application/pdf");
    const none = await refusalOf(createPdfWriter().toBytes(), "application/pdf");

    expect([tooMany.code, tooMany.adapterCode]).toEqual(["input_too_large", "pages_limit"]);
    expect([none.code, none.adapterCode]).toEqual(["input_corrupt", "pdf_damaged"]);
  });

  test("when one of its pages is not there", async () => {
    const pdf = createPdfWriter();
    pdf.addPage({ content: "" });
    const bytes = Buffer.from(pdf.toBytes());
    bytes.write("/Kids [9", bytes.indexOf("/Kids ["));

    const error = await refusalOf(bytes, "application/pdf");

    expect([error.code, error.adapterCode]).toEqual(["input_corrupt", "page_damaged"]);
  });
});

test("no refusal quotes the upload", async () => {
  const secret = "Max Mustermann";
  const uploads = [
    [Buffer.from(secret), "image/png"],
    [Buffer.from(`%PDF-1.7 ${secret} %%EOF`), "application/pdf"],
    [Buffer.from(`\u00ff\u00d8\u00ff${secret}`, "latin1"), "image/jpeg"],
  ] as const;

  const printed: string[] = [];
  for (const [bytes, type] of uploads) printed.push(inspect(await refusalOf(bytes, type)));

  expect(printed.join()).toContain("input_corrupt");
  expect(printed.join()).not.toContain("Mustermann");
});
