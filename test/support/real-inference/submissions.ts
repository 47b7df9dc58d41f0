import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { LearningStore } from "@leasehold/learning";

import { samples } from "../worker-bench.ts";

const sentences = [
  "Der Bach ist im Sommer schmal.",
  "Im März wird er breit und laut.",
  "Unter den Steinen sitzen Larven.",
  "Wir haben das Wasser gemessen.",
  "Es war neun Grad kalt.",
  "Am Ufer wächst Erlenlaub.",
];
const uploads = ["photo.jpg", "page.png", "letter.pdf", "scan.pdf"] as const;
const mediaTypes = { jpg: "image/jpeg", png: "image/png", pdf: "application/pdf" } as const;

/** Submits texts, pictures and PDFs, of each some, and answers their ids. */
export async function submitMixture(
  store: LearningStore,
  options: { readonly count: number; readonly storageRoot: string; readonly textsOnly?: boolean },
): Promise<readonly string[]> {
  const { count, storageRoot, textsOnly = false } = options;
  await mkdir(storageRoot, { recursive: true });
  const files = await Promise.all(uploads.map((name) => storeFile(storageRoot, name)));
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    // Three texts for each two uploads; the scan, which has three pages, the rarest.
    const upload = textsOnly || index % 5 < 3 ? undefined : files[toUploadIndex(index)];
    const { id } = await store.submit({
      studentSub: `learner-${index}`,
      content: upload ?? { kind: "text", text: toEssay(index) },
      criteria: [
        { name: "Inhalt", maxScore: 10 },
        { name: "Sprache", maxScore: 5 },
      ],
      language: index % 2 === 0 ? "de" : "en",
    });
    ids.push(id);
  }
  return ids;
}

function toUploadIndex(index: number): number {
  return index % 25 === 24 ? 3 : index % 3;
}

function toEssay(index: number): string {
  const length = 2 + (index % 4);
  return Array.from(
    { length },
    (_, at) => sentences[(index * 5 + at) % sentences.length] ?? "",
  ).join(" ");
}

type Content = Parameters<LearningStore["submit"]>[0]["content"];

async function storeFile(storageRoot: string, name: (typeof uploads)[number]): Promise<Content> {
  const bytes = await readFile(join(samples, name));
  await writeFile(join(storageRoot, name), bytes);
  const extension = name.split(".")[1] as keyof typeof mediaTypes;
  return {
    kind: extension === "pdf" ? "file" : "image",
    storageKey: name,
    mediaType: mediaTypes[extension],
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}
