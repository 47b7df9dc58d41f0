import type { SubmissionMedia } from "../submission.ts";
import { inspectJpeg, isJpeg } from "./jpeg.ts";
import type { MediaLimits } from "./media-limits.ts";
import { MediaRefusal } from "./media-refusal.ts";
import { inspectPng, isPng } from "./png.ts";

export type MediaType = SubmissionMedia["mediaType"];

/** How far from either end a PDF may begin and end. Other readers look as far. */
const pdfMarginBytes = 1024;

/**
 * Refuses what can be refused by looking at the bytes, before a process is started for them.
 *
 * The type is what the first bytes say; a name or a declared type decides nothing.
 */
export function inspectMedia(
  bytes: Uint8Array,
  declaredType: MediaType,
  limits: Pick<MediaLimits, "bytesMax" | "pixelsMax">,
): void {
  if (bytes.length > limits.bytesMax) throw new MediaRefusal("bytes_limit");
  const mediaType = sniffMediaType(bytes);
  if (mediaType === undefined) throw new MediaRefusal("media_type_unknown");
  if (mediaType !== declaredType) throw new MediaRefusal("media_type_mismatch");
  if (mediaType === "application/pdf") return inspectPdf(bytes);
  const { width, height } = mediaType === "image/png" ? inspectPng(bytes) : inspectJpeg(bytes);
  if (width * height > limits.pixelsMax) throw new MediaRefusal("pixels_limit");
}

function sniffMediaType(bytes: Uint8Array): MediaType | undefined {
  if (isPng(bytes)) return "image/png";
  if (isJpeg(bytes)) return "image/jpeg";
  if (toLatin1(bytes.subarray(0, pdfMarginBytes)).includes("%PDF-")) return "application/pdf";
  return undefined;
}

/** A PDF without its end is repaired silently by readers, and its last pages are gone: nobody could tell. */
function inspectPdf(bytes: Uint8Array): void {
  const lastByte = bytes.findLastIndex((byte) => byte !== 0x00 && byte !== 0x0a && byte !== 0x0d);
  const tail = bytes.subarray(Math.max(0, lastByte + 1 - pdfMarginBytes), lastByte + 1);
  if (!toLatin1(tail).includes("%%EOF")) throw new MediaRefusal("pdf_truncated");
}

function toLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
