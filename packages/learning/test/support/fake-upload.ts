import { createHash } from "node:crypto";

import type { MediaPreparer } from "../../src/media/media-preparer.ts";
import { type Storage, storageKeyMissing } from "../../src/storage.ts";
import type { SubmissionMedia } from "../../src/submission.ts";

/** A page of an upload: its text layer, or the bytes of its picture. */
export type FakePage = string | Uint8Array;

export interface FakeUpload {
  readonly storage: Storage;
  readonly media: MediaPreparer;
  /** What the host recorded of it. */
  readonly recorded: SubmissionMedia;
  /** Pages that were prepared, in order. */
  readonly prepared: readonly number[];
  /** How often the storage was read. */
  readonly reads: () => number;
  /** Uploads that are open now. */
  readonly openNow: () => number;
}

/** The picture of a page: bytes that no other page has. */
export function picture(page: number): Uint8Array {
  return new Uint8Array([0xff, 0xd8, page, 0xff, 0xd9]);
}

/** An upload in a storage in memory, and a preparer that knows its pages. */
export function createFakeUpload(
  pages: readonly FakePage[],
  { hidesText = false }: { readonly hidesText?: boolean } = {},
): FakeUpload {
  const bytes = new TextEncoder().encode(`%PDF of ${pages.length} pages`);
  const recorded: SubmissionMedia = {
    storageKey: "submissions/essay.pdf",
    mediaType: "application/pdf",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
  const prepared: number[] = [];
  let reads = 0;
  let openNow = 0;
  return {
    recorded,
    prepared,
    reads: () => reads,
    openNow: () => openNow,
    storage: {
      async read(key) {
        reads += 1;
        if (key !== recorded.storageKey) throw storageKeyMissing();
        return bytes;
      },
    },
    media: {
      async open() {
        openNow += 1;
        const close = async (): Promise<void> => {
          openNow -= 1;
        };
        return {
          kind: "document",
          pageCount: pages.length,
          async page(page) {
            prepared.push(page);
            const content = pages[page - 1] ?? "";
            if (typeof content === "string") return { page, hidesText, text: content };
            const size = { mediaType: "image/jpeg", width: 10, height: 20 } as const;
            return { page, hidesText, image: { ...size, bytes: content } };
          },
          close,
          [Symbol.asyncDispose]: close,
        };
      },
      close: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
}
