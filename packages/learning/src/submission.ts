import { z } from "zod";

import { fitsCharacters } from "./characters.ts";

/** How a submission came in. */
export type SubmissionKind = "text" | "image" | "file";

/** Bytes of one upload: ten mebibytes, as the runbook's web application allows. */
export const uploadBytesMax = 10_485_760;

/** Characters of a learner's text, typed or read from pages: code points, as Postgres counts them. */
export const textCharactersMax = 60_000;

/** One thing to look at. */
export interface Criterion {
  /** `c1` to `c20`: short and ours, so that a model names a criterion without copying its words. */
  readonly id: string;
  readonly name: string;
  /** From 1 to 10. */
  readonly maxScore: number;
}

/** What was uploaded, as the host recorded it. Size and hash are verified when it is read. */
export interface SubmissionMedia {
  readonly storageKey: string;
  readonly mediaType: "image/png" | "image/jpeg" | "application/pdf";
  readonly bytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** The payload of a submission job: all that its phases need, so that no phase reads the host's tables. */
export interface SubmissionInput {
  readonly submissionId: string;
  readonly kind: SubmissionKind;
  /** For kind `text` only. */
  readonly text?: string | undefined;
  /** For kinds `image` and `file` only. */
  readonly media?: SubmissionMedia | undefined;
  /** 1 to 20. */
  readonly criteria: readonly Criterion[];
  readonly instruction?: string | undefined;
  /** For the model's eyes: never quoted back to the learner. */
  readonly hints?: string | undefined;
  readonly language: "de" | "en";
}

const text = (charactersMax: number): z.ZodString =>
  z.string().refine((value) => fitsCharacters(value, charactersMax), {
    error: `must have at most ${charactersMax} characters`,
  });

const criterionSchema = z.strictObject({
  id: z.string().regex(/^c([1-9]|1[0-9]|20)$/),
  name: text(500).min(1),
  maxScore: z.int().min(1).max(10),
});

const mediaSchema = z.strictObject({
  storageKey: text(256).min(1),
  mediaType: z.enum(["image/png", "image/jpeg", "application/pdf"]),
  bytes: z.int().min(1).max(uploadBytesMax),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const submissionInput: z.ZodType<SubmissionInput> = z
  .strictObject({
    submissionId: z.uuid(),
    kind: z.enum(["text", "image", "file"]),
    text: text(textCharactersMax).optional(),
    media: mediaSchema.optional(),
    criteria: z.array(criterionSchema).min(1).max(20),
    instruction: text(4_000).optional(),
    hints: text(4_000).optional(),
    language: z.enum(["de", "en"]).default("de"),
  })
  .refine((input) => (input.kind === "text") === (input.text !== undefined), {
    path: ["text"],
    error: "text is required for kind text and refused for the others",
  })
  .refine((input) => (input.kind === "text") === (input.media === undefined), {
    path: ["media"],
    error: "media is required for kinds image and file and refused for text",
  })
  .refine(({ criteria }) => new Set(criteria.map(({ id }) => id)).size === criteria.length, {
    path: ["criteria"],
    error: "criteria ids must differ",
  });

/** What became of one page. */
export interface VisionPage {
  /** From 1. */
  readonly page: number;
  /** `model` read the picture; the document carried a `text_layer`; the text was `given` by the learner. */
  readonly source: "model" | "text_layer" | "given";
  readonly characters: number;
  /** The page of a document carries words that nobody sees on it, and that were not read. */
  readonly hidesText?: true;
}

/** What the phase `vision` returns. */
export interface VisionOutput {
  readonly text: string;
  readonly pages: readonly VisionPage[];
}

export const visionOutput: z.ZodType<VisionOutput> = z.strictObject({
  text: z.string(),
  pages: z.array(
    z.strictObject({
      page: z.int().min(1),
      source: z.enum(["model", "text_layer", "given"]),
      characters: z.int().min(0),
      hidesText: z.literal(true).exactOptional(),
    }),
  ),
});
