import { describe, expect, test } from "bun:test";

import type { AdapterContext } from "@leasehold/core";
import type { ModelMessage } from "@leasehold/model";

import { type FeedbackOutput, feedbackOutput } from "../src/criteria.ts";
import { assessText, type FeedbackFallback } from "../src/feedback-phase.ts";
import { toSegments } from "../src/programs/segments.ts";
import type { SubmissionInput } from "../src/submission.ts";
import { rejection } from "./fixtures/errors.ts";
import {
  createFakeModel,
  criteriaOf,
  type FakeModel,
  type FakeModelOptions,
  type FormSchema,
  judge,
  prose,
} from "./support/fake-model.ts";
import { createPhaseContext } from "./support/phase-context.ts";
import { createRandom } from "./support/random.ts";
import { refusal } from "./support/refusal.ts";
import { textInput } from "./support/submission-input.ts";

interface Assessed {
  readonly model: FakeModel;
  readonly output: FeedbackOutput;
  readonly provenance: unknown;
}

interface Assessment extends FakeModelOptions {
  readonly input?: SubmissionInput;
  readonly text?: string;
  readonly context?: Partial<AdapterContext>;
  /** Default: none. */
  readonly fallbacks?: readonly FeedbackFallback[];
}

async function assess(options: Assessment = {}): Promise<Assessed> {
  const { input = textInput, context } = options;
  const model = createFakeModel(options);
  const { output, provenance } = await assessText(
    { model, timeoutMs: 10_000, fallbacks: options.fallbacks ?? [] },
    { input, text: options.text ?? input.text ?? "" },
    createPhaseContext({ phase: "feedback", ...context }),
  );
  return { model, output: feedbackOutput.parse(output), provenance };
}

/** The messages of a first ask but for the examples: what it is, the task, and the text between its marks. */
function messagesOf({ requests }: FakeModel, index: number): readonly ModelMessage[] {
  const [system, ...rest] = requests[index]?.messages ?? [];
  const examples = rest.findLastIndex(({ role }) => role === "assistant");
  return system === undefined ? [] : [system, ...rest.slice(examples + 1)];
}

/** The mark around the learner's text. */
function nonceOf(model: FakeModel, index = 0): string {
  const text = messagesOf(model, index)[2]?.content ?? "";
  const [, nonce = ""] = /^<([0-9a-f]{16})>\n[\s\S]*\n<\1>$/.exec(text) ?? [];
  return nonce;
}

const hints = "Der Bach mündet in den See.";
const instruction = "Beschreibe den Bach.";

