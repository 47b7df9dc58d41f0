import { describe, expect, test } from "bun:test";

import { inspectJpeg, stripJpegMetadata } from "../../src/media/jpeg.ts";
import { MediaRefusal } from "../../src/media/media-refusal.ts";
import { inspectPng, readPixels } from "../../src/media/png.ts";
import { writePng } from "../fixtures/png.ts";
import { readSample } from "../fixtures/samples.ts";

/** A marker segment with its length. */
function segment(marker: number, content: readonly number[]): readonly number[] {
  const length = content.length + 2;
  return [0xff, marker, length >> 8, length & 0xff, ...content];
}

const frame = (marker: number, precision = 8): readonly number[] =>
  segment(marker, [precision, 0, 3, 0, 5, 1, 1, 0x11, 0]);
const scan = [...segment(0xda, [1, 1, 0, 0, 63, 0]), 0x12, 0xff, 0x00, 0xff, 0xd3, 0x34];

function jpegOf(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from([0xff, 0xd8, ...parts.flat(), 0xff, 0xd9]);
}

function reasonOf(inspect: () => unknown): string {
  try {
    inspect();
  } catch (error) {
    if (error instanceof MediaRefusal) return error.reason;
    throw error;
  }
  return "accepted";
}

describe("inspectJpeg", () => {
  test("reads the size, past escaped bytes and restart marks", () => {
    const header = inspectJpeg(jpegOf(segment(0xe0, [1, 2]), frame(0xc0), scan));

    expect(header).toEqual({ width: 5, height: 3 });
  });

  test("accepts what phones append behind the picture", () => {
    const bytes = Uint8Array.from([...jpegOf(frame(0xc2), scan), 0, 1, 2, 0xff, 0xd8]);

    expect(inspectJpeg(bytes)).toEqual({ width: 5, height: 3 });
  });

  test("is not satisfied by the end of a preview inside the metadata", () => {
    const preview = segment(0xe1, [...jpegOf(frame(0xc0), scan)]);
    const whole = jpegOf(preview, frame(0xc0), scan);

    const reason = reasonOf(() => inspectJpeg(whole.subarray(0, -2)));

    expect(reason).toBe("image_truncated");
  });

  const odd = [
    ["a progressive picture of twelve bits", jpegOf(frame(0xc2, 12), scan), "image_unsupported"],
    ["a lossless picture", jpegOf(frame(0xc3), scan), "image_unsupported"],
    ["a picture without a frame", jpegOf(scan), "image_damaged"],
    ["a picture without a scan", jpegOf(frame(0xc0)), "image_damaged"],
    ["a segment of no length", jpegOf([0xff, 0xe0, 0, 0], frame(0xc0), scan), "image_damaged"],
    ["a segment beyond the end", jpegOf([0xff, 0xe0, 0xff, 0xf0]), "image_truncated"],
    ["no width", jpegOf(segment(0xc0, [8, 0, 3, 0, 0, 1, 1, 0x11, 0]), scan), "image_damaged"],
  ] as const;
  test.each(odd)("refuses %s", (_what, bytes, reason) => {
    expect(reasonOf(() => inspectJpeg(bytes))).toBe(reason);
  });
});

describe("stripJpegMetadata", () => {
  test("keeps the picture and drops what is written about it", () => {
    const jfif = segment(0xe0, [1, 2]);
    const adobe = segment(0xee, [3, 4]);
    const bytes = jpegOf(
      jfif,
      segment(0xe1, [5, 6]),
      segment(0xe2, [7]),
      segment(0xed, [8]),
      adobe,
      segment(0xfe, [9]),
      frame(0xc0),
      scan,
    );

    const stripped = stripJpegMetadata(Uint8Array.from([...bytes, 1, 2, 3]));

    expect([...stripped]).toEqual([...jpegOf(jfif, adobe, frame(0xc0), scan)]);
  });

  test("leaves a picture that decodes to the same pixels", async () => {
    const bytes = await readSample("photo.jpg");
    const decode = (jpeg: Uint8Array): Promise<Uint8Array> =>
      new Bun.Image(jpeg, { autoOrient: false }).png().bytes();

    const stripped = stripJpegMetadata(bytes);

    expect(stripped.length).toBeLessThan(bytes.length);
    expect(Buffer.from(await decode(stripped))).toEqual(Buffer.from(await decode(bytes)));
  });
});

