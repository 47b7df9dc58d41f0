import { createTestDatabase, type TestDatabase } from "@leasehold/core/testing";

import { neighbourLogin, surrounding } from "./surrounding.ts";

/** Schemas of one database, for tests that follow each other. */
export interface SchemaShelf {
  /** An empty schema of the caller's own, until it is disposed. */
  take(): Promise<TestDatabase>;
  /** Drops all that were given back. */
  clear(): Promise<void>;
}

/** A schema, and what it was like when it was new. */
interface KnownSchema extends SchemaState {
  readonly database: TestDatabase;
  /** The rows that its migrations wrote, by table. */
  readonly seeds: ReadonlyMap<string, string>;
}

interface SchemaState {
  /** All that is in it but its rows. */
  readonly shape: string;
  /** Its functions, relations and triggers. */
  readonly members: string;
  /** The tables that had rows since they were new or emptied. */
  readonly filled: readonly string[];
}

/**
 * Hands schemas out again, since making one takes longer than most tests do.
 *
 * Only what can be made as new comes back: what a test made in it is dropped, and its rows are replaced by those that it
 * had. A schema in which anything else was changed is dropped, and all are while somebody else is in the database.
 */
export function createSchemaShelf(connection: string): SchemaShelf {
  const clean: KnownSchema[] = [];
  const used: KnownSchema[] = [];
  let handedOut = 0;

  const restoreUsed = async (): Promise<void> => {
    const [one] = used;
    // Whoever has another one may be at work in any of them, for all that can be seen.
    if (one === undefined || handedOut > 0) return;
    const isQuiet = await waitForQuiet(one.database);
    for (const known of used.splice(0)) {
      if (isQuiet && (await restore(known))) clean.push(known);
      else await known.database[Symbol.asyncDispose]();
    }
  };
  const handOut = (known: KnownSchema): TestDatabase => {
    let isBack = false;
    handedOut += 1;
    return {
      ...known.database,
      [Symbol.asyncDispose]() {
        if (!isBack) {
          isBack = true;
          handedOut -= 1;
          used.push(known);
        }
        return Promise.resolve();
      },
    };
  };
  return {
    async take() {
      await restoreUsed();
      return handOut(clean.pop() ?? (await makeSchema(connection)));
    },
    async clear() {
      for (const { database } of [...clean.splice(0), ...used.splice(0)]) {
        await database[Symbol.asyncDispose]();
      }
    },
  };
}

async function makeSchema(connection: string): Promise<KnownSchema> {
  const database = await createTestDatabase({ connection });
  const state = await inspect(database);
  const seeds = new Map<string, string>();
  for (const table of state.filled) {
    const [row] = await database.query(`select json_agg(t)::text as rows from ${table} as t`);
    seeds.set(table, String(row?.["rows"]));
  }
  return { database, ...state, seeds };
}

/** Makes a schema as new and answers true, or answers false when that cannot be done. */
async function restore({ database, shape, members, seeds }: KnownSchema): Promise<boolean> {
  const [added] = await database.query(listAdded, [database.schema, members]);
  await database.query(asBlock(added?.["drops"] as readonly string[]));
  const state = await inspect(database);
  if (state.shape !== shape) return false;
  const tables = [...new Set([...state.filled, ...seeds.keys()])].join(", ");
  const inserts = Array.from(
    seeds,
    ([table, rows]) =>
      `insert into ${table} overriding system value
         select * from json_populate_recordset(null::${table}, $rows$${rows}$rows$)`,
  );
  await database.query(asBlock([`truncate ${tables} restart identity cascade`, ...inserts]));
  return true;
}

/** In one call. */
function asBlock(statements: readonly string[]): string {
  return `do $block$ begin ${statements.map((statement) => `${statement};`).join("\n")} end $block$`;
}

async function inspect(database: TestDatabase): Promise<SchemaState> {
  const [row] = await database.query(inspection, [database.schema]);
  return row as unknown as SchemaState;
}

const quietMs = 1_000;

/** Connections that were closed are still there for a moment. */
async function waitForQuiet(database: TestDatabase): Promise<boolean> {
  const over = performance.now() + quietMs;
  for (;;) {
    const [row] = await database.query(countOthers);
    if (row?.["others"] === 0) return true;
    if (performance.now() > over) return false;
    await Bun.sleep(2);
  }
}

/** A neighbour in another schema is nobody's rival; and what a pooler keeps open is nobody's while it is idle. */
const countOthers = `
  select count(*)::integer as others from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
    and application_name <> 'leasehold testing' and usename <> '${neighbourLogin}'
    ${surrounding.poolerFolder === undefined ? "" : "and state <> 'idle'"}`;

const listAdded = `
  select array(
    select format('drop trigger if exists %I on %s', t.tgname, c.oid::regclass)
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = $1 and not t.tgisinternal and t.oid <> all ($2::oid[])
    union all
    select format('drop routine if exists %s cascade', f.oid::regprocedure)
    from pg_proc as f join pg_namespace as n on n.oid = f.pronamespace
    where n.nspname = $1 and f.oid <> all ($2::oid[])
    union all
    select format('drop %s if exists %s cascade', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass)
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relkind in ('r', 'v') and c.oid <> all ($2::oid[])
  ) as drops`;

/**
 * Rows of the catalogue are told apart by the transaction that wrote them; but TRUNCATE writes those of a table and of its
 * indexes, too. Statistics count, since plans depend on them.
 */
const inspection = `
  with place as (
    select oid, nspname, nspowner, nspacl from pg_namespace where nspname = $1
  ), relation as (
    select c.* from pg_class as c join place as p on p.oid = c.relnamespace
  ), routine as (
    select f.oid, f.xmin from pg_proc as f join place as p on p.oid = f.pronamespace
  ), trigger as (
    select t.oid, t.xmin from pg_trigger as t join relation as r on r.oid = t.tgrelid
  ), piece (text) as (
    select format('schema %s %s', nspowner, nspacl) from place
    union all
    select format('relation %s', (relname, relkind, relowner, reltype, relam, reltablespace, relpersistence, relnatts,
      relchecks, relrowsecurity, relforcerowsecurity, relreplident, relispartition,
      relacl, reloptions)) from relation
    union all
    select format('column %s %s %s', a.attrelid, a.attnum, a.xmin)
    from pg_attribute as a join relation as r on r.oid = a.attrelid
    union all
    select format('index %s %s %s', i.indexrelid, i.indisvalid, i.indisready)
    from pg_index as i join relation as r on r.oid = i.indexrelid
    union all
    select format('routine %s %s', oid, xmin) from routine
    union all
    select format('type %s %s', t.oid, t.xmin) from pg_type as t join place as p on p.oid = t.typnamespace
    union all
    select format('constraint %s %s', k.oid, k.xmin) from pg_constraint as k join place as p on p.oid = k.connamespace
    union all
    select format('trigger %s %s', oid, xmin) from trigger
    union all
    select format('rule %s %s', w.oid, w.xmin) from pg_rewrite as w join relation as r on r.oid = w.ev_class
    union all
    select format('statistics %s %s', s.tablename, s.attname) from pg_stats as s join place as p on p.nspname = s.schemaname
  )
  select
    (select md5(string_agg(text, ',' order by text)) from piece) as shape,
    array(select oid from routine union all select oid from relation union all select oid from trigger)::text as members,
    array(select oid::regclass::text from relation where relkind = 'r' and pg_relation_size(oid) > 0) as filled`;
