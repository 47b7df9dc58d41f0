import { describe, expect, setDefaultTimeout, test } from "bun:test";

import { WorkerError } from "@leasehold/core";
import { ModelError } from "@leasehold/model";

import { answer, createFakeAdapter } from "./support/fake-adapter.ts";
import { type Say, sayWhatFits } from "./support/fake-model.ts";
import { createHands } from "./support/hands.ts";
import { textSubmission } from "./support/learning.ts";
import { outage, pageOf, pagesOf, useWorkers } from "./support/worker.ts";

setDefaultTimeout(30_000);

const setup = useWorkers();

/** Fails the first time somebody asks for this page. */
function failOnceAt(page: number, fail: () => Error): Say {
  let failed = false;
  return (request) => {
    if (failed || pageOf(request.messages) !== page) return sayWhatFits(request);
    failed = true;
    throw fail();
  };
}

describe("a submission", () => {
  test("of three pages goes from upload to feedback, with its provenance", async () => {
    await using fixture = await setup();
    const { id, jobId } = await fixture.submitFile();

    await using running = await fixture.start();
    await running.story.waitFor("job.completed");

    const { text, analysis, provenance, ...report } =
      (await fixture.store.readSubmission(id)) ?? {};
    expect(text).toBe("Der Bach rauscht.\n\nDer Bach rauscht.\n\nDer Bach rauscht.");
    expect(analysis).toMatchObject({ schema: "criteria.v2", score: 5 });
    expect(report).toMatchObject({ jobId, status: "completed", path: "program" });
    expect(provenance).toMatchObject({
      vision: { model: "eye:latest", program: "learning.vision", step: "transcribe", pages: 3 },
      feedback: {
        model: "judge:latest",
        program: "learning.feedback",
        asks: { analyse: 1, synthesise: 1 },
      },
    });
    expect(JSON.stringify(provenance)).not.toMatch(/Bach|Inhalt|"ada"/);
    expect([fixture.vision.prepared(), fixture.feedback.prepared()]).toEqual([1, 1]);
  });

  test("of a text never meets the model that reads", async () => {
    await using fixture = await setup();
    const { id } = await fixture.submit();

    await using running = await fixture.start();
    await running.story.waitFor("job.completed");

    expect(fixture.vision.requests).toEqual([]);
    expect(fixture.vision.prepared()).toBe(0);
    expect(await fixture.store.readSubmission(id)).toMatchObject({
      status: "completed",
      text: textSubmission["text_body"],
    });
  });

  test("without a word on its pages is `input_unsupported`, and no model judges it", async () => {
    await using fixture = await setup({
      say: (request) => (request.schema ? sayWhatFits(request) : ""),
    });
    const { id } = await fixture.submitFile();

    await using running = await fixture.start();
    await running.story.waitFor("job.failed");

    expect(await fixture.store.readSubmission(id)).toMatchObject({
      status: "failed",
      errorCode: "input_unsupported",
      analysis: undefined,
      feedbackMd: undefined,
    });
    expect(fixture.feedback.requests).toEqual([]);
  });

  test("whose upload is gone is `input_corrupt`", async () => {
    await using fixture = await setup();
    const { id } = await fixture.submit({
      student_sub: "ada",
      kind: "image",
      storage_key: "gone.png",
      mime_type: "image/png",
      size_bytes: 9,
      sha256: "ab".repeat(32),
    });

    await using running = await fixture.start();
    await running.story.waitFor("job.failed");

    expect(await fixture.store.readSubmission(id)).toMatchObject({ errorCode: "input_corrupt" });
  });
});