describe("inspectPng", () => {
  test("reads the size and whether pixels may be see-through", () => {
    const grey = inspectPng(writePng({ width: 5, height: 3, colourType: 0 }));
    const alpha = inspectPng(writePng({ width: 3, height: 5, colourType: 6 }));

    expect(grey).toEqual({ width: 5, height: 3, transparent: false });
    expect(alpha).toEqual({ width: 3, height: 5, transparent: true });
  });

  test("refuses a chunk that is longer than the file", () => {
    const bytes = Buffer.from(writePng({ width: 5, height: 3, colourType: 0 }));
    bytes.writeUInt32BE(0xff_ff_ff_f0, 33);

    expect(reasonOf(() => inspectPng(bytes))).toBe("image_truncated");
  });

  test("refuses no width, and a first chunk that is no header", () => {
    const bytes = Buffer.from(writePng({ width: 5, height: 3, colourType: 0 }));
    const flat = Buffer.from(bytes);
    flat.writeUInt32BE(0, 16);
    const headless = Buffer.concat([bytes.subarray(0, 8), bytes.subarray(33)]);

    expect(reasonOf(() => inspectPng(flat))).toBe("image_damaged");
    expect(reasonOf(() => inspectPng(headless))).toBe("image_damaged");
  });
});

describe("readPixels", () => {
  const width = 7;
  const stride = width * 4;
  const sampleAt = (x: number, y: number): number =>
    x < 0 || y < 0 ? 0 : (x * 37 + y * 91 + x * y) % 256;

  /** The five predictions of the PNG specification, as an encoder makes them. */
  const predictions: readonly ((x: number, y: number) => number)[] = [
    () => 0,
    (x, y) => sampleAt(x - 4, y),
    (x, y) => sampleAt(x, y - 1),
    (x, y) => Math.floor((sampleAt(x - 4, y) + sampleAt(x, y - 1)) / 2),
    (x, y) => {
      const candidates = [sampleAt(x - 4, y), sampleAt(x, y - 1), sampleAt(x - 4, y - 1)] as const;
      const estimate = candidates[0] + candidates[1] - candidates[2];
      const distances = candidates.map((candidate) => Math.abs(estimate - candidate));
      return candidates[distances.indexOf(Math.min(...distances))] ?? 0;
    },
  ];

  test("undoes each of the five filters", () => {
    const picture = writePng({
      width,
      height: 15,
      colourType: 6,
      row: (y) => {
        const predict = predictions[y % 5] ?? sampleAt;
        const samples = Array.from({ length: stride }, (_, x) => sampleAt(x, y) - predict(x, y));
        return Uint8Array.from([y % 5, ...samples]);
      },
    });

    const { data } = readPixels(picture);

    const rows = Array.from({ length: 15 }, (_, y) =>
      Array.from({ length: stride }, (_sample, x) => sampleAt(x, y)),
    );
    expect([...data]).toEqual(rows.flat());
  });

  test("reads what Bun.Image writes", async () => {
    const source = writePng({
      width,
      height: 9,
      colourType: 6,
      row: (y) =>
        Uint8Array.from([0, ...Array.from({ length: stride }, (_, x) => sampleAt(x, y) | 1)]),
    });

    const { data } = readPixels(await new Bun.Image(source).png({ compressionLevel: 9 }).bytes());

    expect(Buffer.from(data)).toEqual(Buffer.from(readPixels(source).data));
  });
});
