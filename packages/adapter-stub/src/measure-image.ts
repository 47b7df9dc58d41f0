import { ModelError, type ModelImage } from "@leasehold/model";

/** What the bytes of a picture say about it. */
export interface ImageMeasure {
  readonly mediaType: ModelImage["mediaType"];
  readonly width: number;
  readonly height: number;
  /** Whether the file still carries a block of EXIF, in which cameras write places and orientations. */
  readonly hasExif: boolean;
}

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Reads a picture's headers: its kind, its size and whether it carries EXIF. Decodes nothing.
 *
 * Throws `input_corrupt` for what is no PNG or JPEG, has no size, or lost its end.
 */
export function measureImage(bytes: Uint8Array): ImageMeasure {
  const measure = measurePng(bytes) ?? measureJpeg(bytes);
  if (measure === undefined || measure.width === 0 || measure.height === 0) {
    throw new ModelError("input_corrupt", "The stub was sent bytes that are no whole picture.", {
      scope: "job",
      retryable: false,
    });
  }
  return measure;
}

function measurePng(bytes: Uint8Array): ImageMeasure | undefined {
  if (!startsWith(bytes, pngSignature)) return undefined;
  const view = viewOf(bytes);
  let size: { readonly width: number; readonly height: number } | undefined;
  let hasExif = false;
  // A chunk is its length, its name, its data and a checksum.
  for (let at = pngSignature.length; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const name = nameAt(bytes, at + 4, 4);
    if (name === "IEND") return size && { mediaType: "image/png", ...size, hasExif };
    if (at + 12 + length > bytes.length) return undefined;
    if (name === "IHDR" && length >= 8) {
      size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    }
    if (name === "eXIf") hasExif = true;
    at += 12 + length;
  }
  return undefined;
}

function measureJpeg(bytes: Uint8Array): ImageMeasure | undefined {
  // Decoders fill the missing rest of a cut JPEG with grey, without a word: only the end marker tells.
  const isWhole = bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9;
  if (!isWhole || !startsWith(bytes, [0xff, 0xd8])) return undefined;
  const view = viewOf(bytes);
  let hasExif = false;
  // A segment is a marker, then its length, which counts itself.
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = view.getUint8(at + 1);
    // Any number of fill bytes may stand before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (length < 2 || at + 2 + length > bytes.length) return undefined;
    if (marker === 0xe1 && nameAt(bytes, at + 4, 6) === "Exif\0\0") hasExif = true;
    if (isFrameHeader(marker) && length >= 8) {
      // EXIF stands before the frame: nothing that follows is of interest.
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return { mediaType: "image/jpeg", width, height, hasExif };
    }
    at += 2 + length;
  }
  return undefined;
}

/** SOF0 to SOF15, without the three numbers among them that mean tables and not frames. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

function nameAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