describe("assessing a text", () => {
  test("asks first for judgements by criterion, then for prose that rests on them", async () => {
    const { model, output } = await assess();

    expect(model.requests.map(({ schema }) => schema === undefined)).toEqual([false, true]);
    expect(output).toEqual({
      feedbackMd: prose,
      analysis: {
        schema: "criteria.v2",
        score: 5,
        criteria_results: [
          {
            criterion: "Inhalt",
            max_score: 10,
            score: 10,
            explanation_md: "Grund für c1.\n\n> Die Sonne scheint.",
          },
          {
            criterion: "Sprache",
            max_score: 4,
            score: 4,
            explanation_md: "Grund für c2.\n\n> Die Sonne scheint.",
          },
        ],
      },
      path: "program",
      needsReview: false,
    });
    const judgements = messagesOf(model, 1)[3]?.content ?? "";
    expect(JSON.parse(judgements)).toMatchObject({ c1: { score: 10 }, c2: { score: 4 } });
  });

  test("loads the model once", async () => {
    const { model } = await assess();

    expect(model.prepared()).toBe(1);
  });

  test("gives the model every criterion and the whole text, in messages of their own", async () => {
    const { model } = await assess({ input: { ...textInput, instruction, hints } });

    for (const index of [0, 1]) {
      const [system, task, text] = messagesOf(model, index);
      expect(system?.role).toBe("system");
      expect(task?.content).toContain("c1 (0–10): Inhalt\nc2 (0–4): Sprache");
      expect(task?.content).toContain(instruction);
      expect(text?.content).toContain("[s1] Die Sonne scheint.\n[s2] Der Bach rauscht.");
      expect(system?.content).not.toMatch(/Bach|Inhalt/);
      expect(task?.content).not.toContain("Die Sonne scheint.");
    }
  });

  test("shows the hints to the step that judges, in the task, and to nobody who writes to the learner", async () => {
    const { model, output } = await assess({ input: { ...textInput, hints } });

    const places = [0, 1].map((index) =>
      messagesOf(model, index).map(({ content }) => content.includes(hints)),
    );
    expect(places).toEqual([
      [false, true, false],
      [false, false, false, false],
    ]);
    expect(JSON.stringify(output)).not.toContain(hints);
  });

  test.each([
    ["de", "Du beurteilst", "Kriterien:"],
    ["en", "You assess", "Criteria:"],
  ] as const)("speaks the submission's language: %s", async (language, system, task) => {
    const { model } = await assess({ input: { ...textInput, language } });

    expect(messagesOf(model, 0)[0]?.content).toStartWith(system);
    expect(messagesOf(model, 0)[1]?.content).toContain(task);
  });

  test("states which model and which program, and how often each step asked", async () => {
    let calls = 0;
    const { provenance } = await assess({
      say({ schema }) {
        calls += 1;
        if (schema === undefined) return prose;
        return calls === 1 ? "no JSON" : judge(schema);
      },
    });

    expect(provenance).toEqual({
      adapter: "fake",
      model: "fake:latest",
      digest: "sha256:1",
      options: { temperature: 0 },
      program: "learning.feedback",
      version: "2",
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      asks: { analyse: 2, synthesise: 1 },
      path: "program",
    });
  });

  test("states nothing of what it was given or said", async () => {
    const { provenance } = await assess({ input: { ...textInput, hints, instruction } });

    expect(JSON.stringify(provenance)).not.toMatch(/Bach|Sonne|Inhalt|Grund|genau/);
  });

  test.each(["", " \n\n\t", "\n\n\n\n"])("refuses %j, without asking", async (text) => {
    const error = await rejection(assess({ text }));

    expect(error).toMatchObject({ code: "input_unsupported", scope: "job", retryable: false });
  });
});

describe("the mark around a learner's text", () => {
  const jobId = "11111111-2222-4333-8444-555555555555";

  test("is the same in both steps of an attempt", async () => {
    const { model } = await assess({ context: { jobId } });

    expect(nonceOf(model, 0)).toMatch(/^[0-9a-f]{16}$/);
    expect(nonceOf(model, 1)).toBe(nonceOf(model, 0));
  });

  test("differs by job and by attempt", async () => {
    const assessed = await Promise.all([
      assess({ context: { jobId, attempt: 1 } }),
      assess({ context: { jobId, attempt: 2 } }),
      assess({ context: { jobId: crypto.randomUUID(), attempt: 1 } }),
    ]);

    const nonces = assessed.map(({ model }) => nonceOf(model));
    expect(new Set(nonces).size).toBe(3);
    expect(nonces).not.toContain("");
  });
});

