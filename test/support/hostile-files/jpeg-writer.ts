import { secret } from "./hostile-file.ts";

/** What the frame header of a JPEG says, which need not be so. */
export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  /** 1 is grey, 3 colour, 4 the inks of a printer. Default: 1. */
  readonly components?: number;
  /** Default: 8. */
  readonly precision?: number;
  /** C0 is baseline, C2 progressive, C3 lossless, C9 arithmetic. Default: C0. */
  readonly marker?: number;
  /** How often each component is sampled, as two digits. Default: 0x11. */
  readonly sampling?: number;
}

/** How every JPEG begins, and how it should end. */
export const jpegStart: Uint8Array = Buffer.from([0xff, 0xd8]);
export const jpegEnd: Uint8Array = Buffer.from([0xff, 0xd9]);

/** A grey JPEG as it should be, with more in it before the frame. */
export function writeJpeg(frame: JpegFrame, ...before: readonly Uint8Array[]): Uint8Array {
  const { components = 1 } = frame;
  return Buffer.concat([
    jpegStart,
    remark(),
    ...before,
    quantisation(),
    frameSegment(frame),
    huffmanSegments(),
    scanSegment({ components }),
    zeroBlocks(frame),
    jpegEnd,
  ]);
}

/** Blocks without a difference to the one before: two bits each, by the tables of {@link huffmanSegments}. */
export function zeroBlocks({ width, height, components = 1 }: JpegFrame): Uint8Array {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8) * components;
  return new Uint8Array(Math.ceil(blocks / 4));
}

export function remark(): Buffer {
  return segment(0xfe, Buffer.from(secret));
}

export function quantisation(): Buffer {
  return segment(0xdb, Buffer.from([0, ...Array<number>(64).fill(1)]));
}

export function segment(marker: number, data: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

export function frameSegment(frame: JpegFrame): Buffer {
  const { width, height, components = 1, precision = 8, marker = 0xc0, sampling = 0x11 } = frame;
  const data = Buffer.alloc(6 + components * 3);
  data.writeUInt8(precision, 0);
  data.writeUInt16BE(height, 1);
  data.writeUInt16BE(width, 3);
  data.writeUInt8(components, 5);
  for (let index = 0; index < components; index++) {
    data.set([index + 1, sampling, 0], 6 + index * 3);
  }
  return segment(marker, data);
}

/** Two tables with one code of one bit each: "no difference", and "the rest is zero". */
export function huffmanSegments(): Buffer {
  const table = (kind: number): Buffer =>
    segment(0xc4, Buffer.from([kind, 1, ...Array<number>(15).fill(0), 0]));
  return Buffer.concat([table(0x00), table(0x10)]);
}

export function scanSegment({
  components = 1,
  from = 0,
  to = 63,
}: {
  readonly components?: number;
  /** The band of coefficients, for a progressive picture. */
  readonly from?: number;
  readonly to?: number;
}): Buffer {
  const ids = Array.from({ length: components }, (_, index) => [index + 1, 0]).flat();
  return segment(0xda, Buffer.from([components, ...ids, from, to, 0]));
}
