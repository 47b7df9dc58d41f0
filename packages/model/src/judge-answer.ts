import { z } from "zod";

import type { Step } from "./program.ts";
import { sanitiseJson, sanitiseText, stripOuterFence } from "./sanitise.ts";

/** What was taken out of an answer before it was checked. */
export interface SanitisedCounts {
  readonly replaced: number;
  readonly controls: number;
  readonly hidden: number;
}

/** Why an answer was refused; also the `adapterCode` of the error, if it comes to that. */
export type RefusalReason = "not_json" | "schema_violated" | "check_failed";

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
  if (read === undefined) {
    return { ok: false, reason: "not_json", problems: "✖ The answer is not one JSON value." };
  }
  const { value, ...sanitised } = read;
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    return { ok: false, reason: "schema_violated", problems: z.prettifyError(parsed.error) };
  }
  const problems = step.check?.(parsed.data, input) ?? [];
  if (problems.length > 0) {
    const listed = problems.map((problem) => `✖ ${problem}`).join("\n");
    return { ok: false, reason: "check_failed", problems: listed };
  }
  return { ok: true, answer: parsed.data, sanitised };
}

type Read = SanitisedCounts & { readonly value: unknown };

function readProse(text: string): Read {
  const { text: clean, replaced, controls, hidden } = sanitiseText(text);
  const value = stripOuterFence(clean, ["", "markdown", "md", "text", "txt"]).trim();
  return { value, replaced, controls, hidden };
}

function readJson(text: string): Read | undefined {
  try {
    return sanitiseJson(JSON.parse(stripOuterFence(text.trim(), ["", "json"])));
  } catch {
    // A syntax error, or a nesting so deep that walking it would exhaust the stack.
    return undefined;
  }
}
