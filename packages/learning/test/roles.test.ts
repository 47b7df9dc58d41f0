import { describe, expect, test } from "bun:test";

import { coreSql, createWorker, migrate } from "@leasehold/core";
import { recordEvents } from "@leasehold/core/testing";

import { learningSql } from "../src/learning-sql.ts";
import { createLearningStore } from "../src/learning-store.ts";
import { submissionPipeline } from "../src/submission-pipeline.ts";
import { createFakeAdapter } from "./support/fake-adapter.ts";
import { textSubmission } from "./support/learning.ts";
import { refusal } from "./support/refusal.ts";
import { install, runbookRoles, useInstallation } from "./support/roles.ts";
import { useServer } from "./support/server.ts";
import { openSession, type Session } from "./support/session.ts";

const server = useServer();
const setup = useInstallation();

const ours = "('leasehold'::regnamespace, 'public'::regnamespace)";

const bundles = [coreSql, learningSql];

/** What the bundles' own grants let a role call, sorted; the worker is a member of the limited. */
function listGranted(role: "worker" | "limited"): readonly string[] {
  const grants = bundles.map((bundle) => bundle.grants ?? "").join("\n");
  const statements = grants.matchAll(/^grant execute on function\s+([^;]*?)\s+to ([^;]+);/gm);
  const names = [...statements]
    .filter(([, , to = ""]) => role === "worker" || to.includes(':"limited"'))
    .flatMap(([, functions = ""]) => [...functions.matchAll(/(?:"schema"|public)\.(\w+)/g)])
    .map(([, name = ""]) => name);
  return [...new Set(names)].toSorted();
}

/** The functions whose own comment says that nobody calls them from outside. */
function listPrivate(): readonly string[] {
  return bundles
    .flatMap(({ definitions }) => definitions)
    .flatMap((text) => {
      const [, comment = "", name = ""] =
        /^((?:--[^\n]*\n)+)create or replace function (?::"schema"|public)\.(\w+)/.exec(text) ?? [];
      return /\bPrivate[.;]/.test(comment) ? [name] : [];
    });
}

/** What the worker must not be able to do. */
const forbidden = [
  "select leasehold.learning_hook(null, null, null, null, null, null, null)",
  "select leasehold.learning_enqueue(null, null)",
  "select leasehold.learning_payload(null, null)",
  "select leasehold.learning_provenance(1)",
  "select leasehold.learning_watch_scores(1)",
  "select leasehold.learning_score_shape('', '', '', '')",
  "select * from leasehold.learning_score",
  "select leasehold.register_type('learning.submission', 'pg_sleep'::regproc::regprocedure)",
  "select leasehold.store_result(null, 1::smallint, '{}', '{}')",
  "select leasehold.call_hook(1, null, null, null, null, null, null)",
  "select * from leasehold.move_lease(null, null, null, null, 0, null, false)",
  "select * from leasehold.settle_lease(null, null, null, null, 0, null, null)",
  "select public.learning_worker_update_completed(null, null, null, null)",
  "select public.learning_worker_update_failed(null, 'vision_failed', null)",
  "select public.learning_worker_mark_retry(null, 'vision', null, null)",
  "update public.learning_submissions set analysis_status = 'completed'",
  "update public.learning_submission_jobs set status = 'queued'",
  "delete from leasehold.lease",
  "select token from leasehold.lease",
  "set role leasehold_owner",
  "create table public.learning_submissions_2 ()",
  "create function leasehold.evil() returns int language sql as 'select 1'",
];

async function listExecutable(session: Session, role: string): Promise<readonly string[]> {
  const rows = await session.query(
    `select proname::text as name from pg_proc
     where pronamespace in ${ours} and has_function_privilege($1, oid, 'execute') order by 1`,
    role,
  );
  return rows.map(({ name }) => String(name)).toSorted();
}

/** Every right of a role on anything that holds rows. */
async function listReadable(session: Session, role: string): Promise<readonly unknown[]> {
  return await session.query(
    `select c.oid::regclass::text as name, p.verb from pg_class as c
     cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as p (verb)
     where c.relnamespace in ${ours} and c.relkind in ('r', 'v', 'm', 'p', 'f')
       and (
         has_table_privilege($1, c.oid, p.verb)
         or p.verb in ('select', 'insert', 'update', 'references') and has_any_column_privilege($1, c.oid, p.verb)
       )
     union all
     select c.oid::regclass::text, p.verb from pg_class as c
     cross join unnest(array['select', 'usage', 'update']) as p (verb)
     where c.relnamespace in ${ours} and c.relkind = 'S' and has_sequence_privilege($1, c.oid, p.verb)`,
    role,
  );
}

