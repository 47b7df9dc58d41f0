import { z } from "zod";

import { type ReviewFlag, reviewFlags } from "./review-flags.ts";

/** One assessed criterion of `criteria.v2`. */
export interface CriterionResultV2 {
  readonly criterion: string;
  readonly max_score: number;
  /** Absent: nobody assessed this criterion. */
  readonly score?: number | undefined;
  readonly explanation_md?: string | undefined;
}

/** The analysis we write. Points are whole; `score` is the overall rating from 0 to 5. */
export interface CriteriaV2 {
  readonly schema: "criteria.v2";
  readonly score?: number | undefined;
  readonly criteria_results: readonly CriterionResultV2[];
}

/** The older analysis, which an adapter may still return: every criterion out of ten. */
export interface CriteriaV1 {
  readonly schema: "criteria.v1";
  readonly score: number;
  readonly criteria_results: readonly {
    readonly criterion: string;
    readonly score: number;
    readonly explanation_md: string;
  }[];
}

export type Analysis = CriteriaV2 | CriteriaV1;

/** What the phase `feedback` returns. */
export interface FeedbackOutput {
  readonly feedbackMd: string;
  readonly analysis: Analysis;
  /** How the result came about: see {@link feedbackPaths}. */
  readonly path: FeedbackPath;
  /** A person should look at it. */
  readonly needsReview: boolean;
  /** Why, as far as it lies in the submission. Default: none. */
  readonly flags?: readonly ReviewFlag[] | undefined;
}

/**
 * The ways to a result, best first: in two steps, in one plain question, or without any assessment, because no answer
 * held. A degraded result has no scores.
 */
export const feedbackPaths = ["program", "one_shot", "degraded"] as const;
export type FeedbackPath = (typeof feedbackPaths)[number];

const criteriaV2 = z.strictObject({
  schema: z.literal("criteria.v2"),
  score: z.int().min(0).max(5).optional(),
  criteria_results: z.array(
    z
      .strictObject({
        criterion: z.string(),
        max_score: z.int().min(1).max(10),
        score: z.int().min(0).max(10).optional(),
        explanation_md: z.string().optional(),
      })
      .refine(({ score, max_score }) => score === undefined || score <= max_score, {
        path: ["score"],
        error: "score must not exceed max_score",
      }),
  ),
});

const criteriaV1 = z.strictObject({
  schema: z.literal("criteria.v1"),
  score: z.int().min(0).max(5),
  criteria_results: z.array(
    z.strictObject({
      criterion: z.string(),
      score: z.int().min(0).max(10),
      explanation_md: z.string(),
    }),
  ),
});

export const feedbackOutput: z.ZodType<FeedbackOutput> = z.strictObject({
  feedbackMd: z.string().min(1),
  analysis: z.discriminatedUnion("schema", [criteriaV2, criteriaV1]),
  path: z.enum(feedbackPaths),
  needsReview: z.boolean(),
  flags: z.array(z.enum(reviewFlags)).optional(),
});
