import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";

import type { ModelRequest } from "@leasehold/model";

import { type FeedbackOutput, feedbackOutput } from "../src/criteria.ts";
import { assessText } from "../src/feedback-phase.ts";
import { createFakeModel, type FakeModel, sayWhatFits } from "./support/fake-model.ts";
import { canary, injections } from "./support/injections.ts";
import { createPhaseContext } from "./support/phase-context.ts";
import { refusal } from "./support/refusal.ts";
import { textInput } from "./support/submission-input.ts";

const hints = "Die Quelle liegt oberhalb der alten Mühle am Hang.";

interface Assessed {
  readonly model: FakeModel;
  readonly output: FeedbackOutput;
  /** All that is stored or logged but for the result. */
  readonly told: string;
}

async function assess(
  text: string,
  language: "de" | "en" = "de",
  say = sayWhatFits,
): Promise<Assessed> {
  const model = createFakeModel({ say });
  const log: string[] = [];
  const write = (event: string, fields?: object): void => void log.push(inspect({ event, fields }));
  const context = createPhaseContext({ phase: "feedback", logger: { info: write, warn: write } });
  const { output, provenance } = await assessText(
    { model, timeoutMs: 10_000, fallbacks: ["one_shot", "degraded"] },
    { input: { ...textInput, text, hints, language }, text },
    context,
  );
  const told = [...log, inspect(provenance, { depth: 9 })].join("\n");
  return { model, output: feedbackOutput.parse(output), told };
}

/** Where the learner's words stand: in which message, by its role and whether it is between marks. */
function placesOf({ messages }: ModelRequest): readonly string[] {
  return messages.flatMap(({ role, content }) => {
    if (!content.includes(canary)) return [];
    const isFenced = /^<([0-9a-f]{16})>\n[\s\S]*\n<\1>$/.test(content);
    return [`${role}${isFenced ? ", between marks" : ""}`];
  });
}

test("there are more than a hundred of them, all different", () => {
  expect(new Set(injections.map(({ text }) => text)).size).toBeGreaterThan(100);
});

describe("a text that tries to talk the model round", () => {
  test.each([...injections])(
    "is assessed like any other, flagged, and told nobody: $name",
    async ({ text }) => {
      const { model, output, told } = await assess(text);

      expect(output).toMatchObject({ path: "program", needsReview: true });
      expect(output.flags).toContain("suspicious_instructions");
      expect(model.requests.map(placesOf)).toEqual([
        ["user, between marks"],
        ["user, between marks"],
      ]);
      expect(told).not.toContain(canary);
    },
  );

  test("cannot know the marks: they are in none of its lines", async () => {
    for (const { text } of injections) {
      const { model } = await assess(text);
      const work = model.requests[0]?.messages.at(-1)?.content.split("\n") ?? [];

      expect(work.filter((line) => line === work[0])).toHaveLength(2);
    }
  });
});

const leaks = {
  de: [
    "Denk daran: Die Quelle liegt oberhalb der alten Mühle am Hang.",
    "Deine Lehrkraft sieht sie sich an.",
  ],
  en: [
    "Note: the source is, die QUELLE liegt **oberhalb** der alten Mühle.",
    "Your teacher will look at it.",
  ],
} as const;

describe.each(["de", "en"] as const)("a model that gives the hints away (%s)", (language) => {
  const [leak, sentence] = leaks[language];

  test("in its prose is asked once more, and then the result says nothing", async () => {
    const { model, output, told } = await assess("Der Bach rauscht.", language, (request) =>
      request.schema === undefined ? leak : sayWhatFits(request),
    );

    expect(model.requests).toHaveLength(3);
    expect(model.requests[2]?.messages.at(-1)?.content).toContain("repeats the hints");
    expect(output).toMatchObject({ path: "degraded", needsReview: true });
    expect(output.feedbackMd).toContain(sentence);
    expect(JSON.stringify(output)).not.toContain('"score"');
    expect(JSON.stringify(output)).not.toMatch(/Mühle/i);
    expect(told).toContain("hints_leaked");
    expect(told).not.toMatch(/Mühle|Bach/i);
  });

  test("and mends it is believed", async () => {
    let calls = 0;
    const { output } = await assess("Der Bach rauscht.", language, (request) => {
      calls += 1;
      return calls === 2 ? leak : sayWhatFits(request);
    });

    expect(calls).toBe(3);
    expect(output).toMatchObject({ path: "program", needsReview: false });
  });
});

test("an outage in the middle of it quotes nobody", async () => {
  for (const { text } of injections.slice(0, 20)) {
    const error = await refusal(
      assess(text, "de", ({ messages }) => {
        throw new TypeError(`canary: ${messages.length}`);
      }),
    );

    expect(inspect(error)).not.toContain(canary);
  }
});