describe("the schema of a judgement", () => {
  function formsOf({ requests }: FakeModel): Readonly<Record<string, FormSchema["properties"]>> {
    return Object.fromEntries(criteriaOf(requests[0]?.schema ?? {}));
  }

  test("has a field for each criterion, with its own points and evidence first", async () => {
    const { model } = await assess();

    const criteria = formsOf(model);
    expect(Object.keys(criteria)).toEqual(["c1", "c2"]);
    expect(criteria["c2"]?.score).toMatchObject({ minimum: 0, maximum: 4 });
    expect(criteria["c1"]?.evidence).toMatchObject({ minItems: 1, maxItems: 3 });
    expect(Object.keys(criteria["c1"] ?? {})).toEqual(["evidence", "explanation_md", "score"]);
    expect(model.requests[0]?.schema).toMatchObject({
      required: ["c1", "c2"],
      additionalProperties: false,
    });
  });

  test("names the segments of this text, and at most 120", async () => {
    const short = await assess();
    const long = await assess({ text: "Ein Satz. ".repeat(6_000) });

    const evidence = ({ model }: Assessed): readonly string[] =>
      formsOf(model)["c1"]?.evidence.items.enum ?? [];
    expect(evidence(short)).toEqual(["s1", "s2"]);
    expect(evidence(long)).toHaveLength(120);
  });

  test("takes a zero with evidence, and one that says that there is none", async () => {
    const { output, provenance } = await assess({
      say({ schema }) {
        if (schema === undefined) return prose;
        const explanation_md = "Grund.";
        return JSON.stringify({
          c1: { evidence: ["s1"], explanation_md, score: 0 },
          c2: { evidence: [], explanation_md, no_evidence_found: true, score: 0 },
        });
      },
    });

    expect(output.analysis.criteria_results).toMatchObject([
      { score: 0, explanation_md: "Grund.\n\n> Die Sonne scheint." },
      { score: 0, explanation_md: "Grund.\n\n_Im Text wurde kein Beleg gefunden._" },
    ]);
    expect(provenance).toMatchObject({ asks: { analyse: 1 } });
  });

  test.each([
    ["evidence that is no segment", { evidence: ["s3"] }],
    ["evidence in words", { evidence: ["Die Sonne scheint."] }],
    ["too much evidence", { evidence: ["s1", "s2", "s1", "s2"] }],
    ["more points than there are", { score: 11 }],
    ["points below 0", { score: -1 }],
    ["half points", { score: 7.5 }],
    ["no points", { score: undefined }],
    ["no reason", { explanation_md: "" }],
    ["something beside", { confidence: 1 }],
    ["a zero that says nothing of evidence", { evidence: [], score: 0 }],
    ["points without evidence", { evidence: [], score: 3 }],
    ["points for what was not found", { evidence: [], no_evidence_found: true, score: 3 }],
    ["evidence that was not found", { no_evidence_found: true, score: 0 }],
    [
      "a zero that denies to have found nothing",
      { evidence: [], no_evidence_found: false, score: 0 },
    ],
  ])("is broken by %s: asked twice, then refused", async (_, change) => {
    let asks = 0;
    const refused = assess({
      say({ schema }) {
        asks += 1;
        const judgements = JSON.parse(judge(schema ?? {})) as Record<string, object>;
        return JSON.stringify({ ...judgements, c1: { ...judgements["c1"], ...change } });
      },
    });

    const error = await refusal(refused);

    expect(error).toMatchObject({
      code: "output_invalid",
      scope: "job",
      retryable: true,
      adapterCode: "schema_violated",
    });
    expect(asks).toBe(2);
  });

  test.each([
    ["a criterion is missing", { c1: { evidence: [], explanation_md: "x", score: 1 } }],
    ["a criterion is invented", { c3: { evidence: [], explanation_md: "x", score: 1 } }],
    ["it is a list", []],
  ])("is broken when %s", async (_, answer) => {
    const refused = assess({ say: () => JSON.stringify(answer) });

    expect(await refusal(refused)).toMatchObject({ code: "output_invalid" });
  });
});

test("every quote is a segment of the learner's text, whatever the text and the choice", async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = createRandom(seed);
    const text = `Anfang. ${random.text(1 + random.below(600))}`;
    const segments = toSegments(text);
    const ids = segments.map(({ id }) => id);
    const evidence = [0, 1, 2].flatMap(() => ids[random.below(ids.length)] ?? []);

    const { output } = await assess({
      text,
      say: ({ schema }) => (schema === undefined ? prose : judge(schema, evidence)),
    });

    for (const result of output.analysis.criteria_results) {
      const [, ...quotes] = (result.explanation_md ?? "").split("\n\n> ");
      expect(quotes).toEqual(
        [...new Set(evidence)].map((id) => {
          const whole = Array.from(segments.find((segment) => segment.id === id)?.text ?? "");
          return whole.length > 300 ? `${whole.slice(0, 300).join("")} …` : whole.join("");
        }),
      );
    }
  }
});
