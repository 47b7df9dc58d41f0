import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { NewSubmission } from "@leasehold/learning";

import type { Bench } from "./worker-bench.ts";

export type Upload = Exclude<NewSubmission["content"], { readonly kind: "text" }>;

/** Puts bytes into the worker's storage and describes them as a web application would have recorded them. */
export async function storeUpload(
  { dataDir }: Bench,
  bytes: Uint8Array,
  upload: Pick<Upload, "storageKey" | "mediaType">,
): Promise<Upload> {
  const path = join(dataDir, "uploads", upload.storageKey);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  return {
    ...upload,
    kind: upload.mediaType === "application/pdf" ? "file" : "image",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}
