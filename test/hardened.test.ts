import { expect, setDefaultTimeout, test } from "bun:test";

import { readDemoLine } from "./support/demo-line.ts";
import { type Database, type Home, setupHome, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

/** A folder and an empty database, of which the worker was not told yet. */
async function setup(): Promise<Home & { readonly database: Database }> {
  const database = await cluster.createDatabase();
  return { ...(await setupHome()), database };
}

const insufficientPrivilege = "42501";

test("installed by an administrator, works as gustav_worker, who may touch no table", async () => {
  await using home = await setup();

  const migrated = await home.run(["migrate", "--roles"], {
    LEASEHOLD_ADMIN_DATABASE_URL: home.database.adminUrl,
  });
  const demo = await home.run(["demo", "--in-place", "--json"], {
    LEARNING_DATABASE_URL: home.database.urlOf("gustav_worker"),
  });

  expect([migrated.exitCode, migrated.stderr]).toEqual([0, ""]);
  expect(migrated.stdout).toContain("Roles leasehold_owner, gustav_worker, gustav_limited are");
  expect(demo.exitCode).toBe(0);
  expect(readDemoLine(demo.stdout)).toMatchObject({ ok: true, backend: "stub" });
  const refused = await Promise.all(
    [
      "select * from leasehold.job",
      "delete from leasehold.lease",
      "select * from public.learning_submissions",
      "update public.learning_submission_jobs set status = 'queued'",
      "select leasehold.register_type('learning.submission')",
      "select leasehold.move_lease(null, 'complete', null, null, 0, null, true)",
      "select public.learning_worker_update_completed(gen_random_uuid(), '', '', '{}')",
      "create table leasehold.mine (a int)",
      "set role leasehold_owner",
    ].map((statement) => home.database.attempt("gustav_worker", statement)),
  );
  expect(refused).toEqual(refused.map(() => insufficientPrivilege));
});

test("an administrator may install again, and so upgrade", async () => {
  await using home = await setup();
  const variables = { LEASEHOLD_ADMIN_DATABASE_URL: home.database.adminUrl };
  await home.run(["migrate", "--roles"], variables);

  const [plain, roles] = [
    await home.run(["migrate"], variables),
    await home.run(["migrate", "--roles"], variables),
  ];

  expect([plain.stdout, plain.exitCode]).toEqual(["Nothing to apply.\n", 0]);
  expect(roles.exitCode).toBe(0);
  const status = await home.run(["status"], {
    LEARNING_DATABASE_URL: home.database.urlOf("gustav_worker"),
  });
  expect(status.stdout).toStartWith("Nothing waits and nothing runs.\n");
});

test("two databases of one server get the same roles at the same time", async () => {
  await using one = await setup();
  await using other = await setup();

  const ends = await Promise.all(
    [one, other].map((home) =>
      home.run(["migrate", "--roles"], { LEASEHOLD_ADMIN_DATABASE_URL: home.database.adminUrl }),
    ),
  );

  expect(ends.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
    [0, ""],
    [0, ""],
  ]);
});

test("installed by an ordinary login that may make no roles, works as that login", async () => {
  await using home = await setup();
  const variables = { LEARNING_DATABASE_URL: home.database.urlOf("leasehold") };

  const migrated = await home.run(["migrate"], variables);
  const demo = await home.run(["demo", "--in-place", "--json"], variables);
  const roles = await home.run(["migrate", "--roles"], variables);

  expect(migrated.stdout).toStartWith("Applied: core 0001_create_leasehold, ");
  expect(demo.exitCode).toBe(0);
  expect(readDemoLine(demo.stdout).ok).toBe(true);
  expect(await home.database.attempt("leasehold", "create role someone")).toBe(
    insufficientPrivilege,
  );
  expect(roles.exitCode).toBe(2);
  expect(roles.stderr).toStartWith("grant_missing: ");
});

test("a login that can do everything is refused, by its name and by what it can", async () => {
  await using home = await setup();
  await home.database.attempt("postgres", "create role headmaster superuser login");
  await home.run(["migrate"], { LEASEHOLD_ADMIN_DATABASE_URL: home.database.adminUrl });

  const byName = await home.run(["run"], { LEARNING_DATABASE_URL: home.database.adminUrl });
  const byFact = await Promise.all(
    [["run"], ["demo", "--in-place"], ["status"], ["submit", "-"]].map(async (args) =>
      home.run(args, { LEARNING_DATABASE_URL: home.database.urlOf("headmaster") }, "Ein Text."),
    ),
  );

  expect(byName.exitCode).toBe(2);
  expect(byName.stderr).toContain("LEARNING_DATABASE_URL names the login postgres");
  for (const { exitCode, stderr } of byFact) {
    expect(exitCode).toBe(2);
    expect(stderr).toContain("The login headmaster is a superuser");
  }
});

test("a database that is not installed is refused with the command that installs it", async () => {
  await using home = await setup();

  const end = await home.run(["run"], { LEARNING_DATABASE_URL: home.database.urlOf("leasehold") });

  expect(end.exitCode).toBe(2);
  expect(end.stderr).toMatch(/^schema_outdated: .*: run migrate\.$/m);
});

test("roles on the private Postgres leave it usable", async () => {
  await using home = await setupHome();

  const migrated = await home.run(["migrate", "--roles"]);
  const asOwner = await home.run(["demo", "--in-place", "--json"]);
  const again = await home.run(["migrate"]);

  expect(migrated.exitCode).toBe(0);
  expect([asOwner.exitCode, readDemoLine(asOwner.stdout).ok]).toEqual([0, true]);
  expect(again.stdout).toBe("Nothing to apply.\n");
});
