import type { CodedProblem } from "@leasehold/model";
import { z } from "zod";

import type { Criterion } from "../submission.ts";
import { createLeakCheck } from "./hint-leak.ts";
import type { Segment } from "./segments.ts";

/** What the model judges and by what. */
export interface AssessInput {
  readonly segments: readonly Segment[];
  readonly criteria: readonly Criterion[];
  readonly instruction: string | undefined;
  readonly hints: string | undefined;
  /** Unguessable, new per job and attempt: parts the learner's text from ours. */
  readonly nonce: string;
  readonly language: "de" | "en";
}

/** What a model says of one criterion. Evidence stands first, so that it is chosen before the points. */
export interface Judgement {
  /** Ids of segments; empty when there is none, and then `no_evidence_found` says so and the points are 0. */
  readonly evidence: readonly string[];
  readonly explanation_md: string;
  readonly no_evidence_found?: true | undefined;
  readonly score: number;
}

/** Judgements by criterion id: each criterion once, by construction. */
export type Judgements = Readonly<Record<string, Judgement>>;

/** Segments that one judgement may name. */
const evidenceMax = 3;

/**
 * The ids are those of this job: neither a criterion nor a piece of evidence can be invented. Points without evidence,
 * and a zero that says neither where nor that there is none, have no form.
 */
export function toJudgementsSchema({ criteria, segments }: AssessInput): z.ZodType<Judgements> {
  const segment = z.enum(segments.map(({ id }) => id));
  const explanation_md = z.string().min(1).max(1_500);
  const unsupported = z.strictObject({
    evidence: z.array(segment).max(0),
    explanation_md,
    no_evidence_found: z.literal(true),
    score: z.literal(0),
  });
  const judgements = criteria.map(({ id, maxScore }) => {
    const supported = z.strictObject({
      evidence: z.array(segment).min(1).max(evidenceMax),
      explanation_md,
      score: z.int().min(0).max(maxScore),
    });
    return [id, z.union([supported, unsupported])] as const;
  });
  return z.strictObject(Object.fromEntries(judgements));
}

/** What is wrong with judgements that fit their schema. */
export function checkJudgements(
  judgements: Judgements,
  input: AssessInput,
): readonly (string | CodedProblem)[] {
  const explanations = Object.entries(judgements).map(([id, { explanation_md: text }]) => ({
    where: `explanation_md of ${id}`,
    text,
  }));
  return checkWords(explanations, input);
}

/** What is wrong with words that a learner will read. */
export function checkWords(
  words: readonly { readonly where: string; readonly text: string }[],
  input: AssessInput,
): readonly (string | CodedProblem)[] {
  const leaks = createLeakCheck(input);
  return words.flatMap(({ where, text }) => [
    ...(leaks(text) ? [{ code: hintsLeaked, sentence: `${where} repeats the hints.` }] : []),
    ...(text.includes(input.nonce) ? [`${where} repeats the marks around the text.`] : []),
  ]);
}

/** The teacher's hints came back in what a learner would read. */
export const hintsLeaked = "hints_leaked";
