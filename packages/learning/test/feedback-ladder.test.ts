import { describe, expect, test } from "bun:test";

import { ModelError, type ModelErrorCode, type ModelErrorScope } from "@leasehold/model";

import { type FeedbackOutput, feedbackOutput } from "../src/criteria.ts";
import { assessText, type FeedbackFallback } from "../src/feedback-phase.ts";
import { feedbackProgram, oneShotProgram } from "../src/programs/feedback-program.ts";
import { toJudgementsSchema } from "../src/programs/judgement.ts";
import {
  createFakeModel,
  type FakeModel,
  isOneShot,
  judgeNothing,
  prose,
  type Say,
  sayWhatFits,
} from "./support/fake-model.ts";
import { createPhaseContext } from "./support/phase-context.ts";
import { refusal } from "./support/refusal.ts";
import { textInput } from "./support/submission-input.ts";

interface Fixture {
  readonly model: FakeModel;
  /** What was logged: events with their fields. */
  readonly log: readonly (readonly [string, unknown])[];
  readonly assess: () => Promise<{
    readonly output: FeedbackOutput;
    readonly provenance: Readonly<Record<string, unknown>>;
  }>;
}

interface Options {
  readonly say: Say;
  readonly fallbacks?: readonly FeedbackFallback[];
  readonly language?: "de" | "en";
}

const all = ["one_shot", "degraded"] as const;

function setup({ say, fallbacks = all, language = "de" }: Options): Fixture {
  const model = createFakeModel({ say });
  const log: (readonly [string, unknown])[] = [];
  const warn = (event: string, fields?: object): void => void log.push([event, fields]);
  const logger = { info: () => undefined, warn };
  const context = createPhaseContext({ phase: "feedback", attempt: 2, jobId: "job-7", logger });
  const input = { ...textInput, language };
  return {
    model,
    log,
    async assess() {
      const phase = { model, timeoutMs: 10_000, fallbacks };
      const { output, provenance } = await assessText(
        phase,
        { input, text: textInput.text ?? "" },
        context,
      );
      return { output: feedbackOutput.parse(output), provenance };
    },
  };
}

/** Answers the plain question only. */
const plainOnly: Say = (request) =>
  request.schema !== undefined && isOneShot(request.schema) ? sayWhatFits(request) : "no";

const nothing: Say = ({ schema }) => (schema === undefined ? prose : "no JSON");

function fails(code: ModelErrorCode, scope: ModelErrorScope): Say {
  return () => {
    throw new ModelError(code, "The model's own words.", { scope, retryable: true });
  };
}

describe("one plain question", () => {
  test("is asked when the program's answers do not hold, under the same checks", async () => {
    const { model, assess } = setup({ say: plainOnly });

    const { output, provenance } = await assess();

    expect(output).toMatchObject({
      feedbackMd: prose,
      path: "one_shot",
      needsReview: false,
      analysis: {
        schema: "criteria.v2",
        score: 5,
        criteria_results: [{ score: 10 }, { score: 4 }],
      },
    });
    expect(provenance).toMatchObject({
      program: "learning.feedback_one_shot",
      version: oneShotProgram.version,
      hash: oneShotProgram.hash,
      path: "one_shot",
      asks: { answer: 1 },
      falls: [{ path: "one_shot", reason: "not_json" }],
    });
    expect(model.requests).toHaveLength(3);
  });

  test("holds the criteria, the hints and the text between its marks", async () => {
    const { model, assess } = setup({ say: plainOnly });

    await assess();

    const [, task, work] = model.requests[2]?.messages ?? [];
    expect(task?.content).toContain("c1 (0–10): Inhalt\nc2 (0–4): Sprache");
    expect(work?.content).toMatch(/^<[0-9a-f]{16}>\n\[s1\] Die Sonne scheint\.\n/);
  });

  test("is asked also when only the prose was bad", async () => {
    const { assess } = setup({
      say: (request) => (request.schema === undefined ? "kurz" : sayWhatFits(request)),
    });

    expect(await assess()).toMatchObject({
      output: { path: "one_shot" },
      provenance: { falls: [{ path: "one_shot", reason: "schema_violated" }] },
    });
  });

  test("may find no evidence, and says so", async () => {
    const { assess } = setup({
      say: ({ schema }) =>
        schema !== undefined && isOneShot(schema) ? judgeNothing(schema) : "no",
    });

    const { output } = await assess();

    expect(output.analysis).toMatchObject({
      score: 0,
      criteria_results: [{ score: 0 }, { score: 0 }],
    });
    for (const { explanation_md: text } of output.analysis.criteria_results) {
      expect(text).toEndWith("_Im Text wurde kein Beleg gefunden._");
    }
  });
});

