import { createHash } from "node:crypto";

import createSchema from "../../sql/migrate/create_schema.sql" with { type: "text" };
import prepareSchema from "../../sql/migrate/prepare_schema.sql" with { type: "text" };
import revokePublic from "../../sql/migrate/revoke_public.sql" with { type: "text" };
import createRoles from "../../sql/roles/create_roles.sql" with { type: "text" };
import { backoffMs } from "../backoff.ts";
import { toDatabaseError } from "../database/database-errors.ts";
import {
  type DatabaseConnection,
  isolation,
  openClient,
  quoteIdentifier,
} from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { systemRuntime, wait } from "../runtime.ts";
import { coreSql, type SqlBundle, type SqlMigration } from "./lease-sql.ts";

export interface MigrateOptions {
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** SQL of other packages, applied after core's. Default: none. */
  readonly bundles?: readonly SqlBundle[];
  /** How long to try again while others hold a lock that is needed, in seconds. Default: 60. */
  readonly patienceSeconds?: number;
}

export interface MigrateReport {
  /** Such as `core 0001_create_leasehold`; empty when there was nothing to do but to write the functions anew. */
  readonly applied: readonly string[];
}

/**
 * Brings a database to this version, in one transaction under one advisory lock: all of it or nothing.
 *
 * Any number of processes may call it at once, and workers may work meanwhile: it waits for no lock longer than a
 * second, since others would line up behind it, but gives up and tries again. Functions are written anew every time.
 *
 * @example
 * await migrate({ connection: "postgres://app@localhost/app" });
 */
export async function migrate(options: MigrateOptions): Promise<MigrateReport> {
  const schema = options.schema ?? defaultSchema;
  const bundles = [coreSql, ...(options.bundles ?? [])];
  const client = openClient(options.connection, {
    max: 1,
    connection: { application_name: "leasehold migrate" },
  });
  let applied: readonly string[] = [];
  try {
    await inShortLocks(client, options, async (sql) => {
      applied = await applyAll(sql, schema, bundles);
    });
    return { applied };
  } catch (error) {
    throw toDatabaseError(error, "migrate");
  } finally {
    await client.end({ timeout: 1 });
  }
}

async function applyAll(
  sql: Sql,
  schema: string,
  bundles: readonly SqlBundle[],
): Promise<readonly string[]> {
  await prepare(sql, schema);
  const known = await readApplied(sql, schema);
  const applied: string[] = [];
  const pending = bundles.map((bundle) => ({ bundle, migrations: findPending(bundle, known) }));
  if (pending.some(({ migrations }) => migrations.length > 0)) await lockAll(sql, schema);
  for (const { bundle, migrations } of pending) {
    for (const migration of migrations) {
      await sql.unsafe(renderSql(migration.text, schema)).simple();
      await sql.unsafe(recordText(schema, bundle, migration)).simple();
      applied.push(`${bundle.name} ${titleOf(migration)}`);
    }
    await sql.unsafe(renderSql(bundle.definitions.join("\n"), schema)).simple();
  }
  await sql.unsafe(renderSql(revokePublic, schema)).simple();
  return applied;
}

/** Names of the roles that `migrateRoles` makes. */
export interface RoleNames {
  /** Owns everything and never logs in. Default: `leasehold_owner`. */
  readonly owner?: string;
  /** Leases jobs. Default: `leasehold_worker`. */
  readonly worker?: string;
  /** Asks after jobs. Default: `leasehold_limited`. */
  readonly limited?: string;
}

/**
 * Makes the roles and hands the schema over to them. Once, by an administrator, after `migrate`.
 *
 * The worker's login has no password and no table rights: set the first yourself, out of band.
 */
export async function migrateRoles(options: MigrateOptions & RoleNames): Promise<void> {
  const schema = options.schema ?? defaultSchema;
  const bundles = [coreSql, ...(options.bundles ?? [])];
  const names = {
    owner: options.owner ?? "leasehold_owner",
    worker: options.worker ?? "leasehold_worker",
    limited: options.limited ?? "leasehold_limited",
  };
  const grants = bundles.map((bundle) => bundle.grants ?? "").join("\n");
  const client = openClient(options.connection, {
    max: 1,
    connection: { application_name: "leasehold migrate" },
  });
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        await client.unsafe(renderRoles(createRoles, schema, names)).simple();
        break;
      } catch (error) {
        // Roles belong to the cluster, and two databases may be changing the same ones: "tuple concurrently updated".
        if (tries === roleTriesMax || !isCollision(error)) throw error;
      }
    }
    await inShortLocks(client, options, async (sql) => {
      await lockAll(sql, schema);
      await sql.unsafe(renderRoles(grants, schema, names)).simple();
    });
  } catch (error) {
    throw toDatabaseError(error, "migrate --roles");
  } finally {
    await client.end({ timeout: 1 });
  }
}

/** Who waits for a lock has everybody behind him who comes for the same table. */
const shortLocks = "set local lock_timeout = '1s'";
const patienceSecondsDefault = 60;
const never = new AbortController().signal;
const betweenTries = { minMs: 100, maxMs: 2_000 };

/** One transaction at a time per schema, tried again for as long as somebody else holds a lock that it needs. */
async function inShortLocks(
  client: ReturnType<typeof openClient>,
  { schema = defaultSchema, patienceSeconds = patienceSecondsDefault }: MigrateOptions,
  body: (sql: Sql) => Promise<void>,
): Promise<void> {
  const over = systemRuntime.now() + patienceSeconds * 1_000;
  for (let tries = 1; ; tries += 1) {
    try {
      await client.begin(isolation, async (sql) => {
        // Nobody but another migrator waits for this one, so it may take as long as that one takes.
        await sql`select pg_advisory_xact_lock(hashtextextended(${"leasehold " + schema}, 0))`;
        await sql.unsafe(shortLocks);
        await body(sql);
      });
      return;
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (systemRuntime.now() > over) throw lockedOut(tries, error);
      await wait(systemRuntime, backoffMs(systemRuntime, tries, betweenTries), never);
    }
  }
}