describe("losing page 3", () => {
  const troubles: readonly (readonly [string, () => Error])[] = [
    ["to an outage", () => new ModelError("backend_unreachable", "It is away.", outage)],
    [
      "to an answer without end",
      () => new ModelError("output_runaway", "On and on.", { scope: "job", retryable: true }),
    ],
    ["to an error that nobody knows", () => new TypeError("odd")],
  ];
  test.each([...troubles])("%s never reads page 1 or 2 again", async (_, fail) => {
    await using fixture = await setup({ say: failOnceAt(3, fail) });
    const { id } = await fixture.submitFile();

    await using first = await fixture.start();
    await first.story.waitFor(({ name }) => name === "job.retried" || name === "job.released");
    const between = await fixture.submission(id);
    // Another process, as after a restart: this one leaves the backend alone for a while.
    await first.worker.stop();
    await fixture.database.advance(120_000);
    await using second = await fixture.start();
    await second.story.waitFor("job.completed");

    expect(pagesOf(fixture.vision)).toEqual([1, 2, 3, 3]);
    expect(between).toMatchObject({ analysis_status: "pending", error_code: "vision_retrying" });
    expect(await fixture.submission(id)).toMatchObject({
      analysis_status: "completed",
      error_code: null,
      vision_attempts: 2,
    });
  });

  test("to a worker that is stopped never reads page 1 or 2 again, and costs nothing", async () => {
    const reached = Promise.withResolvers<void>();
    let stops = 0;
    await using fixture = await setup({
      say(request, { signal }) {
        if (pageOf(request.messages) !== 3 || stops > 0) return sayWhatFits(request);
        stops += 1;
        reached.resolve();
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
        });
      },
    });
    const { id, jobId } = await fixture.submitFile();

    await using first = await fixture.start();
    await reached.promise;
    await first.worker.stop();
    const between = await fixture.submission(id);
    await using second = await fixture.start();
    await second.story.waitFor("job.completed");

    expect(pagesOf(fixture.vision)).toEqual([1, 2, 3, 3]);
    expect(between).toMatchObject({ error_code: null, vision_attempts: 0 });
    expect(await fixture.client.getJob(jobId)).toMatchObject({
      failures: 0,
      losses: 0,
      outages: 0,
    });
  });

  test("to a worker that died never reads page 1 or 2 again", async () => {
    await using fixture = await setup();
    const { id } = await fixture.submitFile();
    const { claimOne, savePart, lapse } = createHands(fixture);
    const lease = await claimOne();
    await savePart(lease, 1, { model: "eye:latest" });
    await savePart(lease, 2, { model: "eye:latest" });
    await lapse();
    const between = await fixture.submission(id);

    await using running = await fixture.start();
    await running.story.waitFor("job.completed");

    expect(between).toMatchObject({ analysis_status: "pending", error_code: "vision_retrying" });
    expect(pagesOf(fixture.vision)).toEqual([3]);
    expect(await fixture.submission(id)).toMatchObject({
      analysis_status: "completed",
      text_body: "Seite\n\nSeite\n\nDer Bach rauscht.",
    });
  });
});

describe("losing the lease", () => {
  test("on page 7 of 12 lets the next worker begin at page 7, and the first one writes nothing more", async () => {
    const reached = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    let isFirst = true;
    await using fixture = await setup({
      pages: 12,
      async say(request) {
        if (pageOf(request.messages) !== 7 || !isFirst) return sayWhatFits(request);
        isFirst = false;
        reached.resolve();
        await late.promise;
        return "Zu spät gelesen.";
      },
    });
    const { id } = await fixture.submitFile();
    const { lapse } = createHands(fixture);

    await using first = await fixture.start();
    await reached.promise;
    await lapse();
    await using second = await fixture.start();
    await second.story.waitFor("job.completed");
    late.resolve();
    await first.story.waitFor("lease.lost");

    const pages = Array.from({ length: 12 }, (_, index) => index + 1);
    expect(pagesOf(fixture.vision)).toEqual([...pages.slice(0, 7), ...pages.slice(6)]);
    const row = await fixture.submission(id);
    expect(row).toMatchObject({ analysis_status: "completed", vision_attempts: 2 });
    expect(row["text_body"]).toBe(pages.map(() => "Der Bach rauscht.").join("\n\n"));
  });
});

describe("an adapter of a host's own", () => {
  const v1 = {
    schema: "criteria.v1",
    score: 4,
    criteria_results: [{ criterion: "Inhalt", score: 8, explanation_md: "Gut belegt." }],
  };

  test("may answer in criteria.v1, which is stored as such", async () => {
    const adapter = createFakeAdapter({
      execute: async (request) => {
        const { output, provenance } = answer(request);
        if (request.phase === "vision") return { output, provenance };
        return { output: { ...Object(output), analysis: v1, path: "one_shot" }, provenance };
      },
    });
    await using fixture = await setup({ adapter });
    const { id } = await fixture.submit();

    await using running = await fixture.start();
    await running.story.waitFor("job.completed");

    expect(await fixture.store.readSubmission(id)).toMatchObject({
      status: "completed",
      analysis: v1,
      path: "one_shot",
    });
  });

  test("has an analysis that is none refused: it is charged, and nothing of it is stored", async () => {
    const invented = { ...v1, schema: "criteria.v2", score: 99 };
    const adapter = createFakeAdapter({
      execute: async (request) => {
        const { output, provenance } = answer(request);
        return { output: { ...Object(output), analysis: invented }, provenance };
      },
    });
    await using fixture = await setup({ adapter });
    const { id } = await fixture.submit();

    await using running = await fixture.start();
    await running.story.waitFor("job.retried");

    const row = await fixture.submission(id);
    expect(row).toMatchObject({ error_code: "feedback_retrying", analysis_json: null });
    expect(row["feedback_last_error"]).toStartWith("The result does not fit the schema");
    expect(await fixture.query("select from :\"schema\".result where phase = 'feedback'")).toEqual(
      [],
    );
  });

  test("may refuse an upload with the runbook's codes", async () => {
    const adapter = createFakeAdapter({
      execute() {
        throw new WorkerError("input_too_large", "It has 400 pages.");
      },
    });
    await using fixture = await setup({ adapter });
    const { id } = await fixture.submitFile();

    await using running = await fixture.start();
    await running.story.waitFor("job.failed");

    expect(await fixture.submission(id)).toMatchObject({
      error_code: "input_too_large",
      vision_last_error: "It has 400 pages.",
    });
  });
});
