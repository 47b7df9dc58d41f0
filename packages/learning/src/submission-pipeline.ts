import { definePipeline, type Pipeline } from "@leasehold/core";
import type { z } from "zod";

import { countCharacters } from "./characters.ts";
import { feedbackOutput } from "./criteria.ts";
import { type SubmissionInput, submissionInput, visionOutput } from "./submission.ts";

/** The phases of a submission, in order. */
export const submissionPhases = ["vision", "feedback"] as const;
export type SubmissionPhase = (typeof submissionPhases)[number];

/**
 * Longer than whatever a healthy phase does in silence: to open a document takes half a minute at most, a model that does
 * not stream its answer the five minutes of a call.
 */
const stallSeconds = 300;

/** From upload to feedback: `vision` turns pages into text, `feedback` assesses the text. */
export const submissionPipeline: Pipeline<z.ZodType<SubmissionInput>> = definePipeline({
  type: "learning.submission",
  version: 1,
  queue: "learning",
  input: submissionInput,
  start(input) {
    if (input.text === undefined) return { phase: "vision" };
    // Nobody has to look at a text: it is the learner's own, word for word.
    const pages = [{ page: 1, source: "given", characters: countCharacters(input.text) }];
    return {
      phase: "feedback",
      skipped: {
        vision: {
          output: { text: input.text, pages },
          provenance: { skipped: "text_submission" },
        },
      },
    };
  },
  phases: [
    { name: "vision", output: visionOutput, timeoutSeconds: 1_800, stallSeconds },
    { name: "feedback", output: feedbackOutput, timeoutSeconds: 900, stallSeconds },
  ],
});

/** The runbook's words for why a submission failed. */
export const submissionErrorCodes = [
  "vision_failed",
  "feedback_failed",
  "input_corrupt",
  "input_unsupported",
  "input_too_large",
] as const;
export type SubmissionErrorCode = (typeof submissionErrorCodes)[number];

/** What was wrong with the upload, or else the phase that failed. The database's `learning_error_code` says the same. */
export function toSubmissionErrorCode(phase: string, code: string): string {
  return ["input_corrupt", "input_unsupported", "input_too_large"].includes(code)
    ? code
    : `${phase}_failed`;
}