/**
 * Takes everything there is at once, and soon or not at all: who has one table for himself while he waits for another
 * has the workers wait for both, and may be what one of them waits for.
 */
async function lockAll(sql: Sql, schema: string): Promise<void> {
  const [row] = await sql<{ names: string | null }[]>`
    select string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by c.relname) as names
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relkind = 'r'`;
  const names = row?.names ?? null;
  if (names === null) return;
  await sql.unsafe("set local lock_timeout = '300ms'");
  await sql.unsafe(`lock table ${names} in access exclusive mode`);
  await sql.unsafe(shortLocks);
}

function isLocked(error: unknown): boolean {
  const { adapterCode } = toDatabaseError(error, "migrate");
  return adapterCode === "sqlstate_55p03" || adapterCode === "sqlstate_40p01";
}

function lockedOut(tries: number, cause: unknown): WorkerError {
  const message =
    `Tried ${tries} times, and each time some transaction held a table of the schema for longer than a second. ` +
    "Nothing was changed: end long transactions, and migrate again.";
  return new WorkerError("database_unavailable", message, {
    scope: "backend",
    retryable: true,
    cause,
  });
}

const roleTriesMax = 20;

function isCollision(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    (error.code === "XX000" || error.code === "23505")
  );
}

function renderRoles(text: string, schema: string, names: Required<RoleNames>): string {
  let rendered = renderSql(text, schema);
  for (const [role, name] of Object.entries(names)) {
    rendered = rendered.replaceAll(`:"${role}"`, () => quoteIdentifier(name));
  }
  return rendered;
}

/** The same as one script, for people with a migrator of their own. Begins after version `from` of core. */
export function printMigrations(options: Omit<MigrateOptions, "connection">, from = 0): string {
  const schema = options.schema ?? defaultSchema;
  const parts = [createSchema, prepareSchema];
  for (const bundle of [coreSql, ...(options.bundles ?? [])]) {
    for (const migration of bundle.migrations) {
      if (bundle.name === coreSql.name && migration.version <= from) continue;
      parts.push(migration.text, recordText(schema, bundle, migration));
    }
    parts.push(...bundle.definitions);
  }
  parts.push(revokePublic);
  return `begin ${isolation};\n${shortLocks};\n${renderSql(parts.join("\n"), schema)}commit;\n`;
}

export const defaultSchema = "leasehold";

/** Puts the schema's name, quoted, where the text says `:"schema"`. Nothing else is ever spliced into SQL. */
export function renderSql(text: string, schema: string): string {
  return text.replaceAll(':"schema"', () => quoteIdentifier(schema));
}

type Sql = Parameters<Parameters<ReturnType<typeof openClient>["begin"]>[1]>[0];

async function prepare(sql: Sql, schema: string): Promise<void> {
  const [owner] = await sql<{ name: string; is_mine: boolean }[]>`
    select nspowner::regrole::text as name, nspowner = current_user::regrole as is_mine
    from pg_namespace where nspname = ${schema}`;
  if (owner === undefined) {
    await sql.unsafe(renderSql(createSchema, schema)).simple();
  } else if (!owner.is_mine) {
    // What this login creates must belong to the owner as everything else does.
    await sql.unsafe(`set local role ${owner.name}`).simple();
  }
  await sql.unsafe(renderSql(prepareSchema, schema)).simple();
}

async function readApplied(sql: Sql, schema: string): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.unsafe<{ bundle: string; version: number; checksum: string }[]>(
    renderSql('select bundle, version, checksum from :"schema".schema_migration', schema),
  );
  return new Map(rows.map((row) => [`${row.bundle} ${row.version}`, row.checksum]));
}

function findPending(
  bundle: SqlBundle,
  known: ReadonlyMap<string, string>,
): readonly SqlMigration[] {
  const applied = [...known.keys()].filter((key) => key.startsWith(`${bundle.name} `)).length;
  if (applied > bundle.migrations.length) {
    // Our functions are older than its tables: they must not be written over the ones that fit.
    const message =
      `The schema has ${applied} migrations of ${bundle.name}, and this version knows ${bundle.migrations.length}: ` +
      "a newer version made it. Update this one.";
    throw new WorkerError("schema_outdated", message, { scope: "config" });
  }
  return bundle.migrations.filter((migration) => {
    const checksum = known.get(`${bundle.name} ${migration.version}`);
    if (checksum === undefined) return true;
    if (checksum === checksumOf(migration)) return false;
    const message =
      `Migration ${titleOf(migration)} of ${bundle.name} is not the one that this database was made with. ` +
      "Before the first release tables may change in place: start with an empty database or data folder.";
    throw new WorkerError("schema_outdated", message, { scope: "config" });
  });
}

function recordText(schema: string, bundle: SqlBundle, migration: SqlMigration): string {
  // All values are constants of ours; none holds a quote.
  const values = [bundle.name, migration.version, migration.name, checksumOf(migration)];
  return renderSql(
    `insert into :"schema".schema_migration (bundle, version, name, checksum) values ('${values.join("', '")}');\n`,
    schema,
  );
}

function checksumOf(migration: SqlMigration): string {
  return createHash("sha256").update(migration.text).digest("hex");
}

function titleOf(migration: SqlMigration): string {
  return `${String(migration.version).padStart(4, "0")}_${migration.name}`;
}
