import type { JobCause } from "@leasehold/core";

import type { Advice, OutcomeName, Words } from "./words.ts";

/** What a code means; the host's own codes are called so. */
export function adviceOn(words: Words, code: string | undefined): Advice {
  const codes: Readonly<Record<string, Advice>> = words.codes;
  // Only what stands in the dictionary itself: a code could be called `constructor`.
  const known = code !== undefined && Object.hasOwn(codes, code) ? codes[code] : undefined;
  return known ?? words.unknownCode;
}

/** What a cause means, or nothing when a newer schema knows more than this page. */
export function adviceOnCause(words: Words, { cause }: JobCause): Advice | undefined {
  const causes: Readonly<Record<string, Advice>> = words.causes;
  return Object.hasOwn(causes, cause) ? causes[cause] : undefined;
}

/** How an attempt ended; a word of a newer schema stays as it is. */
export function sayOutcome(words: Words, outcome: string): string {
  return isOutcome(words, outcome) ? words.outcomes[outcome] : outcome;
}

/** What a phase is at; the program's own words stay as they are. */
export function sayStage(words: Words, stage: string): string {
  const stages: Readonly<Record<string, string>> = words.job.stages;
  return (Object.hasOwn(stages, stage) ? stages[stage] : undefined) ?? stage;
}

function isOutcome(words: Words, outcome: string): outcome is OutcomeName {
  return Object.hasOwn(words.outcomes, outcome);
}