describe("gustav_worker", () => {
  test("can work a whole submission with the right to call functions and no other", async () => {
    const installation = await setup();
    const connection = installation.urlFor("gustav_worker");
    await using store = createLearningStore({ connection });
    const pipelines = [submissionPipeline];
    await using worker = createWorker({ connection, pipelines, adapters: [createFakeAdapter()] });
    using story = recordEvents(worker);
    await worker.start();

    const { id } = await store.submit({
      studentSub: "ada",
      content: { kind: "text", text: "Der Bach rauscht." },
    });
    await story.waitFor("job.completed");

    expect(await store.readSubmission(id)).toMatchObject({
      status: "completed",
      text: "Der Bach rauscht.",
      feedbackMd: expect.any(String),
    });
    expect(await store.currentLogin()).toEqual({ login: "gustav_worker", isSuperuser: false });
    expect(await store.probeHealth()).toMatchObject([
      { check: "db_role", status: "ok" },
      { check: "queue_visibility", status: "ok" },
      { check: "queue_lag", status: "ok" },
      { check: "score_watch", status: "ok" },
    ]);
  });

  test("has no right on any table, view or sequence", async () => {
    const installation = await setup();
    const { admin } = installation;

    expect(await listReadable(admin, "gustav_worker")).toEqual([]);
    expect(await listReadable(admin, "gustav_limited")).toEqual([]);
    // The list can tell: the owner has them all.
    expect((await listReadable(admin, "leasehold_owner")).length).toBeGreaterThan(50);
  });

  test("can make nothing in our schemas", async () => {
    const installation = await setup();

    const rows = await installation.admin.query(
      `select nspname::text as name from pg_namespace
       where oid in ${ours} and has_schema_privilege('gustav_worker', oid, 'create')`,
    );

    expect(rows).toEqual([]);
  });

  test("can call what a worker calls, and nothing private", async () => {
    const installation = await setup();
    const { admin } = installation;

    const executable = await listExecutable(admin, "gustav_worker");
    const limited = await listExecutable(admin, "gustav_limited");

    expect(executable).toEqual([...listGranted("worker")]);
    expect(limited).toEqual([...listGranted("limited")]);
    // The lists can tell: a worker claims, and who is limited does not.
    expect(executable).toEqual(expect.arrayContaining(["claim_jobs_v2", ...limited]));
    expect(limited).not.toContain("claim_jobs_v2");
    const secret = listPrivate();
    expect(secret.length).toBeGreaterThan(30);
    expect(executable.filter((name) => secret.includes(name))).toEqual([]);
  });

  test("is refused what is not its own", async () => {
    const installation = await setup();
    await using session = await openSession(installation.urlFor("gustav_worker"));

    const answers: [string, unknown][] = [];
    for (const statement of forbidden) {
      answers.push([statement, Object(await refusal(session.query(statement))).code]);
    }

    expect(answers).toEqual(forbidden.map((statement) => [statement, "42501"]));
  });

  test("can't find out the token of a job that another process runs", async () => {
    const installation = await setup();
    await using session = await openSession(installation.urlFor("gustav_worker"));
    await using other = await openSession(installation.urlFor("gustav_worker"));
    const request = JSON.stringify(textSubmission);
    const submitted = await session.query(
      "select * from leasehold.learning_submit($1::text::jsonb)",
      request,
    );
    const { submission_id: id, job_id: jobId } = submitted[0] ?? {};
    const token = crypto.randomUUID();
    await other.query(
      `select c.* from leasehold.declare_lanes('learning', 'learning.submission', 1::smallint, '{feedback}') as d,
         leasehold.claim_jobs('other', $1, array[d.lane_id], array[d.solo_lane_id], 1, 60000) as c`,
      token,
    );

    const seen = await Promise.all([
      session.query("select * from leasehold.get_job($1)", String(jobId)),
      session.query("select * from leasehold.get_queue()"),
      session.query("select * from leasehold.learning_read_submission($1)", String(id)),
      session.query("select * from leasehold.load_results(1, gen_random_uuid())"),
      session.query("select * from public.learning_worker_health_probe()"),
      session.query("select * from pg_stat_activity"),
    ]);
    const forged = await session.query(
      "select * from leasehold.complete_job(1, gen_random_uuid(), '{}', '{}')",
    );

    expect(JSON.stringify(seen)).toContain("leased");
    expect(JSON.stringify(seen)).not.toContain(token);
    expect(forged).toMatchObject([{ outcome: "lost" }]);
  });
});

describe("everybody else", () => {
  // Hosted platforms have these two, and grant them all that is made.
  const before = `
    do $$ begin create role anon; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role authenticated; exception when duplicate_object or unique_violation then null; end $$;
    alter default privileges for role leasehold grant execute on functions to anon, authenticated;
    alter default privileges for role leasehold grant all on tables to anon, authenticated;`;

  test.each(["public", "anon", "authenticated"])(
    "%s can call none of our functions and touch no table of the runbook's",
    async (role) => {
      await using installation = await install(await server(), { before });
      const { admin } = installation;

      const executable = await listExecutable(admin, role);
      const readable = await listReadable(admin, role);

      expect(executable).toEqual([]);
      expect(JSON.stringify(readable)).not.toMatch(/learning_submission/);
    },
  );

  test("can't even look into the schema", async () => {
    const installation = await setup();
    const login = await installation.createLogin("");
    await using session = await openSession(installation.urlFor(login));

    const read = session.query(
      "select * from leasehold.learning_read_submission(gen_random_uuid())",
    );

    expect(await refusal(read)).toMatchObject({ code: "42501" });
  });
});

