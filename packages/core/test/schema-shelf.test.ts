import { expect, test } from "bun:test";

import type { TestDatabase } from "@leasehold/core/testing";
import postgres from "postgres";

import { createSchemaShelf, type SchemaShelf } from "./support/schema-shelf.ts";
import { useServer } from "./support/server.ts";

const server = useServer();

interface Setup extends AsyncDisposable {
  readonly url: string;
  readonly shelf: SchemaShelf;
  /** Changes a schema, and tells which one is handed out next. */
  nextAfter(change: string): Promise<"the same" | "another">;
}

async function setup(): Promise<Setup> {
  const { url } = await server();
  const shelf = createSchemaShelf(url);
  return {
    url,
    shelf,
    async nextAfter(change) {
      await using used = await shelf.take();
      await used.query(change);
      await used[Symbol.asyncDispose]();
      await using next = await shelf.take();
      return next.schema === used.schema ? "the same" : "another";
    },
    [Symbol.asyncDispose]: () => shelf.clear(),
  };
}

const enqueue = `select * from :"schema".enqueue_jobs('[{"type":"essay","version":1,"phase":"draft","payload":{}}]')`;

/** All tables with what is in them, but for the moments of migrations. */
async function contentOf(database: TestDatabase): Promise<unknown> {
  const tables = await database.query(
    `select c.oid::regclass::text as name from pg_class as c
     where c.relnamespace = to_regnamespace($1) and c.relkind = 'r' order by 1`,
    [`"${database.schema}"`],
  );
  const contents = [];
  for (const { name } of tables) {
    contents.push([
      name,
      await database.query(`select to_jsonb(t) as row from ${String(name)} as t order by 1`),
    ]);
  }
  return contents;
}

test("hands a schema out again as it was when it was new", async () => {
  await using bench = await setup();
  await using first = await bench.shelf.take();
  const before = await contentOf(first);
  await first.query(enqueue);
  await first.advance(60_000);
  await first[Symbol.asyncDispose]();

  await using second = await bench.shelf.take();
  const after = await contentOf(second);
  await second.query(enqueue);

  expect(second.schema).toBe(first.schema);
  expect(after).toEqual(before);
  expect(await second.query('select id::integer from :"schema".job')).toEqual([{ id: 1 }]);
});

test("drops what was made in it", async () => {
  await using bench = await setup();

  const next = await bench.nextAfter(
    `do $do$ begin
       create table :"schema".note (id integer generated always as identity, job_id bigint);
       create view :"schema".last_note as select * from :"schema".note;
       create function :"schema".tell() returns trigger language plpgsql as $$ begin return null; end $$;
       create trigger tell after insert on :"schema".job for each statement execute function :"schema".tell();
       insert into :"schema".note (job_id) values (1);
     end $do$`,
  );

  await using database = await bench.shelf.take();
  expect(next).toBe("the same");
  expect(
    await database.query(
      `select to_regclass('":schema".note') as note, to_regproc('":schema".tell') as tell`.replaceAll(
        '":schema"',
        `"${database.schema}"`,
      ),
    ),
  ).toEqual([{ note: null, tell: null }]);
});

test.each([
  [
    "a function",
    `create or replace function :"schema".hint_workers() returns void language sql as ''`,
  ],
  ["a column", 'alter table :"schema".job add column colour text'],
  ["a right", 'grant usage on schema :"schema" to public'],
  ["what the planner knows", 'analyze :"schema".schema_migration'],
])("makes another where %s was changed", async (_, change) => {
  await using bench = await setup();

  expect(await bench.nextAfter(change)).toBe("another");
});

test("hands nobody what somebody else has or may still be at work in", async () => {
  await using bench = await setup();
  const { shelf } = bench;
  await using one = await shelf.take();
  await using two = await shelf.take();
  await two[Symbol.asyncDispose]();
  await using three = await shelf.take();
  for (const database of [one, three]) await database[Symbol.asyncDispose]();
  const stranger = postgres(bench.url, { max: 1 });
  await stranger`select 1`;

  await using four = await shelf.take();
  await stranger.end();

  const names = [one, two, three, four].map(({ schema }) => schema);
  expect(new Set(names).size).toBe(4);
});
