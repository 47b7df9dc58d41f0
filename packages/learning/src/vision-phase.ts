import { createHash } from "node:crypto";

import {
  type AdapterContext,
  type PhaseResult,
  type Provenance,
  WorkerError,
} from "@leasehold/core";
import { type ModelV1, runStep } from "@leasehold/model";
import { z } from "zod";

import { type AnswerMemory, hashQuestion, recall } from "./answer-memory.ts";
import { countCharacters, fitsCharacters } from "./characters.ts";
import type { MediaPreparer, PreparedMedia } from "./media/media-preparer.ts";
import { visionProgram } from "./programs/vision-program.ts";
import { readVerified, type Storage } from "./storage.ts";
import { type SubmissionInput, textCharactersMax, type VisionPage } from "./submission.ts";

export interface VisionPhase {
  readonly model: ModelV1;
  readonly storage: Storage;
  readonly media: MediaPreparer;
  /** Time of one model call, warm-up excluded. */
  readonly timeoutMs: number;
  /** Default: no page is recalled. */
  readonly memory?: AnswerMemory;
}

/** A page that was read: what is saved as a part, so that no later attempt reads it again. */
interface PageText {
  readonly source: "model" | "text_layer";
  readonly text: string;
  readonly hidesText?: true;
}

const savedPage: z.ZodType<PageText> = z.strictObject({
  source: z.enum(["model", "text_layer"]),
  text: z.string(),
  hidesText: z.literal(true).exactOptional(),
});

/** Reads an upload page by page; pages that an earlier attempt read are taken as they are. */
export async function readPages(
  phase: VisionPhase,
  request: { readonly input: SubmissionInput; readonly known: ReadonlyMap<number, unknown> },
  context: AdapterContext,
): Promise<PhaseResult> {
  const { media } = request.input;
  if (media === undefined) {
    throw new WorkerError("input_invalid", "There is no upload to read: the submission is a text.");
  }
  context.progress({ stage: "preparing" });
  const { signal } = context;
  const bytes = await readVerified(phase.storage, media, signal);
  // Documents are opened a few at a time, and whoever waits for his turn has not stalled.
  context.progress({ stage: "queued" });
  await using upload = await phase.media.open({ bytes, mediaType: media.mediaType }, { signal });
  const { pageCount } = upload;
  const reader = createPageReader(phase, { ...request, upload }, context);
  const pages: VisionPage[] = [];
  let text = "";
  for (let page = 1; page <= pageCount; page += 1) {
    context.progress({ stage: "decoding", partsDone: page - 1, partsTotal: pageCount });
    const { text: pageText, ...said } = await reader.read(page);
    pages.push({ page, ...said, characters: countCharacters(pageText) });
    text += page === 1 ? pageText : `\n\n${pageText}`;
    // Before the next page is read: what no later page can mend is not worth another model call.
    if (!fitsCharacters(text, textCharactersMax)) {
      throw new WorkerError(
        "input_too_large",
        `The first ${page} of ${pageCount} pages hold more than ${textCharactersMax} characters.`,
      );
    }
  }
  const textLayerPages = pages.filter(({ source }) => source === "text_layer").length;
  const provenance = { ...reader.provenance(), path: "program", pages: pageCount, textLayerPages };
  return { output: { text, pages }, provenance };
}

function hashBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

interface PageReader {
  read(page: number): Promise<PageText>;
  provenance(): Provenance;
}

function createPageReader(
  { model, timeoutMs, memory }: VisionPhase,
  {
    input,
    known,
    upload,
  }: {
    readonly input: SubmissionInput;
    readonly known: ReadonlyMap<number, unknown>;
    readonly upload: PreparedMedia;
  },
  context: AdapterContext,
): PageReader {
  let isPrepared = false;
  // Of the last page that was read now; pages read before have their own beside them.
  let provenance: Provenance = {};

  const ask = async (page: number): Promise<PageText> => {
    const prepared = await upload.page(page);
    const flags = prepared.hidesText ? ({ hidesText: true } as const) : {};
    if (prepared.text !== undefined) {
      const saved: PageText = { source: "text_layer", text: prepared.text, ...flags };
      await context.savePart(page, { ...saved }, { source: "text_layer" });
      return saved;
    }
    const { language } = input;
    const { pageCount } = upload;
    const question = hashQuestion({
      model,
      programs: [visionProgram],
      asked: [hashBytes(prepared.image.bytes), page, pageCount, language],
    });
    const recalled = await recall(memory, question, context);
    const old = savedPage.safeParse(recalled?.output);
    if (recalled !== undefined && old.success) {
      const { question: _question, ...said } = recalled.provenance;
      provenance = { ...said, recalled: true };
      const saved: PageText = { source: "model", text: old.data.text, ...flags };
      await context.savePart(page, { ...saved }, { ...provenance, question });
      return saved;
    }
    if (!isPrepared) await model.prepare?.(context);
    isPrepared = true;
    const answer = await runStep(visionProgram.steps.transcribe, {
      model,
      input: { image: prepared.image, page, pageCount, language },
      language,
      key: `${input.submissionId} ${page}`,
      attempt: context.attempt,
      timeoutMs,
      context,
    });
    provenance = { ...answer.provenance };
    const saved: PageText = { source: "model", text: answer.answer, ...flags };
    const asked = memory === undefined ? {} : { question };
    await context.savePart(page, { ...saved }, { ...provenance, ...asked });
    return saved;
  };

  return {
    async read(page) {
      const saved = savedPage.safeParse(known.get(page));
      return saved.success ? saved.data : await ask(page);
    },
    provenance: () => provenance,
  };
}