describe("a degraded result", () => {
  test.each([
    ["de", "Zu deiner Arbeit gibt es noch keine Rückmeldung. Deine Lehrkraft sieht sie sich an."],
    ["en", "There is no feedback on your work yet. Your teacher will look at it."],
  ] as const)(
    "has no scores and asks for review, in the submission's language: %s",
    async (language, words) => {
      const { assess } = setup({ say: nothing, language });

      const { output, provenance } = await assess();

      expect(output).toEqual({
        feedbackMd: words,
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
      expect(provenance).toEqual({
        resource: "test/fake",
        program: "learning.feedback",
        version: "2",
        hash: feedbackProgram.hash,
        path: "degraded",
        falls: [
          { path: "one_shot", reason: "not_json" },
          { path: "degraded", reason: "not_json" },
        ],
      });
    },
  );

  test("is told in the log, in words of ours, with whose job it is", async () => {
    const { log, assess } = setup({ say: nothing });

    await assess();

    const job = { jobId: "job-7", phase: "feedback", attempt: 2, reason: "not_json" };
    expect(log).toEqual([
      ["fallback.taken", { ...job, path: "one_shot" }],
      ["fallback.taken", { ...job, path: "degraded" }],
    ]);
  });

  test("is not there unless it is wanted: then the attempt fails, and may be tried again", async () => {
    const none = setup({ say: nothing, fallbacks: [] });
    const plain = setup({ say: nothing, fallbacks: ["one_shot"] });

    const errors = await Promise.all([refusal(none.assess()), refusal(plain.assess())]);

    for (const error of errors) {
      expect(error).toMatchObject({ code: "output_invalid", scope: "job", retryable: true });
    }
    expect([none.model.requests.length, plain.model.requests.length]).toEqual([2, 4]);
  });

  test("comes at once when nothing but it is wanted", async () => {
    const { model, assess } = setup({ say: nothing, fallbacks: ["degraded"] });

    expect((await assess()).output.path).toBe("degraded");
    expect(model.requests).toHaveLength(2);
  });
});

test.each(["output_truncated", "output_runaway"] as const)(
  "%s leads down, by its name",
  async (code) => {
    const { assess } = setup({ say: fails(code, "job") });

    expect((await assess()).provenance["falls"]).toEqual([
      { path: "one_shot", reason: code },
      { path: "degraded", reason: code },
    ]);
  },
);

const noFall: readonly (readonly [ModelErrorCode, ModelErrorScope])[] = [
  ["aborted", "backend"],
  ["backend_busy", "backend"],
  ["backend_failed", "backend"],
  ["backend_timeout", "backend"],
  ["backend_unreachable", "backend"],
  ["config_invalid", "config"],
  ["input_too_large", "job"],
  ["model_missing", "config"],
  ["model_unsuitable", "config"],
];
test.each([...noFall])(
  "%s (%s) leads nowhere: it is thrown, after one call",
  async (code, scope) => {
    const { model, log, assess } = setup({ say: fails(code, scope) });

    const error = await refusal(assess());

    expect(error).toMatchObject({ code, scope });
    expect(model.requests).toHaveLength(1);
    expect(log).toEqual([]);
  },
);

test("counts what was cleaned out of the answers, and keeps what cannot be seen from the learner", async () => {
  const { assess } = setup({
    say: (request) =>
      request.schema === undefined ? `${prose}\u0007\u200B\u0000` : sayWhatFits(request),
  });

  const { output, provenance } = await assess();

  expect(output.feedbackMd).toBe(`${prose}\uFFFD`);
  expect(provenance["cleaned"]).toEqual({ replaced: 1, controls: 1, hidden: 1 });
});

describe("the examples of the program", () => {
  test.each(["de", "en"] as const)("hold by the rules that they show: %s", (language) => {
    const criteria = [
      { id: "c1", name: "a", maxScore: 4 },
      { id: "c2", name: "b", maxScore: 3 },
    ];
    const segments = ["s1", "s2"].map((id) => ({ id, text: "x" }));
    const given = {
      criteria,
      segments,
      instruction: undefined,
      hints: undefined,
      nonce: "n",
      language,
    };
    const examples = feedbackProgram.steps.analyse.examples?.[language] ?? [];

    const parsed = examples.map(({ answer }) =>
      toJudgementsSchema(given).safeParse(JSON.parse(answer)),
    );

    expect(parsed.map(({ success }) => success)).toEqual([true]);
  });
});
