import type { z } from "zod";

import { explainIssues } from "./explain-issues.ts";
import type { Step } from "./program.ts";
import { readJson } from "./read-json.ts";
import { sanitiseText, stripOuterFence } from "./sanitise.ts";

/** What was taken out of an answer before it was checked. */
export interface SanitisedCounts {
  readonly replaced: number;
  readonly controls: number;
  readonly hidden: number;
}

/** Why an answer was refused: `not_json`, `schema_violated`, `check_failed`, or the code that a step's check gave. */
export type RefusalReason = string;

/** What the checks say about one answer. */
export type Verdict<Answer> =
  | { readonly ok: true; readonly answer: Answer; readonly sanitised: SanitisedCounts }
  | { readonly ok: false; readonly reason: RefusalReason; readonly problems: string };

/** What an answer is judged by. */
export interface Standard<Input, Answer> {
  readonly step: Step<Input, Answer>;
  readonly input: Input;
  readonly schema: z.ZodType<Answer>;
  readonly isProse: boolean;
}

/** Reads an answer, cleans it and holds it against its schema and the step's own checks. Repairs nothing. */
export function judgeAnswer<Input, Answer>(
  text: string,
  { step, input, schema, isProse }: Standard<Input, Answer>,
): Verdict<Answer> {
  const read = isProse ? readProse(text) : readJson(text);
  if (read.kind === "not_json") return refuse("not_json", ["The answer is not one JSON value."]);
  if (read.kind === "key_twice") {
    return refuse("schema_violated", ["A key stands twice in the same object."]);
  }
  const { kind: _kind, value, ...sanitised } = read;
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    return { ok: false, reason: "schema_violated", problems: explainIssues(parsed.error) };
  }
  const problems = step.check?.(parsed.data, input) ?? [];
  if (problems.length === 0) return { ok: true, answer: parsed.data, sanitised };
  const coded = problems.find((problem) => typeof problem !== "string");
  const sentences = problems.map((problem) =>
    typeof problem === "string" ? problem : problem.sentence,
  );
  return refuse(coded?.code ?? "check_failed", sentences);
}

function refuse(
  reason: RefusalReason,
  sentences: readonly string[],
): { readonly ok: false; readonly reason: RefusalReason; readonly problems: string } {
  return { ok: false, reason, problems: sentences.map((sentence) => `✖ ${sentence}`).join("\n") };
}

function readProse(
  text: string,
): SanitisedCounts & { readonly kind: "value"; readonly value: unknown } {
  const { text: clean, replaced, controls, hidden } = sanitiseText(text);
  const value = stripOuterFence(clean, ["", "markdown", "md", "text", "txt"]).trim();
  return { kind: "value", value, replaced, controls, hidden };
}
