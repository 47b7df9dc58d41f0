import { expect, test } from "bun:test";
import { inspect } from "node:util";

import type { PhaseResult } from "@leasehold/core";
import { ModelError } from "@leasehold/model";

import { assessText, fallbackReasons, type FeedbackFallback } from "../src/feedback-phase.ts";
import {
  canary,
  type CorruptAnswer,
  corruptAnswers,
  corruptHints,
} from "./support/corrupt-answers.ts";
import { createFakeModel, type FakeModel, prose } from "./support/fake-model.ts";
import { createPhaseContext } from "./support/phase-context.ts";
import { refusal } from "./support/refusal.ts";
import { textInput } from "./support/submission-input.ts";

interface Fixture {
  readonly model: FakeModel;
  /** Lines of the log, as they would be written. */
  readonly log: string[];
  readonly assess: (fallbacks: readonly FeedbackFallback[]) => Promise<PhaseResult>;
}

/** A model that answers nothing but that, however often it is asked. */
function setup({ text }: Pick<CorruptAnswer, "text">): Fixture {
  const log: string[] = [];
  const write = (event: string, fields?: object): void => void log.push(inspect({ event, fields }));
  const model = createFakeModel({ say: ({ schema }) => (schema === undefined ? prose : text) });
  const context = createPhaseContext({ phase: "feedback", logger: { info: write, warn: write } });
  const input = { ...textInput, hints: corruptHints };
  return {
    model,
    log,
    assess: (fallbacks) =>
      assessText(
        { model, timeoutMs: 10_000, fallbacks },
        { input, text: input.text ?? "" },
        context,
      ),
  };
}

test("there are more than a hundred corrupt answers, all of them different", () => {
  expect(new Set(corruptAnswers.map(({ text }) => text)).size).toBeGreaterThan(100);
});

test.each([...corruptAnswers])(
  "is refused after two asks, by name and without a quote: $name",
  async (corrupt) => {
    const { model, log, assess } = setup(corrupt);

    const error = await refusal(assess([]));

    expect(error).toMatchObject({
      code: "output_invalid",
      scope: "job",
      retryable: true,
      adapterCode: corrupt.reason,
    });
    expect(model.requests).toHaveLength(2);
    expect(ModelError.is(error)).toBe(true);
    const shown = [inspect(error, { depth: 9, showHidden: true }), String(error), ...log].join(
      "\n",
    );
    expect(shown).not.toContain(canary);
    expect(shown).not.toContain("Mühle");
  },
);

test.each([...corruptAnswers])(
  "becomes no score, whatever is asked next: $name",
  async (corrupt) => {
    const { model, log, assess } = setup(corrupt);

    const { output, provenance } = await assess(["one_shot", "degraded"]);

    expect(output).toEqual({
      feedbackMd:
        "Zu deiner Arbeit gibt es noch keine Rückmeldung. Deine Lehrkraft sieht sie sich an.",
      analysis: {
        schema: "criteria.v2",
        criteria_results: [
          { criterion: "Inhalt", max_score: 10 },
          { criterion: "Sprache", max_score: 4 },
        ],
      },
      path: "degraded",
      needsReview: true,
    });
    expect(model.requests.length).toBeLessThanOrEqual(4);
    expect([inspect(provenance, { depth: 9 }), ...log].join("\n")).not.toContain(canary);
    for (const { reason } of Object(provenance).falls) expect(fallbackReasons).toContain(reason);
  },
);
