import { describe, expect, test } from "bun:test";

import { toAnalysis } from "../src/analysis.ts";
import { feedbackOutput } from "../src/criteria.ts";
import { toSegments } from "../src/programs/segments.ts";
import type { Criterion } from "../src/submission.ts";

const segments = toSegments("Der Bach rauscht. Die Sonne scheint.");

function toCriteria(...maxScores: readonly number[]): readonly Criterion[] {
  return maxScores.map((maxScore, index) => ({
    id: `c${index + 1}`,
    name: `Kriterium ${index + 1}`,
    maxScore,
  }));
}

function judgementOf(score: number, evidence: readonly string[] = []): Record<string, unknown> {
  return { score, evidence, explanation_md: "Grund." };
}

type Judgements = Parameters<typeof toAnalysis>[0]["judgements"];

function analyse(
  criteria: readonly Criterion[],
  judgements: Record<string, unknown>,
): ReturnType<typeof toAnalysis> {
  return toAnalysis({ criteria, segments, judgements: judgements as Judgements, language: "de" });
}

describe("an analysis", () => {
  test("has the learner's own segments as quotes under the model's words", () => {
    const { criteria_results: results } = analyse(toCriteria(10), {
      c1: judgementOf(8, ["s2", "s1"]),
    });

    expect(results).toEqual([
      {
        criterion: "Kriterium 1",
        max_score: 10,
        score: 8,
        explanation_md: "Grund.\n\n> Die Sonne scheint.\n\n> Der Bach rauscht.",
      },
    ]);
  });

  test("quotes a segment once, and none that is not there", () => {
    const { criteria_results: results } = analyse(toCriteria(10), {
      c1: judgementOf(8, ["s1", "s1", "s77"]),
    });

    expect(results[0]?.explanation_md).toBe("Grund.\n\n> Der Bach rauscht.");
  });

  test("cuts a long quote between characters, and says so", () => {
    const long = toSegments("🦆".repeat(301));

    const { criteria_results: results } = toAnalysis({
      criteria: toCriteria(10),
      segments: long,
      judgements: { c1: judgementOf(8, ["s1"]) } as unknown as Judgements,
      language: "de",
    });

    expect(results[0]?.explanation_md).toBe(`Grund.\n\n> ${"🦆".repeat(300)} …`);
  });

  test.each([
    [[10], [8], 4],
    [[10], [0], 0],
    [[10], [10], 5],
    [[10, 10], [10, 0], 3],
    [[1, 10], [1, 0], 0],
    [[4, 6], [2, 3], 3],
    [[3, 3, 3], [3, 3, 2], 4],
  ])("of criteria with %j points, reached %j, is rated %d of 5", (maxScores, scores, overall) => {
    const judged = scores.map((score, index) => [`c${index + 1}`, judgementOf(score)]);

    const analysis = analyse(toCriteria(...maxScores), Object.fromEntries(judged));

    expect(analysis.score).toBe(overall);
  });

  test("gives no points for a criterion that nobody assessed, and then no rating", () => {
    const analysis = analyse(toCriteria(10, 10), { c1: judgementOf(10) });

    expect(analysis).toEqual({
      schema: "criteria.v2",
      criteria_results: [
        { criterion: "Kriterium 1", max_score: 10, score: 10, explanation_md: "Grund." },
        { criterion: "Kriterium 2", max_score: 10 },
      ],
    });
    expect("score" in analysis).toBe(false);
  });

  test("tells zero points from none", () => {
    const analysis = analyse(toCriteria(10), { c1: judgementOf(0) });

    expect(analysis).toMatchObject({ score: 0, criteria_results: [{ score: 0 }] });
  });
});

test.each([
  ["de", "Grund.\n\n_Im Text wurde kein Beleg gefunden._"],
  ["en", "Grund.\n\n_No evidence was found in the text._"],
] as const)(
  "says that there is no evidence where the quotes would stand: %s",
  (language, words) => {
    const judgements = { c1: { ...judgementOf(0), no_evidence_found: true } };

    const analysis = toAnalysis({
      criteria: toCriteria(10),
      segments,
      judgements: judgements as unknown as Judgements,
      language,
    });

    expect(analysis).toMatchObject({
      score: 0,
      criteria_results: [{ score: 0, explanation_md: words }],
    });
  },
);

const feedback = { feedbackMd: "Gut.", path: "program", needsReview: false };
const v1 = {
  schema: "criteria.v1",
  score: 4,
  criteria_results: [{ criterion: "Inhalt", score: 8, explanation_md: "Grund." }],
};
const v2 = {
  schema: "criteria.v2",
  score: 4,
  criteria_results: [{ criterion: "Inhalt", max_score: 10, score: 8 }],
};

describe("what the phase feedback may return", () => {
  test.each([
    ["criteria.v1", v1],
    ["criteria.v2", v2],
    ["criteria.v2 that assessed nothing", { schema: "criteria.v2", criteria_results: [] }],
  ])("is %s", (_, analysis) => {
    expect(feedbackOutput.safeParse({ ...feedback, analysis }).success).toBe(true);
  });

  const result = { criterion: "Inhalt", max_score: 5, score: 3 };
  test.each([
    ["no schema", { score: 4, criteria_results: [] }],
    ["a schema of the future", { ...v2, schema: "criteria.v3" }],
    ["a rating above 5", { ...v2, score: 6 }],
    ["a rating below 0", { ...v2, score: -1 }],
    ["half a rating", { ...v2, score: 3.5 }],
    ["a rating in words", { ...v2, score: "4" }],
    ["a rating of null", { ...v2, score: null }],
    ["more points than there are", { ...v2, criteria_results: [{ ...result, score: 6 }] }],
    ["points below 0", { ...v2, criteria_results: [{ ...result, score: -1 }] }],
    ["11 points to reach", { ...v2, criteria_results: [{ ...result, max_score: 11 }] }],
    ["a key of its own", { ...v2, criteria_results: [{ ...result, grade: "A" }] }],
    ["a path in the analysis", { ...v2, path: "program" }],
    ["v1 without points", { ...v1, criteria_results: [{ criterion: "x", explanation_md: "y" }] }],
    ["v1 without a rating", { ...v1, score: undefined }],
    ["v1 with points to reach", { ...v1, criteria_results: v2.criteria_results }],
    ["nothing", {}],
  ])("is not an analysis with %s", (_, analysis) => {
    expect(feedbackOutput.safeParse({ ...feedback, analysis }).success).toBe(false);
  });

  test.each([
    ["an empty feedback", { ...feedback, analysis: v2, feedbackMd: "" }],
    ["a path that nobody knows", { ...feedback, analysis: v2, path: "guess" }],
    ["a flag that nobody knows", { ...feedback, analysis: v2, flags: ["odd"] }],
    ["no word on review", { ...feedback, analysis: v2, needsReview: undefined }],
    ["a key of its own", { ...feedback, analysis: v2, parse_status: "parsed" }],
  ])("is not %s", (_, output) => {
    expect(feedbackOutput.safeParse(output).success).toBe(false);
  });
});
