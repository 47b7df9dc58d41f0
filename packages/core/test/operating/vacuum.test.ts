import { expect, test } from "bun:test";

import { setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();

test("every table with a row per job is vacuumed after a fiftieth of it has changed", async () => {
  await using queue = await setupQueue(await server());

  const rows = await queue.query(
    `select c.relname as name, coalesce(c.reloptions, '{}')::text as options from pg_class as c
     where c.relnamespace = $1::regnamespace and c.relkind = 'r' and c.relname <> 'prune_mark' and (
       c.relname = 'job'
       or exists (select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'job_id')
     )`,
    `"${queue.schema}"`,
  );

  expect(rows.length).toBeGreaterThan(7);
  const lax = rows.filter(({ options }) => {
    const [, scale] = /vacuum_scale_factor=([\d.]+)/.exec(String(options)) ?? [];
    return scale === undefined || Number(scale) > 0.02;
  });
  expect(lax).toEqual([]);
});
