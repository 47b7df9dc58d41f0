import type { Stats } from "node:fs";
import { constants } from "node:fs";
import { type FileHandle, open, opendir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

import { WorkerError } from "@leasehold/core";

import { aborted } from "./media/aborted.ts";
import {
  assertStorageKey,
  pathEscape,
  type Storage,
  storageKeyMissing,
  type StorageReadOptions,
  uploadTooLarge,
} from "./storage.ts";

export interface FolderStorageOptions {
  /** The folder that holds the uploads. A key is a path below it. */
  readonly root: string;
}

/** A file is read in pieces of this many bytes, so that an abort is noticed between two of them. */
const chunkBytes = 1_048_576;

/** Refuses a link in the last place, and does not wait for a writer when somebody put a pipe there. */
const openFlags: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads uploads from a folder. A key can't leave it: not by its spelling, and not through a symbolic link.
 *
 * A missing or empty root counts as an outage: it is what an unmounted volume looks like.
 */
export function createFolderStorage({ root }: FolderStorageOptions): Storage {
  return {
    async read(key, options) {
      assertStorageKey(key);
      throwIfAborted(options.signal);
      try {
        return await readBelow(root, key, options);
      } catch (error) {
        throw await explain(error, root);
      }
    },
  };
}

async function readBelow(
  root: string,
  key: string,
  options: StorageReadOptions,
): Promise<Uint8Array> {
  const realRoot = await realpath(root);
  const path = join(realRoot, key);
  const handle = await open(path, openFlags);
  try {
    const opened = await handle.stat();
    if (!opened.isFile()) throw storageKeyMissing();
    await assertInside(realRoot, path, opened);
    if (opened.size > options.maxBytes) throw uploadTooLarge(options.maxBytes);
    return await readWhole(handle, opened.size, options);
  } finally {
    await handle.close();
  }
}

/**
 * Resolves the path after the file was opened and compares the two, so that a folder that is swapped for a link in
 * between gains nothing.
 */
async function assertInside(realRoot: string, path: string, opened: Stats): Promise<void> {
  const realFile = await realpath(path);
  const prefix = realRoot.endsWith(sep) ? realRoot : realRoot + sep;
  if (!realFile.startsWith(prefix)) throw pathEscape();
  const resolved = await stat(realFile);
  if (resolved.dev !== opened.dev || resolved.ino !== opened.ino) throw pathEscape();
}

/** Reads to the end. A file that grows while it is read is refused at the limit, not at the end of the memory. */
async function readWhole(
  handle: FileHandle,
  sizeExpected: number,
  { maxBytes, signal }: StorageReadOptions,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    throwIfAborted(signal);
    // One byte more than expected shows a file that grew.
    const length = Math.min(chunkBytes, Math.max(1, sizeExpected + 1 - total));
    const { bytesRead, buffer } = await handle.read(new Uint8Array(length), 0, length, total);
    if (bytesRead === 0) return Buffer.concat(chunks, total);
    total += bytesRead;
    if (total > maxBytes) throw uploadTooLarge(maxBytes);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

/** Turns what the file system said into what it means, without its text: that text holds the path. */
async function explain(error: unknown, root: string): Promise<WorkerError> {
  if (WorkerError.is(error)) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ELOOP") return pathEscape();
  const isMissing = code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG";
  if (isMissing && (await holdsAnything(root))) return storageKeyMissing();
  return new WorkerError(
    "backend_unreachable",
    "The folder of the uploads can't be read; check that it is mounted and readable.",
    { scope: "backend", retryable: true, adapterCode: "storage_unreachable", cause: error },
  );
}

async function holdsAnything(root: string): Promise<boolean> {
  try {
    const folder = await opendir(root);
    const first = await folder.read();
    await folder.close();
    return first !== null;
  } catch {
    return false;
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal);
}
