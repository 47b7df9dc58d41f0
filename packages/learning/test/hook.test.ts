import { describe, expect, test } from "bun:test";

import { feedbackResult, visionResult } from "./support/hands.ts";
import { textSubmission } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { openSession } from "./support/session.ts";
import { type Upload, useUpload } from "./support/upload.ts";

const setup = useUpload();

/** Brings the upload to the phase `feedback`. */
async function passVision({ hands }: Upload): Promise<void> {
  await hands.checkpoint(await hands.claimOne());
}

const untouched = {
  analysis_status: "pending",
  error_code: null,
  analysis_json: null,
  feedback_md: null,
  completed_at: null,
  vision_attempts: 0,
  vision_last_error: null,
  vision_last_attempt_at: null,
  feedback_last_error: null,
  feedback_last_attempt_at: null,
};

describe("a completed job", () => {
  test("stores text, feedback and analysis, and beside them how they came about", async () => {
    await using fixture = await setup();
    await passVision(fixture);

    await fixture.hands.complete(await fixture.hands.claimOne());

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "completed",
      error_code: null,
      text_body: visionResult.text,
      feedback_md: feedbackResult.feedbackMd,
      analysis_json: feedbackResult.analysis,
      completed_at: expect.any(Date),
      vision_attempts: 1,
      vision_last_attempt_at: expect.any(Date),
      feedback_last_attempt_at: expect.any(Date),
      analysis_path: "program",
      needs_review: false,
      provenance: {
        vision: { adapter: "hand", model: "tiny" },
        feedback: { adapter: "hand", model: "tiny" },
      },
    });
  });

  test("clears what earlier attempts left", async () => {
    await using fixture = await setup();
    await fixture.hands.retry(await fixture.hands.claimOne());
    await fixture.database.advance(60_000);
    await passVision(fixture);
    await fixture.hands.retry(await fixture.hands.claimOne());
    await fixture.database.advance(60_000);

    await fixture.hands.complete(await fixture.hands.claimOne());

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "completed",
      error_code: null,
      vision_attempts: 2,
      vision_last_error: null,
      feedback_last_error: null,
    });
  });

  test("keeps a text as the learner wrote it", async () => {
    await using fixture = await setup();
    await fixture.client.cancel(fixture.file.jobId);
    const text = " Zwei  Wörter\n\nund 🦆 \t";
    const { id } = await fixture.submit({ ...textSubmission, text_body: text });

    await fixture.hands.complete(await fixture.hands.claimOne());

    expect(await fixture.submission(id)).toMatchObject({
      analysis_status: "completed",
      text_body: text,
      provenance: { vision: { skipped: "text_submission" }, feedback: { model: "tiny" } },
    });
  });

  test("names the model of the last page when the phase itself asked none", async () => {
    await using fixture = await setup();
    const { hands } = fixture;
    const first = await hands.claimOne();
    await hands.savePart(first, 1, { model: "old", digest: "1" });
    await hands.savePart(first, 2, { model: "new", digest: "2" });
    await hands.savePart(first, 3, { source: "text_layer" });
    await fixture.query(
      `select :"schema".checkpoint_job($1, $2, 'vision', 'feedback', $3::text::jsonb, '{"pages": 3}', true)`,
      first.jobId,
      first.token,
      visionResult,
    );

    await hands.complete(await hands.claimOne());

    const { provenance } = await fixture.submission(fixture.file.id);
    expect(provenance).toMatchObject({ vision: { model: "new", digest: "2", pages: 3 } });
  });
});

