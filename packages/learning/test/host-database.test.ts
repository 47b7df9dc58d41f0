import { describe, expect, test } from "bun:test";

import { printMigrations } from "@leasehold/core";

import { learningSql } from "../src/learning-sql.ts";
import { createHands } from "./support/hands.ts";
import { runScript, setupLearning, textSubmission } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { install } from "./support/roles.ts";
import { useServer } from "./support/server.ts";
import { openSession } from "./support/session.ts";

const server = useServer();

/** A table such as a host of the runbook has, with rights and rules of its own. */
const hostTable = `
  create table public.learning_submissions (
    id uuid primary key default gen_random_uuid(), course_id uuid not null, task_id uuid not null,
    student_sub text not null, kind text not null, text_body text, storage_key text, mime_type text, size_bytes int,
    sha256 text, attempt_nr int not null default 1, analysis_status text not null default 'pending', analysis_json jsonb,
    feedback_md text, error_code text, idempotency_key text, created_at timestamptz not null default now(),
    completed_at timestamptz, vision_attempts int not null default 0, vision_last_error text,
    vision_last_attempt_at timestamptz, feedback_last_attempt_at timestamptz, feedback_last_error text,
    internal_metadata jsonb not null default '{}', visible_to_peers boolean not null default false
  );
  grant select on public.learning_submissions to public;
  insert into public.learning_submissions (id, course_id, task_id, student_sub, kind, text_body)
    select '6d5c1f6e-2f6b-4f0e-9d49-52d1b4d3a0aa', gen_random_uuid(), gen_random_uuid(), 'ada', 'text', 'Der Bach.';`;
const hostSubmission = "6d5c1f6e-2f6b-4f0e-9d49-52d1b4d3a0aa";

const describeTable = `
  select relrowsecurity as has_rls, relacl::text as acl,
    (select count(*)::int from pg_policy where polrelid = c.oid) as policies
  from pg_class as c where oid = 'public.learning_submissions'::regclass`;

describe("a host that has the table already", () => {
  test("keeps it as it is, with its own rights and rules", async () => {
    await using learning = await setupLearning(await server(), { before: hostTable });

    const table = await learning.row(describeTable);

    expect(table).toMatchObject({ has_rls: false, policies: 0 });
    expect(table["acl"]).toContain("=r/");
  });

  test("has its submissions worked, and their results beside its own columns", async () => {
    await using learning = await setupLearning(await server(), { before: hostTable });
    const { claimOne, complete } = createHands(learning);

    await learning.query(
      "insert into public.learning_submission_jobs (submission_id, payload) values ($1, '{}')",
      hostSubmission,
    );
    await complete(await claimOne());

    expect(await learning.submission(hostSubmission)).toMatchObject({
      analysis_status: "completed",
      analysis_path: "program",
      visible_to_peers: false,
    });
  });

  test("has a submission refused that no pipeline knows how to work", async () => {
    await using learning = await setupLearning(await server(), { before: hostTable });
    await learning.query(
      `update public.learning_submissions set kind = 'scratch', storage_key = 'a.pdf',
         mime_type = 'application/pdf', size_bytes = 1, sha256 = repeat('a', 64)`,
    );

    const enqueue = learning.query('select :"schema".learning_enqueue($1, null)', hostSubmission);

    expect(await refusal(enqueue)).toMatchObject({
      code: "22023",
      message: "learning_enqueue: kind must be text, image or file",
    });
  });

  test("must move its own job table away first", async () => {
    const before = "create table public.learning_submission_jobs (id uuid primary key)";

    const setup = setupLearning(await server(), { before });

    expect(await refusal(setup)).toMatchObject({ adapterCode: "sqlstate_42809" });
  });
});

describe("a new table", () => {
  test("shows learners their own submissions, and lets them add but not change any", async () => {
    await using installation = await install(await server());
    const login = await installation.createLogin("");
    await installation.admin.script(
      `grant select, insert, update on public.learning_submissions to ${login}`,
    );
    await using web = await openSession(installation.urlFor(login));
    const add = `insert into public.learning_submissions (student_sub, kind, text_body)
      values ($1, 'text', 'Der Bach.')`;
    const read = "select student_sub from public.learning_submissions";

    await web.query("select set_config('app.current_sub', 'ada', false)");
    await web.query(add, "ada");
    const forged = await refusal(web.query(add, "eve"));
    const own = await web.query(read);
    const changed = await web.query(
      "update public.learning_submissions set analysis_status = 'completed' returning id",
    );
    await web.query("select set_config('app.current_sub', 'eve', false)");
    const others = await web.query(read);
    await web.query("select set_config('app.current_sub', '', false)");
    const nobodys = await web.query(read);

    expect(forged).toMatchObject({ code: "42501" });
    expect(own).toEqual([{ student_sub: "ada" }]);
    expect([changed, others, nobodys]).toEqual([[], [], []]);
  });
});

describe("the schema", () => {
  test("may have any name", async () => {
    const schema = `lease'hold "100%"`;
    await using learning = await setupLearning(await server(), { schema });
    const { claimOne, complete } = createHands(learning);

    const { id } = await learning.submit();
    await complete(await claimOne());
    const probe = await learning.store.probeHealth();

    expect(await learning.store.readSubmission(id)).toMatchObject({ status: "completed" });
    expect(probe.map(({ status }) => status)).toEqual(["ok", "ok", "ok", "ok"]);
  });

  test("can be made by the host's own migrator from the printed script", async () => {
    const embedded = await server();
    const name = `learning_${crypto.randomUUID().replaceAll("-", "")}`;
    const url = await embedded.createDatabase(name);
    try {
      await runScript(url, printMigrations({ bundles: [learningSql] }));

      await using session = await openSession(url);
      const submit = "select * from leasehold.learning_submit($1::text::jsonb)";
      const rows = await session.query(submit, JSON.stringify(textSubmission));
      expect(rows).toHaveLength(1);
    } finally {
      await embedded.dropDatabase(name);
    }
  });
});
