/**
 * Why a document is refused. The words are the `adapterCode` of the error, so they reach the database and the runbook:
 * added freely, renamed never.
 */
export type MediaRefusalReason =
  | "bytes_limit"
  | "pixels_limit"
  | "pages_limit"
  | "time_limit"
  | "memory_limit"
  | "media_type_unknown"
  | "media_type_mismatch"
  | "image_truncated"
  | "image_damaged"
  | "image_unsupported"
  | "pdf_truncated"
  | "pdf_damaged"
  | "pdf_encrypted"
  | "page_damaged"
  | "media_crashed";

/**
 * The document is at fault. Thrown on both sides of the process boundary; what the child throws travels as its reason.
 */
export class MediaRefusal extends Error {
  readonly reason: MediaRefusalReason;

  constructor(reason: MediaRefusalReason) {
    super(reason);
    this.name = "MediaRefusal";
    this.reason = reason;
  }
}
