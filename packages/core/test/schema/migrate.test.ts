import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";

import postgres from "postgres";

import { coreSql, type SqlBundle } from "../../src/schema/lease-sql.ts";
import { migrate, migrateRoles, printMigrations } from "../../src/schema/migrate.ts";
import { readSchemaSnapshot, snapshotPath } from "../support/schema-snapshot.ts";
import { type ServerDatabase, useServer } from "../support/server.ts";

const server = useServer();

/** An empty database, with a connection of its owner. */
interface Subject extends ServerDatabase, AsyncDisposable {
  readonly sql: postgres.Sql;
}

async function setup(): Promise<Subject> {
  const database = await (await server()).createDatabase();
  const sql = connect(database.url);
  return { ...database, sql, [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }) };
}

function connect(url: string): postgres.Sql {
  return postgres(url, { max: 1, onnotice: () => undefined });
}

/** A login of no rights, and the superuser beside it. Both belong to one test. */
async function setupLogin(
  subject: Subject,
): Promise<{ readonly name: string; readonly admin: postgres.Sql } & AsyncDisposable> {
  const name = `login_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = connect(subject.urlAs("postgres"));
  await admin.unsafe(`create role "${name}" login`);
  return {
    name,
    admin,
    async [Symbol.asyncDispose]() {
      await admin.unsafe(`drop owned by "${name}" cascade; drop role "${name}"`).simple();
      await admin.end({ timeout: 1 });
    },
  };
}

const allOfCore = coreSql.migrations.map(
  ({ version, name }) => `core ${String(version).padStart(4, "0")}_${name}`,
);

const notes: SqlBundle = {
  name: "notes",
  migrations: [
    { version: 1, name: "create_note", text: 'create table :"schema".note (text text);' },
  ],
  definitions: [
    `create or replace function :"schema".count_notes() returns bigint language sql
     as $$ select count(*) from :"schema".note $$;`,
  ],
};

describe("migrate", () => {
  test("makes what the committed snapshot says", async () => {
    await using subject = await setup();

    const { applied } = await migrate({ connection: subject.url });

    expect(applied).toEqual(allOfCore);
    const snapshot = await readSchemaSnapshot(subject.sql, "leasehold");
    // Written anew by: bun packages/core/test/update-schema-snapshot.ts
    expect(snapshot).toBe(await readFile(snapshotPath, "utf8"));
  });

  test("lets nobody but the owner execute a function or read a table", async () => {
    await using subject = await setup();

    await migrate({ connection: subject.url, bundles: [notes] });

    const open = await subject.sql`
      select p.proname as name from pg_proc as p where p.pronamespace = 'leasehold'::regnamespace
        and has_function_privilege('public', p.oid, 'execute')
      union all
      select c.relname from pg_class as c where c.relnamespace = 'leasehold'::regnamespace
        and has_table_privilege('public', c.oid, 'select, insert, update, delete')
      union all
      select n.nspname from pg_namespace as n where n.nspname = 'leasehold'
        and has_schema_privilege('public', n.oid, 'usage, create')`;
    expect([...open]).toEqual([]);
  });

  test("gives every function that runs as its owner a search_path of its own", async () => {
    await using subject = await setup();

    await migrate({ connection: subject.url });

    const open = await subject.sql`
      select proname from pg_proc where pronamespace = 'leasehold'::regnamespace and prosecdef
        and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)`;
    expect([...open]).toEqual([]);
  });

  test("does nothing the second time, and keeps what is there", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });
    await subject.sql`insert into leasehold.job_type (name) values ('essay')`;

    const { applied } = await migrate({ connection: subject.url });

    expect(applied).toEqual([]);
    expect(await subject.sql`select from leasehold.job_type`).toHaveLength(1);
  });

  test("is done once by many at once", async () => {
    await using subject = await setup();

    const reports = await Promise.all(
      Array.from({ length: 6 }, () => migrate({ connection: subject.url })),
    );

    expect(reports.flatMap(({ applied }) => applied)).toEqual(allOfCore);
  });

  test("applies bundles after core, and a new one to a schema that is there", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });

    const { applied } = await migrate({ connection: subject.url, bundles: [notes] });

    expect(applied).toEqual(["notes 0001_create_note"]);
    const [row] = await subject.sql`select leasehold.count_notes()::integer as count`;
    expect(row?.["count"]).toBe(0);
  });

  test("leaves nothing behind when a part of it fails", async () => {
    await using subject = await setup();
    const broken = { ...notes, definitions: ["select no_such_function();"] };

    const refused = await migrate({ connection: subject.url, bundles: [broken] }).catch(
      (error: unknown) => error,
    );

    expect(refused).toMatchObject({ code: "schema_outdated", scope: "config" });
    expect(await subject.sql`select from pg_namespace where nspname = 'leasehold'`).toHaveLength(0);
  });

  test("refuses a migration that is not the one the database was made with", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });
    await subject.sql`update leasehold.schema_migration set checksum = 'other'`;

    const refused = await migrate({ connection: subject.url }).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: "schema_outdated", scope: "config", retryable: false });
    expect(String(refused)).toContain("Migration 0001_create_leasehold of core is not the one");
  });

  test("refuses a schema that a newer version made, and leaves its functions alone", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });
    await subject.sql`
      insert into leasehold.schema_migration (bundle, version, name, checksum)
      values ('core', ${coreSql.migrations.length + 1}, 'from_the_future', '')`;
    await subject.sql`drop function leasehold.clock() cascade`;

    const refused = await migrate({ connection: subject.url }).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: "schema_outdated" });
    expect(String(refused)).toContain("a newer version made it");
    expect(await subject.sql`select from pg_proc where proname = 'clock'`).toHaveLength(0);
  });

  test.each([
    "my schema",
    'with "quotes"',
    "with 'single' ones",
    "Ünïcode",
    "a; drop schema x",
    "$1",
  ])("installs into a schema named %s", async (schema) => {
    await using subject = await setup();

    await migrate({ connection: subject.url, schema });
    await migrate({ connection: subject.url, schema });

    const snapshot = await readSchemaSnapshot(subject.sql, schema);
    expect(snapshot).toBe(await readFile(snapshotPath, "utf8"));
  });

  test("needs no more than a login that owns its database, and needs no superuser, ever", async () => {
    await using subject = await setup();
    const [login] = await subject.sql`
      select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user`;

    await migrate({ connection: subject.url });

    expect(login).toEqual({ rolsuper: false, rolcreaterole: false, rolcreatedb: false });
  });

  test("installs into an empty schema that was made for a login that may make none", async () => {
    await using subject = await setup();
    await using login = await setupLogin(subject);
    await login.admin.unsafe(`create schema leasehold authorization "${login.name}"`);
    const connection = subject.urlAs(login.name);

    const first = await migrate({ connection });
    const second = await migrate({ connection });

    expect(first.applied).toEqual(allOfCore);
    expect(second.applied).toEqual([]);
  });

  test("says that a login may not install, and what to do", async () => {
    await using subject = await setup();
    await using login = await setupLogin(subject);

    const refused = await migrate({ connection: subject.urlAs(login.name) }).catch(
      (error: unknown) => error,
    );

    expect(refused).toMatchObject({ code: "grant_missing", scope: "config" });
  });
});

/** A migration that needs a table for itself. */
const column: SqlBundle = {
  name: "column",
  migrations: [
    { version: 1, name: "add_column", text: 'alter table :"schema".job add column note text;' },
  ],
  definitions: [],
};

/** Somebody whose transaction has looked at jobs and is not over. */
async function setupHolder(
  subject: Subject,
): Promise<{ release(): Promise<void> } & AsyncDisposable> {
  const sql = connect(subject.url);
  await sql.unsafe("begin; select from leasehold.job").simple();
  return {
    release: async () => void (await sql.unsafe("commit")),
    [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
  };
}

/** Roles belong to the server, which outlives the test. */
function dropAfterwards(subject: Subject, roles: readonly string[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const admin = connect(subject.urlAs("postgres"));
      for (const role of roles) {
        await admin.unsafe(`drop owned by ${role} cascade; drop role ${role}`).simple();
      }
      await admin.end({ timeout: 1 });
    },
  };
}

/** Resolves when somebody wants a table for himself and has to wait. */
async function waitUntilWanted(sql: postgres.Sql): Promise<void> {
  const over = performance.now() + 20_000;
  for (;;) {
    const rows = await sql`
      select from pg_locks where not granted and mode = 'AccessExclusiveLock'
        and relation = 'leasehold.job'::regclass`;
    if (rows.length > 0) return;
    if (performance.now() > over) throw new Error("Nobody wants it.");
  }
}

describe("migrate beside somebody who holds a table", () => {
  test("lets the others pass, and goes on when he is done", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });
    await using holder = await setupHolder(subject);
    const other = connect(subject.url);
    const migrated = migrate({ connection: subject.url, bundles: [column] });
    await waitUntilWanted(subject.sql);

    const passed = await other`select count(*)::integer as count from leasehold.job`;
    await other.end();
    await holder.release();

    expect(passed).toMatchObject([{ count: 0 }]);
    expect((await migrated).applied).toEqual(["column 0001_add_column"]);
  });

  test("says in the end that somebody does, and has changed nothing", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });
    await using _ = await setupHolder(subject);

    const refused = await migrate({
      connection: subject.url,
      bundles: [column],
      patienceSeconds: 0,
    }).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: "database_unavailable", retryable: true });
    expect(String(refused)).toContain("end long transactions");
    expect(
      await subject.sql`select from leasehold.schema_migration where bundle = 'column'`,
    ).toHaveLength(0);
  });

  test("hands the schema over to its roles in the same way", async () => {
    await using subject = await setup();
    await migrate({ connection: subject.url });
    await using holder = await setupHolder(subject);
    // Another run of these tests may use the same server.
    const suffix = crypto.randomUUID().slice(0, 8);
    const names = {
      owner: `owner_${suffix}`,
      worker: `worker_${suffix}`,
      limited: `limited_${suffix}`,
    };
    await using _ = dropAfterwards(subject, Object.values(names));
    const connection = subject.urlAs("postgres");
    const handed = migrateRoles({ connection, ...names });
    await waitUntilWanted(subject.sql);

    await subject.sql`select from leasehold.job`;
    await holder.release();
    await handed;

    const [row] = await subject.sql`
      select tableowner from pg_tables where schemaname = 'leasehold' and tablename = 'job'`;
    expect(row).toEqual({ tableowner: names.owner });
  });
});

describe("printMigrations", () => {
  test("makes the same schema through any connection", async () => {
    await using subject = await setup();

    await subject.sql.unsafe(printMigrations({})).simple();

    const snapshot = await readSchemaSnapshot(subject.sql, "leasehold");
    expect(snapshot).toBe(await readFile(snapshotPath, "utf8"));
    expect((await migrate({ connection: subject.url })).applied).toEqual([]);
  });

  test("leaves out what was applied before", async () => {
    await using subject = await setup();
    await subject.sql.unsafe(printMigrations({ bundles: [notes] })).simple();

    const rest = printMigrations({}, coreSql.migrations.length);

    expect(rest).not.toContain('create table "leasehold".job ');
    await subject.sql.unsafe(rest).simple();
  });
});
