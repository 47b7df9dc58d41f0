import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import postgres from "postgres";

import { useDatabase } from "./support/server.ts";

const server = useDatabase();

test("the program of the README runs as it stands, and so do its statements", async () => {
  const { url } = await server();
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  const [, program = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const [, statements = ""] = /```sql\n([\s\S]*?)```/.exec(readme) ?? [];
  const text = program.replace("postgres://app@localhost/app", url);

  const child = Bun.spawn([process.execPath, "--eval", text], {
    cwd: import.meta.dirname,
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  const errors = await new Response(child.stderr).text();
  const sql = postgres(url, { max: 1 });
  const answers = await sql.unsafe(statements).simple();
  await sql.end();

  expect(errors).toBe("");
  expect(output).toContain('name: "digest"');
  expect(await child.exited).toBe(0);
  expect(answers).toMatchObject([
    [{ enqueue_cron_tasks: 0 }],
    [{ schedule: "digest", warning: null }],
    [{ pause_schedule: "ok" }],
  ]);
  expect(program.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
});