describe("a phase that is tried again", () => {
  test("marks the submission as `vision_retrying` and leaves it pending", async () => {
    await using fixture = await setup();

    await fixture.hands.retry(await fixture.hands.claimOne(), "The model broke.");

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      ...untouched,
      error_code: "vision_retrying",
      vision_attempts: 1,
      vision_last_error: "The model broke.",
      vision_last_attempt_at: expect.any(Date),
    });
  });

  test("marks the submission as `feedback_retrying` and counts no attempt of vision", async () => {
    await using fixture = await setup();
    await passVision(fixture);

    await fixture.hands.retry(await fixture.hands.claimOne(), "The model broke.");

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      ...untouched,
      error_code: "feedback_retrying",
      feedback_last_error: "The model broke.",
      feedback_last_attempt_at: expect.any(Date),
    });
  });

  test("marks it also when the backend was down", async () => {
    await using fixture = await setup();

    await fixture.hands.release(await fixture.hands.claimOne(), "outage");

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      ...untouched,
      error_code: "vision_retrying",
      vision_attempts: 1,
      vision_last_error: "It is away.",
      vision_last_attempt_at: expect.any(Date),
    });
  });

  test("marks it when its lease ran out, with no worker alive", async () => {
    await using fixture = await setup();
    await fixture.hands.claimOne();

    expect(await fixture.hands.lapse()).toBe(1);

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      ...untouched,
      error_code: "vision_retrying",
      vision_attempts: 1,
      vision_last_error: "The worker that ran this job stopped renewing its lease.",
      vision_last_attempt_at: expect.any(Date),
    });
  });

  test("says what went wrong last, not what went wrong in another phase", async () => {
    await using fixture = await setup();
    await fixture.hands.retry(await fixture.hands.claimOne(), "The first trouble.");
    await fixture.database.advance(60_000);
    await passVision(fixture);

    await fixture.hands.retry(await fixture.hands.claimOne(), "The second trouble.");

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      vision_last_error: "The first trouble.",
      feedback_last_error: "The second trouble.",
    });
  });
});

describe("nothing is said of a job that", () => {
  test("was given back by a worker that stops", async () => {
    await using fixture = await setup();

    await fixture.hands.release(await fixture.hands.claimOne(), "shutdown");

    expect(await fixture.submission(fixture.file.id)).toMatchObject(untouched);
  });

  test.each([true, false])("passes from vision to feedback (yields: %p)", async (yields) => {
    await using fixture = await setup();

    await fixture.hands.checkpoint(await fixture.hands.claimOne(), { yields });

    expect(await fixture.submission(fixture.file.id)).toMatchObject(untouched);
  });
});

describe("a job that ends badly", () => {
  test.each([
    ["vision", "input_corrupt", "input_corrupt"],
    ["vision", "input_unsupported", "input_unsupported"],
    ["vision", "input_too_large", "input_too_large"],
    ["vision", "input_invalid", "vision_failed"],
    ["vision", "adapter_unknown", "vision_failed"],
    ["feedback", "input_unsupported", "input_unsupported"],
    ["feedback", "output_invalid", "feedback_failed"],
    ["feedback", "deadline_exceeded", "feedback_failed"],
  ])("in %s with %s fails its submission with %s", async (phase, code, expected) => {
    await using fixture = await setup();
    if (phase === "feedback") await passVision(fixture);

    await fixture.hands.fail(await fixture.hands.claimOne(), code, "It can't be read.");

    const isFeedback = expected === "feedback_failed";
    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      ...untouched,
      analysis_status: "failed",
      error_code: expected,
      completed_at: expect.any(Date),
      vision_attempts: expected === "vision_failed" ? 1 : 0,
      vision_last_error: isFeedback ? null : "It can't be read.",
      feedback_last_error: isFeedback ? "It can't be read." : null,
    });
  });

  test("fails its submission when its retries are used up", async () => {
    await using fixture = await setup();

    await fixture.hands.exhaust();

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "failed",
      error_code: "vision_failed",
      vision_attempts: 4,
      vision_last_error: "Run 4 broke.",
    });
    expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({
      state: "dead",
      failures: 4,
    });
  });

  test("fails its submission when it lost its workers too often, with no worker alive", async () => {
    await using fixture = await setup();
    const { hands } = fixture;
    for (let loss = 1; loss <= 3; loss += 1) {
      const lease = await hands.claimOne();
      if (lease.solo) await hands.start(lease);
      await hands.lapse();
    }

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "failed",
      error_code: "vision_failed",
      vision_last_error: "The worker that ran this job stopped renewing its lease.",
    });
    expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({
      state: "dead",
      code: "worker_lost",
      losses: 3,
      failures: 0,
    });
  });

  test("keeps 1,024 characters of a message, and no half of one", async () => {
    await using fixture = await setup();

    await fixture.hands.fail(await fixture.hands.claimOne(), "input_corrupt", "🦆".repeat(2_000));

    const { vision_last_error: message } = await fixture.submission(fixture.file.id);
    expect(message).toBe("🦆".repeat(1_024));
  });
});

