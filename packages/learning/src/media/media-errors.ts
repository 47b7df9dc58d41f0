import { WorkerError, type WorkerErrorCode } from "@leasehold/core";

import type { ChildEnd } from "./limited-child.ts";
import type { MediaRefusalReason } from "./media-refusal.ts";

interface Refusal {
  readonly code: Extract<
    WorkerErrorCode,
    "input_corrupt" | "input_too_large" | "input_unsupported"
  >;
  readonly message: string;
}

const refusals: Readonly<Record<MediaRefusalReason, Refusal>> = {
  bytes_limit: { code: "input_too_large", message: "The upload has too many bytes." },
  pixels_limit: {
    code: "input_too_large",
    message: "The picture has too many pixels; it must be uploaded at a smaller size.",
  },
  pages_limit: {
    code: "input_too_large",
    message: "The document has too many pages; it must be uploaded in parts.",
  },
  time_limit: {
    code: "input_too_large",
    message: "The document takes too long to prepare; it must be simplified, printed or scanned.",
  },
  memory_limit: {
    code: "input_too_large",
    message: "The document needs too much memory; it must be simplified, printed or scanned.",
  },
  media_type_unknown: {
    code: "input_unsupported",
    message: "The upload is neither PNG nor JPEG nor PDF, whatever its name says.",
  },
  media_type_mismatch: {
    code: "input_corrupt",
    message: "The upload is of another type than was recorded for it.",
  },
  image_truncated: {
    code: "input_corrupt",
    message: "The picture ends too early; it must be uploaded again.",
  },
  image_damaged: {
    code: "input_corrupt",
    message: "The picture is damaged; it must be uploaded again.",
  },
  image_unsupported: {
    code: "input_unsupported",
    message: "The picture uses a rare form of its format; it must be saved as an ordinary one.",
  },
  pdf_truncated: {
    code: "input_corrupt",
    message: "The document ends too early; it must be uploaded again.",
  },
  pdf_damaged: {
    code: "input_corrupt",
    message: "The document is damaged; it must be exported and uploaded again.",
  },
  pdf_encrypted: {
    code: "input_unsupported",
    message: "The document is locked; it must be uploaded without a password.",
  },
  page_damaged: {
    code: "input_corrupt",
    message: "A page of the document is damaged; it must be exported and uploaded again.",
  },
  media_crashed: {
    code: "input_corrupt",
    message: "The document crashes its reader; it must be exported and uploaded again.",
  },
};

/** The document is at fault: permanent, and charged to the job. */
export function refusalError(reason: MediaRefusalReason): WorkerError {
  const { code, message } = refusals[reason];
  return new WorkerError(code, message, { adapterCode: reason });
}

/** The installation lacks what decodes pictures. */
export function codecMissing(): WorkerError {
  return new WorkerError(
    "config_invalid",
    'No image codec: run the worker on Bun 1.4 or later, or install "sharp".',
    { scope: "config", adapterCode: "media_codec_missing" },
  );
}

/**
 * What the end of a child means once it holds a learner's document.
 *
 * A crash is the document's doing, and would come again. A kill from outside is not known to be: it may be tried
 * again, and is charged, so that a document that brings the machine to its knees does not come back for ever.
 */
export function errorWhileHolding(end: ChildEnd): WorkerError {
  switch (end.why) {
    case "memory_limit":
      return refusalError("memory_limit");
    case "time_limit":
      return end.starved ? machineBusy() : refusalError("time_limit");
    case "garbled":
      return refusalError("media_crashed");
    case "exited":
      return end.signal === "SIGKILL" || end.signal === "SIGTERM"
        ? killedFromOutside()
        : refusalError("media_crashed");
    default:
      return errorWhileStarting(end);
  }
}

/** What the end of a child means before it was given a document: nothing about the document. */
export function errorWhileStarting(end: ChildEnd): WorkerError {
  switch (end.why) {
    case "aborted":
    case "closed":
      return closed();
    case "not_started":
      return end.errno === "ENOENT" || end.errno === "EACCES" ? cannotStart() : machineBusy();
    case "exited":
      return end.signal === undefined ? cannotStart() : machineBusy();
    case "garbled":
      return cannotStart();
    default:
      return machineBusy();
  }
}

function closed(): WorkerError {
  return new WorkerError("aborted", "The document was closed while it was prepared.", {
    scope: "backend",
    retryable: true,
    adapterCode: "media_closed",
  });
}

function machineBusy(): WorkerError {
  return new WorkerError(
    "backend_busy",
    "The machine has no time or memory for the process that prepares documents.",
    { scope: "backend", retryable: true, adapterCode: "media_starved" },
  );
}

function killedFromOutside(): WorkerError {
  return new WorkerError(
    "backend_failed",
    "The process that prepared the document was killed; check the memory of the machine.",
    { retryable: true, adapterCode: "media_killed" },
  );
}

function cannotStart(): WorkerError {
  return new WorkerError(
    "config_invalid",
    "The process that prepares documents does not start; reinstall @leasehold/learning or set childCommand.",
    { scope: "config", adapterCode: "media_not_started" },
  );
}
