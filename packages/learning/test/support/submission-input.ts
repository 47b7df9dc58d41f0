import type { PhaseRequest } from "@leasehold/core";

import type { SubmissionInput, SubmissionMedia } from "../../src/submission.ts";

/** A text with two criteria. */
export const textInput: SubmissionInput = {
  submissionId: "0b1d9a3e-7c54-4f0f-8a51-3a2f1f1a7c11",
  kind: "text",
  text: "Die Sonne scheint. Der Bach rauscht.",
  criteria: [
    { id: "c1", name: "Inhalt", maxScore: 10 },
    { id: "c2", name: "Sprache", maxScore: 4 },
  ],
  language: "de",
};

/** The same for an upload. */
export function fileInput(media: SubmissionMedia): SubmissionInput {
  const { text: _text, ...rest } = textInput;
  return { ...rest, kind: "file", media };
}

/** What the worker asks of an adapter: `vision` of an upload, `feedback` of a text. */
export function requestOf(
  input: SubmissionInput,
  overrides: Partial<PhaseRequest> = {},
): PhaseRequest {
  const { text } = input;
  return {
    type: "learning.submission",
    phase: text === undefined ? "vision" : "feedback",
    input,
    results: text === undefined ? {} : { vision: { text, pages: [] } },
    parts: [],
    ...overrides,
  };
}
