import { describe, expect, test } from "bun:test";

import type { AdapterContext, AdapterV1, PhaseRequest, PhaseResult } from "@leasehold/core";

import type { AnswerMemory, RecalledAnswer } from "../src/answer-memory.ts";
import { createSubmissionAdapter } from "../src/submission-adapter.ts";
import { createFakeModel, type FakeModel, type Say } from "./support/fake-model.ts";
import { createFakeUpload, picture } from "./support/fake-upload.ts";
import { createHands } from "./support/hands.ts";
import { type Learning, type Submitted, useLearning } from "./support/learning.ts";
import { createPhaseContext } from "./support/phase-context.ts";
import { fileInput, requestOf, textInput } from "./support/submission-input.ts";

interface Fixture {
  readonly model: FakeModel;
  readonly adapter: AdapterV1;
  readonly upload: PhaseRequest;
  /** Executes a phase as another job, and remembers what the database would hold of it. */
  readonly execute: (
    request: PhaseRequest,
    context?: Partial<AdapterContext>,
  ) => Promise<PhaseResult>;
}

interface Options {
  readonly say?: Say;
  readonly memory?: AnswerMemory;
}

/** An adapter whose memory holds what was stored with a question. */
function setup({ say, memory }: Options = {}): Fixture {
  const stored = new Map<unknown, RecalledAnswer>();
  const model = createFakeModel(say === undefined ? {} : { say });
  const upload = createFakeUpload([picture(1), picture(2)]);
  const adapter = createSubmissionAdapter({
    name: "remembering",
    version: "1",
    vision: model,
    feedback: model,
    storage: upload.storage,
    media: upload.media,
    memory: memory ?? { recallAnswer: async (question) => stored.get(question) },
  });
  return {
    model,
    adapter,
    upload: requestOf(fileInput(upload.recorded)),
    async execute(request, overrides = {}) {
      const jobId = crypto.randomUUID();
      const context = createPhaseContext({ jobId, phase: request.phase, ...overrides });
      const result = await adapter.execute(request, context);
      for (const { output, provenance } of [...context.parts, result]) {
        const { question } = provenance;
        if (question !== undefined) stored.set(question, { output, provenance });
      }
      return result;
    },
  };
}

const text = requestOf(textInput);
const outOf = ({ output }: PhaseResult): unknown => output;

describe("an adapter with a memory", () => {
  test("gives the same text the same assessment, asks nobody, and says so", async () => {
    const { model, execute } = setup();
    const first = await execute(text);
    const asked = model.requests.length;

    const second = await execute(text);

    expect(model.requests.length - asked).toBe(0);
    expect(outOf(second)).toEqual(outOf(first));
    expect(second.provenance).toEqual({ ...first.provenance, recalled: true });
    expect(first.provenance["recalled"]).toBeUndefined();
  });

  test("reads the same page once", async () => {
    const { model, execute, upload } = setup();
    const first = await execute(upload);
    const asked = model.requests.length;

    const second = await execute(upload);

    expect([asked, model.requests.length - asked]).toEqual([2, 0]);
    expect(outOf(second)).toEqual(outOf(first));
    expect(second.provenance).toMatchObject({ recalled: true, model: "fake:latest" });
  });

  test.each<[string, PhaseRequest, Partial<AdapterContext>]>([
    ["another text", requestOf({ ...textInput, text: "Ein anderer Text." }), {}],
    ["other criteria", requestOf({ ...textInput, criteria: textInput.criteria.slice(1) }), {}],
    ["another task", requestOf({ ...textInput, instruction: "Beschreibe." }), {}],
    ["a later attempt", text, { attempt: 2 }],
  ])("asks the model for %s", async (_, request, context) => {
    const { model, execute } = setup();
    await execute(text);
    const asked = model.requests.length;

    const { provenance } = await execute(request, context);

    expect(model.requests.length).toBeGreaterThan(asked);
    expect(provenance["recalled"]).toBeUndefined();
  });

  test("does not remember that nobody assessed a text", async () => {
    const { execute } = setup({ say: () => "Quatsch." });

    const { provenance } = await execute(text);

    expect(provenance["path"]).toBe("degraded");
    expect(provenance["question"]).toBeUndefined();
  });

  test("asks the model when the memory cannot be asked, or holds something else", async () => {
    const broken: AnswerMemory = { recallAnswer: () => Promise.reject(new Error("away")) };
    const odd: AnswerMemory = { recallAnswer: async () => ({ output: {}, provenance: {} }) };

    for (const memory of [broken, odd]) {
      const { model, execute } = setup({ memory });

      await execute(text);

      expect(model.requests).toHaveLength(2);
    }
  });
});

describe("the memory of the database", () => {
  const open = useLearning();
  const question = "5a".repeat(32);

  /** A submission that was completed with an answer to the question. */
  async function answer(learning: Learning): Promise<Submitted> {
    const submitted = await learning.submit();
    const hands = createHands(learning);
    const from = { model: "tiny", question };
    expect(await hands.complete(await hands.claimOne(), undefined, from)).toBe("ok");
    return submitted;
  }

  test("is the results of jobs, by what was asked", async () => {
    await using learning = await open();
    await answer(learning);

    const found = await learning.store.recallAnswer(question);

    expect(found).toMatchObject({ output: { path: "program" }, provenance: { model: "tiny" } });
    expect(await learning.store.recallAnswer("00".repeat(32))).toBeUndefined();
  });

  test("goes with the learner, and with the submission", async () => {
    await using learning = await open();
    await answer(learning);
    await learning.client.redactSubject("ada");
    const afterRedaction = await learning.store.recallAnswer(question);
    const { id } = await answer(learning);
    await learning.query("delete from public.learning_submissions where id = $1", id);

    expect(afterRedaction).toBeUndefined();
    expect(await learning.store.recallAnswer(question)).toBeUndefined();
  });

  test("leaves no trace of the question in the host's table", async () => {
    await using learning = await open();

    const { id } = await answer(learning);

    const { provenance } = await learning.submission(id);
    expect(provenance).toMatchObject({ feedback: { model: "tiny" } });
    expect(JSON.stringify(provenance)).not.toContain(question);
  });
});
