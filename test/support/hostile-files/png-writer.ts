import { crc32, deflateSync } from "node:zlib";

import { secret } from "./hostile-file.ts";

/** What the header of a PNG says, which need not be so. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Default: 8. */
  readonly bitDepth?: number;
  /** 0 is grey, 2 colour, 3 a palette, 6 colour with alpha. Default: 0. */
  readonly colourType?: number;
  /** Default: false. */
  readonly interlaced?: boolean;
}

const signature = Buffer.from("\u0089PNG\r\n\u001A\n", "latin1");
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 6: 4 };

/** Puts a PNG together: a signature, a header, a remark with the secret, the chunks given, an end. */
export function writePng(header: PngHeader, ...chunks: readonly Uint8Array[]): Uint8Array {
  const remark = pngChunk("tEXt", Buffer.from(`Author\0${secret}`, "latin1"));
  const end = pngChunk("IEND", new Uint8Array(0));
  return Buffer.concat([signature, headerChunk(header), remark, ...chunks, end]);
}

/** A chunk of rows of zeros, which suits the header unless other numbers are given. */
export function zeroRows({ width, height, bitDepth = 8, colourType = 0 }: PngHeader): Uint8Array {
  const bits = width * bitDepth * (samplesOf[colourType] ?? 1);
  return pngChunk("IDAT", deflateSync(Buffer.alloc((1 + Math.ceil(bits / 8)) * height)));
}

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

function headerChunk(header: PngHeader): Buffer {
  const { width, height, bitDepth = 8, colourType = 0, interlaced = false } = header;
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.writeUInt8(bitDepth, 8);
  data.writeUInt8(colourType, 9);
  data.writeUInt8(interlaced ? 1 : 0, 12);
  return pngChunk("IHDR", data);
}
