import { describe, expect, test } from "bun:test";

import { feedbackResult } from "./support/hands.ts";
import { refusal } from "./support/refusal.ts";
import { type Upload, useUpload } from "./support/upload.ts";

const setup = useUpload();

/** Brings the upload to its end. */
async function finish({ hands }: Upload): Promise<void> {
  await hands.checkpoint(await hands.claimOne());
  await hands.complete(await hands.claimOne());
}

describe("the submission of a job that is replayed", () => {
  test.each(["vision", "feedback"])(
    "from %s is open again, and gets the new result",
    async (phase) => {
      await using fixture = await setup();
      const { client, file, hands } = fixture;
      await finish(fixture);

      expect(await client.replay(file.jobId, phase)).toBe("ok");

      expect(await fixture.submission(file.id)).toMatchObject({
        analysis_status: "pending",
        completed_at: null,
        feedback_md: feedbackResult.feedbackMd,
      });
      if (phase === "vision") await hands.checkpoint(await hands.claimOne());
      await hands.complete(await hands.claimOne(), { ...feedbackResult, feedbackMd: "Besser." });
      expect(await fixture.submission(file.id)).toMatchObject({
        analysis_status: "completed",
        feedback_md: "Besser.",
        completed_at: expect.any(Date),
      });
    },
  );

  test("is failed when the replay fails, and no longer shows an analysis", async () => {
    await using fixture = await setup();
    await finish(fixture);
    await fixture.client.replay(fixture.file.jobId, "feedback");

    await fixture.hands.fail(await fixture.hands.claimOne(), "output_invalid");

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "failed",
      error_code: "feedback_failed",
      analysis_json: null,
    });
  });

  test("that was deleted keeps its job from being replayed", async () => {
    await using fixture = await setup();
    await finish(fixture);
    await fixture.query("delete from public.learning_submissions");

    const replay = fixture.client.replay(fixture.file.jobId, "vision");

    expect(await refusal(replay)).toMatchObject({ adapterCode: "sqlstate_55000" });
    expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({ state: "completed" });
  });
});
