import {
  at,
  eachFile,
  eachSource,
  findAll,
  type Finding,
  findLiterals,
  type Rule,
} from "./rule.ts";
import { listImports } from "./source-text.ts";

const functionLinesMax = 100;
const fileLinesMax = 400;
const sqlFiles = /^packages\/[^/]+\/sql\/.*\.sql$/;
const migrations = /\/migrations\//;

/** A statement, wherever in a literal it begins: after line breaks, comments or another statement. */
const statement = new RegExp(
  String.raw`(?:^|;)(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*(?:${[
    String.raw`select\s+(?:distinct\b|all\b|\*|\d|'|\$|[\w".:$\{\}]+\s*\(|[\s\S]*?\bfrom\b)`,
    String.raw`insert\s+into\b`,
    String.raw`update\s+(?:only\s+)?[\w".:$\{\}]+(?:\s+(?:as\s+)?\w+)?\s+set\b`,
    String.raw`delete\s+from\b`,
    String.raw`merge\s+into\b`,
    String.raw`with\s+(?:recursive\s+)?[\w"]+\s*(?:\([^)]*\)\s*)?as\s*(?:(?:not\s+)?materialized\s*)?\(`,
    String.raw`(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:temporary\s+|temp\s+|unlogged\s+|unique\s+|materialized\s+)*(?:table|index|function|procedure|view|schema|role|user|type|trigger|sequence|database|extension|policy|domain)\b`,
    String.raw`(?:grant|revoke)\s+[\s\S]*?\bon\b`,
    String.raw`truncate\s+(?:table\s+)?["\w.:$\{\}]+\s*(?:;|$|,|cascade|restart)`,
    String.raw`lock\s+table\b`,
    String.raw`set\s+(?:local|session)\s+\w`,
    String.raw`(?:begin|commit|rollback)\s*;`,
  ].join("|")})`,
  "i",
);
/** Calls one function of the schema with parameters. Stores do nothing else. */
const functionCall =
  /^\s*select\s+(?:\*\s+from\s+)?[\w".:${}]+\s*\((?:(?!\bselect\b)[^;])*\)(?:\s+as\s+\w+)?\s*;?\s*$/i;

/** The database is the API: what TypeScript knows of SQL is how to call it. */
export const sqlRules: readonly Rule[] = [
  {
    name: "SQL lives in .sql files, and stores call it",
    check: eachSource({
      files: /^(?:packages|apps)\/[^/]+\/src\/.*\.tsx?$/,
      // The migrator keeps the list of what was applied; the other one minds a server, not our tables.
      except: /\/src\/schema\/migrate\.ts$|^packages\/embedded-postgres\//,
      find: ({ literals }, path) =>
        findLiterals(literals, (text) => {
          const mayCall = /(?:-store|\/database)\.ts$/.test(path);
          return statement.test(text) && !(mayCall && functionCall.test(text));
        }),
    }),
    planted: [
      ...at(
        "packages/core/src/worker/claim-loop.ts",
        'sql.unsafe("select * from job");',
        "sql`select 1`;",
        "sql`\n  select id\n  from job\n`;",
        "sql`\n    -- The oldest first.\n    select id\n    from job\n`;",
        "const text = `\n\n  update ${schema}.job\n  set state = 'leased'\n`;",
        "const text = `\nupdate :\"schema\".job as j set state = 'leased'`;",
        "const text = 'DELETE FROM job';",
        'const text = "insert into job (id) values ($1)";',
        "const text = `\n  with due as materialized (\n    select 1\n  ) select * from due`;",
        'const text = "create table job (id bigint)";',
        "const text = `create or replace function ${name}() returns void`;",
        'const text = "set local role worker";',
        "const text = `begin;\n${body}\ncommit;`;",
        'const text = `select ${columns.map((column) => `"${column}"`).join()} from job`;',
        "const text = `${head}; drop table job`;",
        "sql`select ${schema}.claim_jobs(${limit})`;",
      ),
      ...at(
        "packages/core/src/store/job-store.ts",
        "sql`\n  select id\n  from job\n  where id = ${id}\n`;",
        'const text = "update job set state = $1";',
        'const text = "select count(*) from job";',
        'const text = "select exists (select 1 from job)";',
        'const text = "select claim_jobs($1); delete from job";',
      ),
      ...at("apps/worker/src/main.ts", "await sql`select 1`;"),
    ],
    clean: [
      ...at(
        "packages/core/src/worker/claim-loop.ts",
        "// select * from job",
        'const message = "Select a model, then update the configuration.";',
        'const message = "Updates are not set";',
        'const message = "with a lease as (it) was";',
        'const message = "begin, and the worker will commit";',
        'const message = "delete it, from the console";',
        "const message = `create ${kind} first`;",
      ),
      ...at(
        "packages/core/src/store/job-store.ts",
        'const text = "select claim_jobs($1, $2)";',
        "const text = `select * from ${schema}.${name}(${places})`;",
      ),
      ...at("packages/core/src/schema/migrate.ts", "sql`select pg_advisory_xact_lock(1)`;"),
      ...at("packages/core/test/claim.test.ts", "sql`select * from job`;"),
    ],
  },
  {
    name: "only stores, the migrator and lists of SQL import SQL",
    check: eachSource({
      files: /^(?:packages|apps)\/[^/]+\/src\/.*\.tsx?$/,
      except: /(?:-store|-sql|\/migrate)\.ts$/,
      find: (source) => findLiterals(listImports(source), (path) => path.endsWith(".sql")),
    }),
    planted: at(
      "packages/core/src/worker/claim-loop.ts",
      'import claimJobs from "../sql/leasing/claim_jobs.sql" with { type: "text" };',
      'const { default: text } = await import("./claim_jobs.sql", { with: { type: "text" } });',
    ),
    clean: [
      ...at(
        "packages/core/src/schema/lease-sql.ts",
        'import claimJobs from "../sql/leasing/claim_jobs.sql" with { type: "text" };',
      ),
      ...at(
        "packages/core/src/store/limits-store.ts",
        'import text from "./take_slot.sql" with { type: "text" };',
      ),
      ...at("packages/core/src/worker/claim-loop.ts", 'const name = "claim_jobs.sql";'),
      ...at(
        "packages/core/test/a.test.ts",
        'import text from "../sql/a.sql" with { type: "text" };',
      ),
    ],
  },
  {
    name: "a SQL function has a file of its own, and bears its name",
    check: eachFile({
      files: sqlFiles,
      except: migrations,
      find: (text, path) => {
        const [first, ...others] = findFunctions(text);
        const name = path.replace(/^.*\/|\.sql$/g, "");
        return first === undefined || first.text.endsWith(`.${name}`) ? others : [first, ...others];
      },
    }),
    planted: at(
      "packages/core/sql/leasing/claim_jobs.sql",
      `create or replace function :"schema".claim_job() returns int`,
      `create function :"schema".claim_jobs() returns int;\ncreate function :"schema".b() returns int;`,
      `create function :"schema".claim_jobs() returns int;\ncreate procedure :"schema".claim_jobs();`,
    ),
    clean: [
      ...at(
        "packages/core/sql/leasing/claim_jobs.sql",
        `create or replace function :"schema".claim_jobs(p_limit int) returns int`,
        `-- create function :"schema".other()\ncreate function :"schema".claim_jobs() returns int`,
      ),
      ...at("packages/core/sql/jobs/queue_health.sql", `create view :"schema".queue as select 1`),
      ...at(
        "packages/core/sql/migrations/0001_create_leasehold.sql",
        `create function :"schema".a() returns int;\ncreate function :"schema".b() returns int;`,
      ),
    ],
  },
  {
    name: "a SQL function fits on a page or two, and any other SQL on a few",
    check: eachFile({
      files: sqlFiles,
      find: (text, path) => {
        const isFunction = !migrations.test(path) && findFunctions(text).length > 0;
        const lines = text.trimEnd().split("\n").length;
        const tooLong = lines > (isFunction ? functionLinesMax : fileLinesMax);
        return tooLong ? [{ text: `${lines} lines`, index: 0 }] : [];
      },
    }),
    planted: [
      ...at("packages/core/sql/jobs/a.sql", `create function :"schema".a()${"\n--".repeat(100)}`),
      ...at(
        "packages/core/sql/migrations/0001_a.sql",
        `create table a (id int)${"\n--".repeat(400)}`,
      ),
    ],
    clean: [
      ...at("packages/core/sql/jobs/a.sql", `create function :"schema".a()${"\n--".repeat(99)}\n`),
      ...at(
        "packages/core/sql/migrations/0001_a.sql",
        `create table a (id int)${"\n--".repeat(399)}`,
      ),
    ],
  },
  {
    // What is turned off and used all the same counts as dear beyond all bounds, and what is dear is compiled.
    name: "a SQL function that turns plans off turns the compiler off",
    check: eachFile({
      files: sqlFiles,
      find: (text) =>
        /\bset\s+jit\s*=\s*off\b/.test(text)
          ? []
          : findAll(/\bset\s+enable_\w+\s*=\s*off\b/g, text),
    }),
    planted: at(
      "packages/core/sql/leasing/claim_jobs.sql",
      `create function :"schema".f() returns int language sql set enable_seqscan = off as $$ select 1 $$`,
    ),
    clean: at(
      "packages/core/sql/leasing/claim_jobs.sql",
      `create function :"schema".f() returns int language sql\nset enable_seqscan = off set jit = off as $$ select 1 $$`,
      `create function :"schema".f() returns int language sql as $$ select 1 $$`,
    ),
  },
  {
    name: "SQL is written in lower case",
    check: eachFile({
      files: sqlFiles,
      find: (text) =>
        findAll(
          /\b\w*[A-Z]\w*\b/g,
          blankSql(text, /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"/g),
        ),
    }),
    planted: at(
      "packages/core/sql/leasing/claim_jobs.sql",
      "SELECT 1",
      "select id From job",
      "create function f() returns int as $$ BEGIN return 1; end $$",
      "select jobId from job",
      "select 'it''s' AS text",
    ),
    clean: at(
      "packages/core/sql/leasing/claim_jobs.sql",
      "-- Answers OK.\nselect 1 /* NOT A KEYWORD */",
      "select 'OK', 'it''s NOT', \"Mixed\" from job",
      "create function f() returns int as $$ begin return 1; end $$",
    ),
  },
];

function findFunctions(text: string): readonly Finding[] {
  return findAll(
    /\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\s+[^\s(]+/gi,
    blankSql(text, /--[^\n]*|\/\*[\s\S]*?\*\//g),
  );
}

function blankSql(text: string, pattern: RegExp): string {
  return text.replace(pattern, (found) => found.replace(/[^\n]/g, " "));
}
