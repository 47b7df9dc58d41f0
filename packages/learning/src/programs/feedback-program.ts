import { defineProgram, defineStep, type Program, type StepDefinition } from "@leasehold/model";
import { z } from "zod";

import {
  analyseExamples,
  analyseInstructions,
  headings,
  oneShotInstructions,
  synthesiseInstructions,
} from "./feedback-words.ts";
import {
  type AssessInput,
  checkJudgements,
  checkWords,
  type Judgements,
  toJudgementsSchema,
} from "./judgement.ts";

export interface SynthesiseInput extends AssessInput {
  readonly judgements: Judgements;
}

/** Judgements and prose in one answer. */
export interface OneShotAnswer {
  readonly assessment: Judgements;
  readonly feedback_md: string;
}

type FeedbackSteps = {
  readonly analyse: StepDefinition<AssessInput, Judgements>;
  readonly synthesise: StepDefinition<SynthesiseInput, string>;
};

type OneShotSteps = { readonly answer: StepDefinition<AssessInput, OneShotAnswer> };

type UserMessage = { readonly role: "user"; readonly content: string };

const feedbackText: z.ZodString = z.string().min(20).max(12_000);

/** Assesses a text by criteria, then says it in prose. */
export const feedbackProgram: Program<FeedbackSteps> = defineProgram<FeedbackSteps>({
  id: "learning.feedback",
  version: "2",
  steps: {
    analyse: defineStep({
      instructions: analyseInstructions,
      examples: analyseExamples,
      outputTokensMax: 4_000,
      messages: (input: AssessInput) => [toTask(input, { withHints: true }), toWork(input)],
      answer: toJudgementsSchema,
      check: checkJudgements,
    }),
    synthesise: defineStep({
      instructions: synthesiseInstructions,
      outputTokensMax: 2_000,
      // Without the hints: what is not known cannot be told.
      messages: (input: SynthesiseInput) => [
        toTask(input, { withHints: false }),
        toWork(input),
        { role: "user", content: JSON.stringify(input.judgements) },
      ],
      answer: feedbackText,
      check: (text, input) => checkWords([{ where: "The feedback", text }], input),
    }),
  },
});

/** The same in one plain question, for a model that two steps are too much for. Under the same checks. */
export const oneShotProgram: Program<OneShotSteps> = defineProgram<OneShotSteps>({
  id: "learning.feedback_one_shot",
  version: "1",
  steps: {
    answer: defineStep({
      instructions: oneShotInstructions,
      outputTokensMax: 5_000,
      messages: (input: AssessInput) => [toTask(input, { withHints: true }), toWork(input)],
      answer: (input) =>
        z.strictObject({ assessment: toJudgementsSchema(input), feedback_md: feedbackText }),
      check: ({ assessment, feedback_md: text }, input) => [
        ...checkJudgements(assessment, input),
        ...checkWords([{ where: "feedback_md", text }], input),
      ],
    }),
  },
});

function toTask(
  { criteria, instruction, hints, language }: AssessInput,
  { withHints }: { readonly withHints: boolean },
): UserMessage {
  const words = headings[language];
  const lines = [
    ...(instruction === undefined ? [] : [`${words.task}:\n${instruction}`]),
    `${words.criteria}:`,
    ...criteria.map(({ id, name, maxScore }) => `${id} (0–${maxScore}): ${name}`),
    ...(hints === undefined || !withHints ? [] : [`${words.hints}:\n${hints}`]),
  ];
  return { role: "user", content: lines.join("\n") };
}

/** The learner's text has a message of its own, between marks that it cannot contain. */
function toWork({ segments, nonce }: AssessInput): UserMessage {
  const work = segments.map(({ id, text }) => `[${id}] ${text}`);
  return { role: "user", content: [`<${nonce}>`, ...work, `<${nonce}>`].join("\n") };
}
