import { join } from "node:path";

import type postgres from "postgres";

/** The committed text; `bun packages/core/test/update-schema-snapshot.ts` writes it anew. */
export const snapshotPath: string = join(import.meta.dirname, "../schema.snapshot.txt");

/** Everything a schema consists of, in words that do not depend on its name, its owner or the server's version. */
export async function readSchemaSnapshot(sql: postgres.Sql, schema: string): Promise<string> {
  const lines: string[] = [];
  await sql.begin(async (transaction) => {
    // Without one, Postgres writes every name in full, also of a schema that is called like the login.
    await transaction`set local search_path = ''`;
    for (const text of [relations, functions]) {
      const rows = await transaction.unsafe<{ line: string }[]>(text, [schema]);
      lines.push(...rows.map(({ line }) => line));
    }
  });
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const text = lines.join("\n").replaceAll(quoted, "leasehold").replaceAll(schema, "leasehold");
  return `${header}\n${text}\n`;
}

const header = `# What migrate makes of an empty schema: tables with columns, constraints and indexes; views; functions.
# Written by: bun packages/core/test/update-schema-snapshot.ts
# A change here is a change of the API or of the layout: it belongs into the changelog.
`;

const relations = `
with relation as (
  select c.oid, c.relname as name, c.relkind as kind, c.reloptions as options, c.relacl as acl, c.relowner as owner
  from pg_class as c where c.relnamespace = (select oid from pg_namespace where nspname = $1)
    and c.relkind in ('r', 'v')
), line (relation, place, line) as (
  select r.name, '0', format(E'\\n%s %s%s', case r.kind when 'r' then 'table' else 'view' end, r.name,
    coalesce(' with (' || array_to_string(r.options, ', ') || ')', ''))
  from relation as r
  union all
  select r.name, format('1 %s', lpad(a.attnum::text, 4, '0')), format('  %s %s%s%s', a.attname,
    format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end,
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid),
      case when a.attidentity <> '' then ' generated as identity' else '' end))
  from relation as r join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef as d on d.adrelid = r.oid and d.adnum = a.attnum
  union all
  -- Since version 18 a "not null" is a constraint, too; the columns show it.
  select r.name, format('2 %s', c.conname), format('  constraint %s %s', c.conname, pg_get_constraintdef(c.oid))
  from relation as r join pg_constraint as c on c.conrelid = r.oid and c.contype <> 'n'
  union all
  select r.name, format('3 %s', i.indexrelid::regclass), format('  %s', pg_get_indexdef(i.indexrelid))
  from relation as r join pg_index as i on i.indrelid = r.oid
  union all
  select r.name, format('4 %s', t.tgname), format('  %s', pg_get_triggerdef(t.oid))
  from relation as r join pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
  union all
  select r.name, format('5 %s', a.grantee::text), format('  granted to %s: %s',
    case a.grantee when 0 then 'public' else a.grantee::regrole::text end, a.privilege_type)
  from relation as r cross join lateral aclexplode(r.acl) as a where a.grantee <> r.owner
)
select line from line order by relation collate "C", place collate "C"`;

const functions = `
select format(E'\\nfunction %s(%s)\\n  returns %s\\n  %s%s%s%s', p.proname, pg_get_function_arguments(p.oid),
  pg_get_function_result(p.oid), l.lanname,
  case p.provolatile when 'i' then ' immutable' when 's' then ' stable' else ' volatile' end,
  case when p.prosecdef then ' security definer' else '' end,
  coalesce(E'\\n  set ' || array_to_string(p.proconfig, ', '), '')) ||
  coalesce((
    select string_agg(format(E'\\n  executable by %s', case a.grantee when 0 then 'public'
      else a.grantee::regrole::text end), '' order by a.grantee)
    from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee <> p.proowner
  ), '') as line
from pg_proc as p join pg_language as l on l.oid = p.prolang
where p.pronamespace = (select oid from pg_namespace where nspname = $1)
order by p.proname collate "C", pg_get_function_identity_arguments(p.oid) collate "C"`;
