import { createHash } from "node:crypto";

import { WorkerError } from "@leasehold/core";

import { type SubmissionMedia, uploadBytesMax } from "./submission.ts";

/**
 * Where uploads lie: a folder, a bucket, a service. Implement it to bring your own.
 *
 * `read` throws a `WorkerError` whose message names neither the key nor a path: `input_corrupt` when the key is bad or
 * names nothing, `input_too_large` before more than `maxBytes` were held in memory, and `backend_unreachable` with
 * scope `backend` when the storage itself does not answer, so that an outage is charged to nobody.
 */
export interface Storage {
  read(key: string, options: StorageReadOptions): Promise<Uint8Array>;
}

export interface StorageReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Characters of a storage key. */
export const storageKeyCharactersMax = 256;

/** Segments of letters, digits, `_`, `-` and inner dots: no empty, hidden or parent segment, nothing to decode. */
const storageKeyPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** Throws `input_corrupt` unless the key is one that no storage could read as a way out. */
export function assertStorageKey(key: string): void {
  const isSafe =
    key.length <= storageKeyCharactersMax && storageKeyPattern.test(key) && !key.includes("..");
  if (!isSafe) throw pathEscape();
}

/** The key leads, or might lead, out of the storage. */
export function pathEscape(): WorkerError {
  return new WorkerError(
    "input_corrupt",
    "The storage key is not a plain relative path; the host must store the upload under one.",
    { adapterCode: "path_escape" },
  );
}

/** The storage answers and holds nothing under the key. */
export function storageKeyMissing(): WorkerError {
  return new WorkerError(
    "input_corrupt",
    "The upload is not in the storage; it was removed, or never arrived.",
    { adapterCode: "storage_key_missing" },
  );
}

/** The upload is larger than the reader allows. */
export function uploadTooLarge(maxBytes: number): WorkerError {
  return new WorkerError("input_too_large", `The upload has more than ${maxBytes} bytes.`, {
    adapterCode: "bytes_limit",
  });
}

/** Reads an upload and checks that it is, byte for byte, what the host recorded. */
export async function readVerified(
  storage: Storage,
  media: SubmissionMedia,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await storage.read(media.storageKey, { maxBytes: uploadBytesMax, signal });
  if (bytes.length !== media.bytes) {
    throw new WorkerError("input_corrupt", "The upload is not as long as was recorded for it.", {
      adapterCode: "size_mismatch",
    });
  }
  if (createHash("sha256").update(bytes).digest("hex") !== media.sha256) {
    throw new WorkerError("input_corrupt", "The upload's SHA-256 is not the recorded one.", {
      adapterCode: "hash_mismatch",
    });
  }
  return bytes;
}
