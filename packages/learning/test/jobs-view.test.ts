import { describe, expect, test } from "bun:test";

import { fileSubmission, setupLearning, textSubmission } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { useServer } from "./support/server.ts";
import { openSession } from "./support/session.ts";
import { useUpload } from "./support/upload.ts";

const setup = useUpload();
const server = useServer();

const view = "public.learning_submission_jobs";

/** The runbook's way to look for work that nobody picks up. */
const due = `select id from ${view} where status = 'queued' and visible_at <= :"schema".clock()`;

describe("reading the runbook's job table", () => {
  test("shows the runbook's columns", async () => {
    await using fixture = await setup();

    const columns = await fixture.query(
      `select attname::text as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = '${view}'::regclass and attnum > 0 order by attnum`,
    );

    expect(columns).toEqual(
      [
        ["id", "uuid"],
        ["submission_id", "uuid"],
        ["payload", "jsonb"],
        ["status", "text"],
        ["retry_count", "integer"],
        ["visible_at", "timestamp with time zone"],
        ["lease_key", "uuid"],
        ["leased_until", "timestamp with time zone"],
        ["error_code", "text"],
        ["created_at", "timestamp with time zone"],
        ["updated_at", "timestamp with time zone"],
      ].map(([name, type]) => ({ name, type })),
    );
  });

  test("shows a job that waits, a leased one and one that waits again", async () => {
    await using fixture = await setup();
    const { row, hands, file } = fixture;
    const ids = { id: file.jobId, submission_id: file.id };
    const free = { lease_key: null, leased_until: null, error_code: null };

    expect(await row(`select * from ${view}`)).toMatchObject({
      ...ids,
      ...free,
      status: "queued",
      retry_count: 0,
    });
    const lease = await hands.claimOne();
    expect(await row(`select * from ${view}`)).toMatchObject({
      ...ids,
      status: "leased",
      lease_key: expect.any(String),
      leased_until: expect.any(Date),
      error_code: null,
    });
    await hands.retry(lease);
    expect(await row(`select *, visible_at > now() as is_later from ${view}`)).toMatchObject({
      ...ids,
      ...free,
      status: "queued",
      retry_count: 1,
      is_later: true,
    });
  });

  test.each([
    ["input_corrupt", "input_corrupt"],
    ["input_unsupported", "input_unsupported"],
    ["input_too_large", "input_too_large"],
    ["output_invalid", "vision_failed"],
  ])("shows a job that failed with %s as failed with %s", async (code, expected) => {
    await using fixture = await setup();

    await fixture.hands.fail(await fixture.hands.claimOne(), code);

    expect(await fixture.row(`select * from ${view}`)).toMatchObject({
      id: fixture.file.jobId,
      status: "failed",
      error_code: expected,
      lease_key: null,
      leased_until: null,
    });
  });

  test("shows a dead job as failed, and none that is completed or cancelled", async () => {
    await using fixture = await setup();
    const { hands, query } = fixture;
    await hands.exhaust();
    await fixture.submit({ ...textSubmission, text_body: "Eins." });
    await hands.complete(await hands.claimOne());
    const { jobId } = await fixture.submit({ ...textSubmission, text_body: "Zwei." });
    await fixture.client.cancel(jobId);

    const rows = await query(`select id, status, error_code, retry_count from ${view}`);

    const { jobId: id } = fixture.file;
    expect(rows).toEqual([{ id, status: "failed", error_code: "vision_failed", retry_count: 4 }]);
  });

  test("shows no content", async () => {
    await using fixture = await setup();
    await fixture.submit({ ...textSubmission, hints_md: "Hinweis", instruction_md: "Auftrag" });

    const rows = await fixture.query(`select * from ${view}`);

    expect(rows).toHaveLength(2);
    expect(rows.map(({ payload }) => Object.keys(Object(payload)).toSorted())).toEqual([
      ["kind", "submission_id"],
      ["kind", "submission_id"],
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/Sonne|Hinweis|Auftrag|Inhalt|essay|"ada"/);
  });

  test("shows a key per lease that is no lease's token", async () => {
    await using fixture = await setup();
    const { hands, row } = fixture;
    const first = await hands.claimOne();
    const { lease_key: firstKey } = await row(`select lease_key from ${view}`);
    await hands.release(first, "shutdown");

    const second = await hands.claimOne();
    const { lease_key: secondKey } = await row(`select lease_key from ${view}`);

    expect(new Set([firstKey, secondKey, first.token, second.token]).size).toBe(4);
    const stolen = { ...second, token: String(secondKey) };
    expect(await hands.complete(stolen)).toBe("lost");
    expect(await hands.retry(stolen)).toBe("lost");
  });

  test("finds the jobs that nobody picked up, as the runbook looks for them", async () => {
    await using fixture = await setup();
    const { hands, query, file, database } = fixture;

    expect(await query(due)).toEqual([{ id: file.jobId }]);
    const lease = await hands.claimOne();
    expect(await query(due)).toEqual([]);
    await hands.retry(lease);
    expect(await query(due)).toEqual([]);
    await database.advance(60_000);
    expect(await query(due)).toEqual([{ id: file.jobId }]);
  });

  test("needs no other right than to read it", async () => {
    await using learning = await setupLearning(await server());
    await learning.submit(fileSubmission);
    const reader = `reader_${crypto.randomUUID().slice(0, 8)}`;
    await using admin = await openSession(learning.adminUrl);
    await admin.script(`create role ${reader} login; grant select on ${view} to ${reader}`);
    try {
      await using session = await openSession(learning.urlFor(reader));

      const rows = await session.query(`select status, error_code, lease_key from ${view}`);

      expect(rows).toEqual([{ status: "queued", error_code: null, lease_key: null }]);
    } finally {
      await admin.script(`drop owned by ${reader}; drop role ${reader}`);
    }
  });

  test("looks at no job that is done, however many there are", async () => {
    await using fixture = await setup();
    await fixture.query(
      `insert into :"schema".job (public_id, queue, type, version, priority, payload, created_at)
       select gen_random_uuid(), 'learning', 'learning.submission', 1, 5,
         jsonb_build_object('submissionId', gen_random_uuid()), now()
       from generate_series(1, 5000)`,
    );
    await fixture.query('analyze :"schema".job, :"schema".stopped, :"schema".ready');

    const plan = await fixture.query(`explain ${due}`);

    expect(await fixture.query(due)).toEqual([{ id: fixture.file.jobId }]);
    expect(JSON.stringify(plan)).not.toMatch(/Seq Scan on (job|stopped) /);
  });

  test("locks nothing, and says so", async () => {
    await using fixture = await setup();

    const lock = fixture.query(`select id from ${view} limit 1 for update skip locked`);

    expect(await refusal(lock)).toMatchObject({ code: "0A000" });
  });
});

describe("an INSERT", () => {
  test("enqueues the work on a submission", async () => {
    await using fixture = await setup();
    await fixture.client.cancel(fixture.file.jobId);
    await fixture.query("update public.learning_submissions set analysis_status = 'pending'");
    const payload = {
      submission_id: fixture.file.id,
      student_sub: "ada",
      attempt_nr: 1,
      criteria: ["Aufbau"],
      instruction_md: null,
      hints_md: "Hinweis",
    };

    const { id } = await fixture.row(
      `insert into ${view} (submission_id, payload) values ($1, $2::text::jsonb) returning id`,
      fixture.file.id,
      payload,
    );

    const lease = await fixture.hands.claimOne();
    expect(lease.publicId).toBe(String(id));
    const job = await fixture.row('select payload from :"schema".job where id = $1', lease.jobId);
    expect(job).toMatchObject({
      payload: {
        criteria: [{ id: "c1", name: "Aufbau", maxScore: 10 }],
        hints: "Hinweis",
        media: { storageKey: "submissions/essay.pdf" },
      },
    });
  });

  test("enqueues it for later, and under the id that was chosen", async () => {
    await using fixture = await setup();
    const id = crypto.randomUUID();
    await fixture.client.cancel(fixture.file.jobId);
    await fixture.query("update public.learning_submissions set analysis_status = 'pending'");

    await fixture.query(
      `insert into ${view} (id, submission_id, payload, status, visible_at)
       values ($1, $2, '{}', 'queued', :"schema".clock() + interval '1 hour')`,
      id,
      fixture.file.id,
    );

    expect(await fixture.hands.claim()).toEqual([]);
    await fixture.database.advance(3_601_000);
    expect(await fixture.hands.claimOne()).toMatchObject({ publicId: id });
  });

  test("of the job that is there already answers its id", async () => {
    await using fixture = await setup();

    const { id } = await fixture.row(
      `insert into ${view} (submission_id, payload) values ($1, '{}') returning id`,
      fixture.file.id,
    );

    expect(id).toBe(fixture.file.jobId);
    expect(await fixture.hands.claim()).toHaveLength(1);
  });

  test.each(["leased", "failed", "completed"])("of a job that is %s is refused", async (status) => {
    await using fixture = await setup();

    const insert = fixture.query(
      `insert into ${view} (submission_id, payload, status) values ($1, '{}', $2)`,
      fixture.file.id,
      status,
    );

    expect(await refusal(insert)).toMatchObject({ code: "0A000" });
  });
});

describe("a DELETE", () => {
  test("cancels a job that waits", async () => {
    await using fixture = await setup();

    const deleted = await fixture.query(`delete from ${view} returning id`);

    expect(deleted).toEqual([{ id: fixture.file.jobId }]);
    expect(await fixture.query(`select from ${view}`)).toEqual([]);
    expect(await fixture.submission(fixture.file.id)).toMatchObject({ analysis_status: "failed" });
  });

  test("cancels a job that runs, and its worker writes nothing more", async () => {
    await using fixture = await setup();
    const lease = await fixture.hands.claimOne();

    await fixture.query(`delete from ${view} where id = $1`, fixture.file.jobId);

    expect(await fixture.hands.checkpoint(lease)).toBe("lost");
    expect(await fixture.client.getJob(fixture.file.jobId)).toMatchObject({ state: "cancelled" });
  });

  test("of a job that failed is refused: it would not be gone", async () => {
    await using fixture = await setup();
    await fixture.hands.fail(await fixture.hands.claimOne(), "input_corrupt");

    const deletion = fixture.query(`delete from ${view}`);

    expect(await refusal(deletion)).toMatchObject({ code: "55000" });
    expect(await fixture.query(`select status from ${view}`)).toEqual([{ status: "failed" }]);
  });
});
