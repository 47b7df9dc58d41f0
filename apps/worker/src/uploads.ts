import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { WorkerError } from "@leasehold/core";
import { type NewSubmission, textCharactersMax, uploadBytesMax } from "@leasehold/learning";

type Content = NewSubmission["content"];

const kinds = [
  { magic: [0x89, 0x50, 0x4e, 0x47], kind: "image", mediaType: "image/png", ending: "png" },
  { magic: [0xff, 0xd8, 0xff], kind: "image", mediaType: "image/jpeg", ending: "jpg" },
  { magic: [0x25, 0x50, 0x44, 0x46], kind: "file", mediaType: "application/pdf", ending: "pdf" },
] as const;

/** Makes a submission's content of bytes: by what they are, not by a name. Uploads go to the storage first. */
export async function toContent(bytes: Uint8Array, storageRoot: string): Promise<Content> {
  const found = kinds.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte));
  if (found === undefined) return { kind: "text", text: toText(bytes) };
  if (bytes.length > uploadBytesMax) {
    throw new WorkerError(
      "input_too_large",
      `Not submitted: the file has ${bytes.length} bytes, and ${uploadBytesMax} are allowed.`,
    );
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const storageKey = `submissions/${sha256}.${found.ending}`;
  await store(join(storageRoot, storageKey), bytes);
  const { kind, mediaType } = found;
  return { kind, storageKey, mediaType, bytes: bytes.length, sha256 };
}

/** Describes an upload that lies in the storage already. */
export async function describeUpload(storageRoot: string, storageKey: string): Promise<Content> {
  const bytes = await readFile(join(storageRoot, storageKey));
  const found = kinds.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte));
  if (found === undefined) return { kind: "text", text: toText(bytes) };
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { kind, mediaType } = found;
  return { kind, storageKey, mediaType, bytes: bytes.length, sha256 };
}

function toText(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.length <= textCharactersMax) return text;
  } catch {
    throw new WorkerError(
      "input_unsupported",
      "Not submitted: the file is neither a PNG, a JPEG or a PDF nor text in UTF-8.",
    );
  }
  throw new WorkerError(
    "input_too_large",
    `Not submitted: a text may have ${textCharactersMax} characters.`,
  );
}

/** A reader sees the whole file or none. */
async function store(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, bytes);
  await rename(draft, path);
}