describe("the owner", () => {
  test("owns everything, and can't log in", async () => {
    const installation = await setup();

    const owners = await installation.admin.query(
      `select distinct r.rolname::text as owner, r.rolcanlogin as logs_in from (
         select relowner as owner from pg_class where relnamespace in ${ours}
         union all select proowner from pg_proc where pronamespace in ${ours}
         union all select nspowner from pg_namespace where nspname = 'leasehold'
       ) as o join pg_roles as r on r.oid = o.owner`,
    );

    expect(owners).toEqual([{ owner: "leasehold_owner", logs_in: false }]);
  });

  test("lets a member migrate again, and everything stays as it was", async () => {
    const installation = await setup();
    const { admin } = installation;
    const login = await installation.createLogin("in role leasehold_owner");
    const read = async (): Promise<unknown> => [
      await admin.query(
        `select oid::regprocedure::text as name, proowner::regrole::text as owner, proacl::text as acl
         from pg_proc where pronamespace in ${ours} order by 1`,
      ),
      await admin.query(
        `select oid::regclass::text as name, relowner::regrole::text as owner, relacl::text as acl
         from pg_class where relnamespace in ${ours} order by 1`,
      ),
    ];
    const before = await read();

    const report = await migrate({
      connection: installation.urlFor(login),
      bundles: [learningSql],
    });

    expect(report.applied).toEqual([]);
    expect(await read()).toEqual(before);
  });

  test("lets nobody else migrate", async () => {
    const installation = await setup();

    const migration = migrate({ connection: installation.url, bundles: [learningSql] });

    expect(await refusal(migration)).toMatchObject({ code: "grant_missing" });
  });
});

test("databases of one cluster can be installed at once", async () => {
  const suffix = crypto.randomUUID().slice(0, 8);
  const roles = {
    owner: `owner_${suffix}`,
    worker: `worker_${suffix}`,
    limited: `limited_${suffix}`,
  };
  const embedded = await server();

  const installed = await Promise.all(
    Array.from({ length: 4 }, () => install(embedded, { roles })),
  );

  for (const installation of installed) {
    expect(await listExecutable(installation.admin, roles.worker)).toEqual([
      ...listGranted("worker"),
    ]);
    await installation[Symbol.asyncDispose]();
  }
  await using admin = await openSession(embedded.adminUrl);
  for (const role of Object.values(roles)) await admin.script(`drop role ${role}`);
}, 60_000);

test("the runbook's roles are the runbook's", async () => {
  const installation = await setup();

  const rows = await installation.admin.query(
    `select rolname::text as name, rolcanlogin as logs_in, rolinherit as inherits, rolsuper as is_super,
       pg_has_role(rolname, 'gustav_limited', 'usage') as has_limited, rolconfig::text as config
     from pg_roles where rolname = any ($1::text::text[]) order by rolname`,
    `{${Object.values(runbookRoles).join(",")}}`,
  );

  const plain = { inherits: true, is_super: false, config: null };
  const patience =
    "{statement_timeout=10s,lock_timeout=5s,idle_in_transaction_session_timeout=15s}";
  expect(rows).toEqual([
    { ...plain, name: "gustav_limited", logs_in: false, has_limited: true },
    { ...plain, name: "gustav_worker", logs_in: true, has_limited: true, config: patience },
    { ...plain, name: "leasehold_owner", logs_in: false, has_limited: false },
  ]);
});

test("roles that an administrator made by hand serve as well, and get no password", async () => {
  const suffix = crypto.randomUUID().slice(0, 8);
  const roles = {
    owner: `owner_${suffix}`,
    worker: `worker_${suffix}`,
    limited: `limited_${suffix}`,
  };
  const before = `create role ${roles.limited} nologin;
    create role ${roles.worker} login; alter role ${roles.worker} inherit; grant ${roles.limited} to ${roles.worker};`;
  const installation = await install(await server(), { before, roles });
  const { admin } = installation;

  const executable = await listExecutable(admin, roles.worker);
  const passwords = await admin.query(
    "select rolpassword from pg_authid where rolname like $1",
    `%${suffix}`,
  );

  expect(executable).toEqual([...listGranted("worker")]);
  expect(passwords).toEqual(Object.values(roles).map(() => ({ rolpassword: null })));
  await installation[Symbol.asyncDispose]();
  await using cleaner = await openSession((await server()).adminUrl);
  for (const role of Object.values(roles)) await cleaner.script(`drop role ${role}`);
});
