import { describe, expect, test } from "bun:test";

import { textSubmission } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { useUpload } from "./support/upload.ts";

const setup = useUpload();

const view = "public.learning_submission_jobs";
const update = `update ${view} set status = 'queued', lease_key = null, leased_until = null, updated_at = now()`;

/** The runbook's way to look for work that nobody picks up. */
const due = `select id from ${view} where status = 'queued' and visible_at <= :"schema".clock()`;

describe("an UPDATE back to queued", () => {
  test("gives a failed job a new start", async () => {
    await using fixture = await setup();
    await fixture.hands.fail(await fixture.hands.claimOne(), "input_corrupt");

    await fixture.query(`${update}, error_code = null, retry_count = 0 where status = 'failed'`);

    expect(await fixture.row(`select * from ${view}`)).toMatchObject({
      status: "queued",
      retry_count: 0,
      error_code: null,
    });
    expect(await fixture.submission(fixture.file.id)).toMatchObject({
      analysis_status: "pending",
      error_code: null,
    });
    expect(await fixture.hands.claimOne()).toMatchObject({ publicId: fixture.file.jobId });
  });

  test("gives it a start at the time that was set", async () => {
    await using fixture = await setup();
    await fixture.hands.fail(await fixture.hands.claimOne(), "input_corrupt");

    await fixture.query(`${update}, visible_at = :"schema".clock() + interval '1 hour'`);

    expect(await fixture.query(due)).toEqual([]);
    await fixture.database.advance(3_601_000);
    expect(await fixture.query(due)).toHaveLength(1);
  });

  test("is refused when the submission has another live job", async () => {
    await using fixture = await setup();
    await fixture.hands.fail(await fixture.hands.claimOne(), "input_corrupt");
    await fixture.query("update public.learning_submissions set analysis_status = 'pending'");
    const insert = `insert into ${view} (submission_id, payload) values ($1, '{}')`;
    await fixture.query(insert, fixture.file.id);

    const requeue = fixture.query(`${update} where status = 'failed'`);

    expect(await refusal(requeue)).toMatchObject({ code: "55000" });
  });

  test("takes back every lease that ran out, as a loss, however many there are", async () => {
    await using fixture = await setup();
    const { query, hands, submit } = fixture;
    await Promise.all(
      Array.from({ length: 120 }, (_, n) => submit({ ...textSubmission, student_sub: `s${n}` })),
    );
    await hands.claim({ limit: 200 });
    await fixture.database.advance(61_000);

    await query(`${update} where status = 'leased' and leased_until < :"schema".clock()`);

    const found = await query(`select status, count(*)::int as ct from ${view} group by 1`);
    expect(found).toEqual([{ status: "queued", ct: 121 }]);
    expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({ losses: 1 });
  });

  test("of a lease that is alive is refused, and the worker goes on", async () => {
    await using fixture = await setup();
    const lease = await fixture.hands.claimOne();

    const steal = fixture.query(update);

    expect(await refusal(steal)).toMatchObject({ code: "55000" });
    expect(await fixture.hands.checkpoint(lease)).toBe("ok");
  });

  test("of a job that is queued changes nothing", async () => {
    await using fixture = await setup();
    const before = await fixture.row(`select * from ${view}`);

    await fixture.query(update);

    expect(await fixture.row(`select * from ${view}`)).toEqual(before);
  });
});

describe("any other UPDATE is refused with the sentence to go by", () => {
  test.each([
    ["takes a lease", "status = 'leased', lease_key = gen_random_uuid(), leased_until = now()"],
    ["only says leased", "status = 'leased'"],
    ["fails a job", "status = 'failed', error_code = 'vision_failed'"],
    ["completes a job", "status = 'completed'"],
    ["says nothing", "status = null"],
    ["moves the time of a queued job", "visible_at = now() - interval '1 hour'"],
    ["changes the count of a queued job", "retry_count = 7"],
    ["changes the payload", "payload = '{}'"],
    ["changes the submission", "submission_id = gen_random_uuid()"],
    ["changes the id", "id = gen_random_uuid()"],
  ])("when it %s", async (_, change) => {
    await using fixture = await setup();
    const before = await fixture.row(`select * from ${view}`);

    const attempt = fixture.query(`update ${view} set ${change}`);

    expect(await refusal(attempt)).toMatchObject({
      code: "0A000",
      message:
        "A lease is taken with claim_jobs and kept with its token; this view only enqueues, requeues and cancels.",
    });
    expect(await fixture.row(`select * from ${view}`)).toEqual(before);
  });
});