describe("somebody in psql", () => {
  test("fails the submission by cancelling a waiting job", async () => {
    await using fixture = await setup();

    await fixture.query('select :"schema".cancel_job($1)', fixture.file.jobId);

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "failed",
      error_code: "vision_failed",
      vision_last_error: "The job was cancelled by an operator.",
    });
  });

  test("fails the submission by cancelling a running job, whose worker writes nothing more", async () => {
    await using fixture = await setup();
    await passVision(fixture);
    const lease = await fixture.hands.claimOne();

    await fixture.query('select :"schema".cancel_job($1)', fixture.file.jobId);
    const late = await fixture.hands.complete(lease);

    expect(late).toBe("lost");
    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "failed",
      error_code: "feedback_failed",
      feedback_md: null,
    });
  });

  test.each(["failed", "dead", "cancelled"])(
    "opens the submission again by requeueing a job that is %s",
    async (state) => {
      await using fixture = await setup();
      const { hands } = fixture;
      await passVision(fixture);
      if (state === "cancelled") await fixture.client.cancel(fixture.file.jobId);
      if (state === "failed") await hands.fail(await hands.claimOne(), "output_invalid");
      if (state === "dead") await hands.exhaust();
      expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({
        state: state as "dead",
      });

      await fixture.query('select :"schema".requeue_job($1)', fixture.file.jobId);

      expect(await fixture.submission(fixture.file.id)).toMatchObject({
        analysis_status: "pending",
        error_code: null,
        completed_at: null,
      });
      await hands.complete(await hands.claimOne());
      expect(await fixture.submission(fixture.file.id)).toMatchObject({
        analysis_status: "completed",
      });
    },
  );

  test("can't requeue the job of a submission that has a result by now", async () => {
    await using fixture = await setup();
    await fixture.hands.fail(await fixture.hands.claimOne(), "input_corrupt");
    await fixture.query(
      "update public.learning_submissions set analysis_status = 'completed', error_code = null",
    );

    const requeue = fixture.client.requeue(fixture.file.jobId);

    expect(await refusal(requeue)).toMatchObject({ adapterCode: "sqlstate_55000" });
    expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({ state: "failed" });
  });
});

test("a submission that somebody holds keeps no other job from being taken back", async () => {
  await using fixture = await setup();
  const other = await fixture.submit();
  await fixture.hands.claim();
  await using holder = await openSession(fixture.url);
  await holder.script("begin");
  await holder.query(
    "select from public.learning_submissions where id = $1 for update",
    fixture.file.id,
  );

  const first = await fixture.hands.lapse();
  const between = await fixture.client.getJob(fixture.file.jobId);
  await holder.script("rollback");
  const second = await fixture.hands.lapse();

  expect([first, second]).toEqual([1, 1]);
  expect(between).toMatchObject({ state: "leased", losses: 0 });
  for (const { id, jobId } of [fixture.file, other]) {
    expect(await fixture.client.getJob(jobId)).toMatchObject({ state: "queued", losses: 1 });
    expect(await fixture.submission(id)).toMatchObject({ analysis_status: "pending" });
  }
});
