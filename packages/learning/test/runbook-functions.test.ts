import { describe, expect, test } from "bun:test";

import { submissionErrorCodes, toSubmissionErrorCode } from "../src/submission-pipeline.ts";
import { refusal } from "./support/refusal.ts";
import { useUpload } from "./support/upload.ts";

const setup = useUpload();

describe("the runbook's own functions", () => {
  test("know the same codes in SQL and in TypeScript", async () => {
    await using fixture = await setup();
    const codes = [...submissionErrorCodes, "output_invalid", "worker_lost", "effect_failed", ""];
    const pairs = ["vision", "feedback"].flatMap((phase) =>
      codes.map((code) => ({ phase, code, expected: toSubmissionErrorCode(phase, code) })),
    );

    const rows = await fixture.query(
      `select p.phase, p.code, :"schema".learning_error_code(p.phase, p.code) as expected
       from jsonb_to_recordset($1::text::jsonb) as p (phase text, code text)`,
      pairs,
    );

    expect(rows).toEqual(pairs);
    const words: readonly string[] = submissionErrorCodes;
    expect(pairs.filter(({ expected }) => !words.includes(expected))).toEqual([]);
  });

  test.each([
    ["learning_worker_update_failed($1, 'vision_failed', repeat('x', 2000))", "vision_last_error"],
    [
      "learning_worker_update_failed($1, 'feedback_failed', repeat('x', 2000))",
      "feedback_last_error",
    ],
    ["learning_worker_mark_retry($1, 'vision', repeat('x', 2000), now())", "vision_last_error"],
    ["learning_worker_mark_retry($1, 'feedback', repeat('x', 2000), now())", "feedback_last_error"],
  ])("cut a message, whoever calls them: %s", async (call, column) => {
    await using fixture = await setup();

    await fixture.query(`select public.${call}`, fixture.file.id);

    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      [column]: "x".repeat(1_024),
    });
  });
});

describe("a final submission", () => {
  test("stays as it is, and so does what stands beside its result", async () => {
    await using fixture = await setup();
    await fixture.hands.checkpoint(await fixture.hands.claimOne());
    const lease = await fixture.hands.claimOne();
    await fixture.query(
      "select public.learning_worker_update_completed($1, 'Text', 'Gut.', '{\"schema\": \"x\"}')",
      fixture.file.id,
    );
    const before = await fixture.submission(fixture.file.id);

    await fixture.hands.complete(lease);
    await fixture.query(
      "select public.learning_worker_update_failed($1, 'vision_failed', 'x')",
      fixture.file.id,
    );
    await fixture.query(
      "select public.learning_worker_mark_retry($1, 'vision', 'x', now())",
      fixture.file.id,
    );

    expect(await fixture.submission(fixture.file.id)).toEqual(before);
    expect(before).toMatchObject({ provenance: null, analysis_path: null });
  });

  test.each(["vision_retrying", "path_escape", "", null])(
    "can't become failed with the code %p",
    async (code) => {
      await using fixture = await setup();

      const update = fixture.query(
        "select public.learning_worker_update_failed($1, $2, 'x')",
        fixture.file.id,
        code,
      );

      expect(await refusal(update)).toMatchObject({ code: "22023" });
      expect(await fixture.submission(fixture.file.id)).toMatchObject({
        analysis_status: "pending",
        error_code: null,
      });
    },
  );

  test.each(["grading", null])("can't be retried in the phase %p", async (phase) => {
    await using fixture = await setup();

    const update = fixture.query(
      "select public.learning_worker_mark_retry($1, $2, 'x', now())",
      fixture.file.id,
      phase,
    );

    expect(await refusal(update)).toMatchObject({ code: "22023" });
    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "pending",
      error_code: null,
    });
  });
});
