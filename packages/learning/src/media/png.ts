import { inflateSync } from "node:zlib";

import { MediaRefusal } from "./media-refusal.ts";

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Some pixels may be see-through. */
  readonly transparent: boolean;
}

export interface PixelsRgba {
  readonly width: number;
  readonly height: number;
  /** Four bytes per pixel, row by row from the top, without padding. */
  readonly data: Uint8Array;
}

interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** The data with what stands around them. */
  readonly chunk: Uint8Array;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
/** Length, type and checksum of a chunk. */
const chunkFrameBytes = 12;
/** What a picture is made of, and which way up it is. */
const pictureChunks: ReadonlySet<string> = new Set([
  "IHDR",
  "PLTE",
  "tRNS",
  "IDAT",
  "eXIf",
  "IEND",
]);
const bytesPerPixel = 4;

/** Tells whether the bytes begin like a PNG. */
export function isPng(bytes: Uint8Array): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

/** Reads the header of a picture and checks that it is whole, without decoding anything. */
export function inspectPng(bytes: Uint8Array): PngHeader {
  let header: PngHeader | undefined;
  for (const { type, data } of chunksOf(bytes)) {
    if (header === undefined) header = readHeader(type, data);
    if (type === "tRNS") header = { ...header, transparent: true };
  }
  if (header === undefined) throw new MediaRefusal("image_damaged");
  return header;
}

/**
 * Removes everything that a viewer does not need. Remarks and colour profiles are packed, and a megabyte of them may
 * unpack to a gigabyte, which decoders do although nobody asked for it.
 */
export function stripPngMetadata(bytes: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [bytes.subarray(0, signature.length)];
  for (const { type, chunk } of chunksOf(bytes)) if (pictureChunks.has(type)) kept.push(chunk);
  return Buffer.concat(kept);
}

/** Decodes a PNG of eight bits with alpha and without interlacing, which is what `Bun.Image` writes. */
export function readPixels(png: Uint8Array): PixelsRgba {
  const { width, height } = inspectPng(png);
  const parts: Uint8Array[] = [];
  for (const { type, data } of chunksOf(png)) if (type === "IDAT") parts.push(data);
  const stride = width * bytesPerPixel;
  const rowsBytes = (stride + 1) * height;
  const rows = inflateSync(Buffer.concat(parts), { maxOutputLength: rowsBytes });
  if (rows.length !== rowsBytes) throw new MediaRefusal("image_damaged");
  const data = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) unfilterRow(rows, data, { row, stride });
  return { width, height, data };
}

/** Yields the chunks up to and with the end. Throws when the end is not reached. */
function* chunksOf(bytes: Uint8Array): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start: number = signature.length;
  while (start + chunkFrameBytes <= bytes.length) {
    const dataStart = start + 8;
    const dataEnd = dataStart + view.getUint32(start);
    if (dataEnd + 4 > bytes.length) break;
    const type = String.fromCharCode(...bytes.subarray(start + 4, dataStart));
    const end = dataEnd + 4;
    yield { type, data: bytes.subarray(dataStart, dataEnd), chunk: bytes.subarray(start, end) };
    if (type === "IEND") return;
    start = end;
  }
  throw new MediaRefusal("image_truncated");
}

function readHeader(type: string, data: Uint8Array): PngHeader {
  if (type !== "IHDR" || data.length !== 13) throw new MediaRefusal("image_damaged");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  if (width === 0 || height === 0) throw new MediaRefusal("image_damaged");
  // The colour types 4 (grey) and 6 (colour) carry alpha; the others may name a see-through colour in a tRNS chunk.
  const colourType = view.getUint8(9);
  return { width, height, transparent: colourType === 4 || colourType === 6 };
}

/** Undoes the prediction of one row (PNG specification, section 9). */
function unfilterRow(
  rows: Uint8Array,
  pixels: Uint8Array,
  { row, stride }: { readonly row: number; readonly stride: number },
): void {
  const source = row * (stride + 1);
  const target = row * stride;
  const filter = rows[source] ?? 0;
  for (let index = 0; index < stride; index++) {
    const at = target + index;
    const left = index < bytesPerPixel ? 0 : (pixels[at - bytesPerPixel] ?? 0);
    const above = row === 0 ? 0 : (pixels[at - stride] ?? 0);
    const corner =
      row === 0 || index < bytesPerPixel ? 0 : (pixels[at - stride - bytesPerPixel] ?? 0);
    pixels[at] = (rows[source + 1 + index] ?? 0) + predict(filter, { left, above, corner });
  }
}

function predict(
  filter: number,
  {
    left,
    above,
    corner,
  }: { readonly left: number; readonly above: number; readonly corner: number },
): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      const estimate = left + above - corner;
      const toLeft = Math.abs(estimate - left);
      const toAbove = Math.abs(estimate - above);
      const toCorner = Math.abs(estimate - corner);
      if (toLeft <= toAbove && toLeft <= toCorner) return left;
      return toAbove <= toCorner ? above : corner;
    }
    default:
      throw new MediaRefusal("image_damaged");
  }
}
