import type { MediaRefusalReason } from "./media-refusal.ts";

/** How pages are turned into pictures, and when they are not. */
export interface RenderSettings {
  /** Pixels of the longer side of a picture. */
  readonly longSidePixels: number;
  /** From 1 to 100. */
  readonly jpegQuality: number;
  /** Characters from which the text layer of a page may stand in for its picture. */
  readonly textLayerCharactersMin: number;
  readonly pixelsMax: number;
  readonly pagesMax: number;
  /** Bytes that the PDF engine may take for itself. */
  readonly pdfBytesMax: number;
}

export type MediaKind = "image" | "document";

/** What the worker asks. `load` comes first and carries nothing of a learner; the body of `open` is the upload. */
export type ChildRequest =
  | { readonly ask: "load"; readonly kind: MediaKind; readonly settings: RenderSettings }
  | { readonly ask: "open" }
  /** From 1. */
  | { readonly ask: "page"; readonly page: number };

/**
 * What the child answers. A `text` has UTF-8 in its body, a `picture` a JPEG. `hidesText`: the page carries words
 * that nobody sees.
 */
export type ChildReply =
  | { readonly reply: "loaded" }
  | { readonly reply: "codec_missing" }
  | { readonly reply: "opened"; readonly pageCount: number }
  | { readonly reply: "text" | "picture"; readonly hidesText: boolean }
  | { readonly reply: "refused"; readonly reason: MediaRefusalReason };

/** Bytes of one answer. A page of text or a picture of 1536 pixels stays far below. */
export const replyBytesMax = 16_777_216;

/** The child belongs to us, but it has read a stranger's file: what it says is checked like a stranger's word. */
export function parseReply(header: unknown): ChildReply | undefined {
  if (typeof header !== "object" || header === null || !("reply" in header)) return undefined;
  switch (header.reply) {
    case "loaded":
    case "codec_missing":
      return { reply: header.reply };
    case "text":
    case "picture":
      return {
        reply: header.reply,
        hidesText: "hidesText" in header && header.hidesText === true,
      };
    case "opened": {
      const pageCount = "pageCount" in header ? header.pageCount : undefined;
      if (typeof pageCount !== "number" || !Number.isInteger(pageCount) || pageCount < 1) {
        return undefined;
      }
      return { reply: "opened", pageCount };
    }
    case "refused": {
      const reason = "reason" in header ? header.reason : undefined;
      return isRefusalReason(reason) ? { reply: "refused", reason } : undefined;
    }
    default:
      return undefined;
  }
}

/** The reasons that only the child can find. */
const childReasons: ReadonlySet<unknown> = new Set<MediaRefusalReason>([
  "pixels_limit",
  "pages_limit",
  "memory_limit",
  "image_truncated",
  "image_damaged",
  "image_unsupported",
  "pdf_damaged",
  "pdf_encrypted",
  "page_damaged",
  "media_crashed",
]);

function isRefusalReason(value: unknown): value is MediaRefusalReason {
  return childReasons.has(value);
}

/** The worker is trusted by its child: only the shape is checked, so that a mistake of ours is seen at once. */
export function isRequest(header: unknown): header is ChildRequest {
  if (typeof header !== "object" || header === null || !("ask" in header)) return false;
  return header.ask === "load" || header.ask === "open" || header.ask === "page";
}
