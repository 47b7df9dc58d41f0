import { createHash } from "node:crypto";

import { type AdapterContext, type PhaseResult, WorkerError } from "@leasehold/core";
import { type ModelV1, runStep, type StepCall, type StepProvenance } from "@leasehold/model";

import { toAnalysis } from "./analysis.ts";
import type { FeedbackOutput } from "./criteria.ts";
import { type AnalyseInput, feedbackProgram } from "./programs/feedback-program.ts";
import { toSegments } from "./programs/segments.ts";
import type { SubmissionInput } from "./submission.ts";

export interface FeedbackPhase {
  readonly model: ModelV1;
  /** Time of one model call, warm-up excluded. */
  readonly timeoutMs: number;
}

/** Assesses a text in two steps: first the criteria as data, then prose that rests on them. */
export async function assessText(
  { model, timeoutMs }: FeedbackPhase,
  { input, text }: { readonly input: SubmissionInput; readonly text: string },
  context: AdapterContext,
): Promise<PhaseResult> {
  const segments = toSegments(text);
  if (segments.length === 0) {
    throw new WorkerError("input_unsupported", "There is nothing to assess: the text is empty.");
  }
  await model.prepare?.(context);
  const { criteria, language } = input;
  const given: AnalyseInput = {
    segments,
    criteria,
    instruction: input.instruction,
    hints: input.hints,
    nonce: toNonce(context),
    language,
  };
  const call = <Input>(stepInput: Input): StepCall<Input> => ({
    model,
    input: stepInput,
    language,
    key: input.submissionId,
    attempt: context.attempt,
    timeoutMs,
    context,
  });
  const analysed = await runStep(feedbackProgram.steps.analyse, call(given));
  const judgements = analysed.answer;
  const written = await runStep(feedbackProgram.steps.synthesise, call({ ...given, judgements }));
  const output: FeedbackOutput = {
    feedbackMd: written.answer,
    analysis: toAnalysis({ criteria, segments, judgements }),
    path: "program",
    needsReview: false,
  };
  return { output, provenance: toProvenance(analysed.provenance, written.provenance) };
}

function toProvenance(
  analyse: StepProvenance,
  synthesise: StepProvenance,
): PhaseResult["provenance"] {
  const { step: _step, asks, ...shared } = analyse;
  return { ...shared, asks: { analyse: asks, synthesise: synthesise.asks } };
}

/** A word that a learner cannot know when writing: it hangs on the job and the attempt. */
function toNonce({ jobId, attempt }: AdapterContext): string {
  return createHash("sha256").update(`fence ${jobId} ${attempt}`).digest("hex").slice(0, 16);
}
