import type { CriteriaV2 } from "./criteria.ts";
import { noEvidence } from "./programs/feedback-words.ts";
import type { Judgements } from "./programs/judgement.ts";
import type { Segment } from "./programs/segments.ts";
import type { Criterion } from "./submission.ts";

/** Characters of a quote; the rest is behind an ellipsis. */
const quoteCharactersMax = 300;

export interface Judged {
  readonly criteria: readonly Criterion[];
  readonly segments: readonly Segment[];
  readonly judgements: Judgements;
  readonly language: "de" | "en";
}

/**
 * Turns judgements into `criteria.v2`, in the order of the criteria: our quotes, or that there are none, under the
 * model's words, and the overall score by a rule. A criterion without a judgement was not assessed.
 */
export function toAnalysis({ criteria, segments, judgements, language }: Judged): CriteriaV2 {
  const quotes = new Map(segments.map(({ id, text }) => [id, toQuote(text)]));
  const results = criteria.map(({ id, name, maxScore }) => {
    const judgement = judgements[id];
    if (judgement === undefined) return { criterion: name, max_score: maxScore };
    const evidence =
      judgement.no_evidence_found === true
        ? [noEvidence[language]]
        : [...new Set(judgement.evidence)].flatMap((ref) => quotes.get(ref) ?? []);
    return {
      criterion: name,
      max_score: maxScore,
      score: judgement.score,
      explanation_md: [judgement.explanation_md, ...evidence].join("\n\n"),
    };
  });
  const score = toOverallScore(results);
  return {
    schema: "criteria.v2",
    ...(score === undefined ? {} : { score }),
    criteria_results: results,
  };
}

/**
 * The share of all points that were reached, from 0 to 5, rounded.
 *
 * Absent when some criterion was not assessed: a share of what happens to be there would say something nobody said.
 */
function toOverallScore(
  results: readonly { readonly max_score: number; readonly score?: number }[],
): number | undefined {
  let reached = 0;
  let possible = 0;
  for (const { score, max_score } of results) {
    if (score === undefined) return undefined;
    reached += score;
    possible += max_score;
  }
  return possible === 0 ? undefined : Math.round((5 * reached) / possible);
}

function toQuote(text: string): string {
  const characters = Array.from(text);
  const cut = characters.slice(0, quoteCharactersMax).join("");
  return `> ${characters.length > quoteCharactersMax ? `${cut} …` : cut}`;
}
