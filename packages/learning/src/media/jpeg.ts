import { MediaRefusal } from "./media-refusal.ts";

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
}

interface JpegSegment {
  /** The second byte of the marker. */
  readonly marker: number;
  readonly start: number;
  /** Where the next marker begins: after the segment and, for a scan, after its picture data. */
  readonly end: number;
}

const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
const comment = 0xfe;

/** Tells whether the bytes begin like a JPEG. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === startOfImage && bytes[2] === 0xff;
}

/**
 * Reads the size of a picture from its header and checks that it is whole, without decoding anything.
 *
 * The picture data must end with the end marker: decoders fill what is missing with grey and say nothing. What follows
 * the end marker is allowed, because phones append a film or a second picture there.
 */
export function inspectJpeg(bytes: Uint8Array): JpegHeader {
  let header: JpegHeader | undefined;
  let scanned = false;
  for (const { marker, start, end } of segmentsOf(bytes)) {
    if (isFrameHeader(marker)) header = readFrameHeader(bytes.subarray(start, end));
    if (marker === startOfScan) scanned = true;
  }
  if (header === undefined || !scanned) throw new MediaRefusal("image_damaged");
  return header;
}

/**
 * Removes everything a viewer does not need: EXIF with its GPS position, XMP, colour profiles, comments, and whatever
 * was appended behind the picture.
 */
export function stripJpegMetadata(bytes: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [bytes.subarray(0, 2)];
  for (const { marker, start, end } of segmentsOf(bytes)) {
    if (!isMetadata(marker)) kept.push(bytes.subarray(start, end));
  }
  return Buffer.concat(kept);
}

/** Yields each segment after the start marker, the end marker included. Throws when the end marker is not reached. */
function* segmentsOf(bytes: Uint8Array): Generator<JpegSegment> {
  let start = findMarker(bytes, 2);
  while (start < bytes.length) {
    const marker = bytes[start + 1] ?? 0;
    if (marker === endOfImage) {
      yield { marker, start, end: start + 2 };
      return;
    }
    const end = findMarker(bytes, start + 2 + segmentLength(bytes, start + 2));
    yield { marker, start, end };
    start = end;
  }
  throw new MediaRefusal("image_truncated");
}

function segmentLength(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  // The length counts its own two bytes. A smaller one would make the walk stand still.
  if (length < 2) throw new MediaRefusal("image_damaged");
  return length;
}

/** Finds the next marker at or after `from`, or the end of the bytes. */
function findMarker(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at !== -1) {
    const second = bytes[at + 1];
    if (second !== undefined && isMarker(second)) return at;
    at = bytes.indexOf(0xff, at + 1);
  }
  return bytes.length;
}

/** Within picture data, FF 00 is an escaped FF and FF D0 to FF D7 only mark a restart; FF FF is padding. */
function isMarker(second: number): boolean {
  if (second === 0x00 || second === 0x01 || second === 0xff) return false;
  return second < 0xd0 || second > startOfImage;
}

function isFrameHeader(marker: number): boolean {
  // C4, C8 and CC stand in the same row, but define tables.
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function isMetadata(marker: number): boolean {
  // APP0 (JFIF) and APP14 (Adobe) say how to read the colours; without them a decoder guesses.
  return marker === comment || (marker >= 0xe1 && marker <= 0xef && marker !== 0xee);
}

function readFrameHeader(segment: Uint8Array): JpegHeader {
  if (segment.length < 10) throw new MediaRefusal("image_damaged");
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  // Baseline and progressive pictures of eight bits are what every decoder here reads.
  const isCommon = view.getUint8(1) <= 0xc2 && view.getUint8(4) === 8;
  if (!isCommon) throw new MediaRefusal("image_unsupported");
  const height = view.getUint16(5);
  const width = view.getUint16(7);
  if (width === 0 || height === 0) throw new MediaRefusal("image_damaged");
  return { width, height };
}
