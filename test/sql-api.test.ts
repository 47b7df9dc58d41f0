import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { migrate } from "@leasehold/core";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import postgres from "postgres";

import { runCommand } from "../scripts/run-command.ts";
import { mayBeMissing } from "./support/may-be-missing.ts";

setDefaultTimeout(120_000);

const psql = Bun.which("psql");
const isPsqlMissing = psql === null && mayBeMissing;

const markdown = await readFile(join(import.meta.dir, "../docs/sql-api.md"), "utf8");

/** The worked example, as one script. */
const script = [...markdown.matchAll(/^```sql\n([\s\S]*?)^```/gm)]
  .map(([, block = ""]) => block)
  .join("\n");

/** What the example keeps of its answers, and what they should be. */
const told = {
  renewed: "ok",
  retried: "ok",
  state: "queued",
  passed: "ok",
  completed: "ok",
  failed: "ok",
  lapsed: "0",
};

let folder: string;
let embedded: EmbeddedPostgres;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "leasehold-sql-api-"));
  embedded = await startEmbeddedPostgres({ dataDir: join(folder, "data") });
});

afterAll(async () => {
  await embedded.stop();
  await rm(folder, { recursive: true, force: true });
});

async function setup(name: string): Promise<string> {
  const connection = await embedded.createDatabase(name);
  await migrate({ connection });
  return connection;
}

/** Runs the script as psql would, as far as the script goes. */
async function runByDriver(url: string): Promise<Readonly<Record<string, string>>> {
  const variables: Record<string, string> = {};
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    for (const [, statement = "", end] of script.matchAll(/([\s\S]+?)(;|\\gset)\s*?\n/g)) {
      const text = statement
        .replaceAll(/:'(\w+)'/g, (_, name: string) => `'${variables[name] ?? ""}'`)
        .replaceAll(/(?<!:):(\w+)/g, (_, name: string) => variables[name] ?? "null");
      const [row] = await sql.unsafe<Record<string, unknown>[]>(text);
      if (end === ";") continue;
      for (const [name, value] of Object.entries(row ?? {})) variables[name] = String(value);
    }
  } finally {
    await sql.end();
  }
  return variables;
}

test("a worker that is nothing but statements does what it says", async () => {
  const url = await setup("by_driver");

  const variables = await runByDriver(url);

  expect(variables).toMatchObject(told);
  expect(await listStates(url)).toEqual(["completed", "failed"]);
});

test.skipIf(isPsqlMissing)(
  `a worker in psql does what it says${isPsqlMissing ? " (skipped: psql is not installed)" : ""}`,
  async () => {
    const url = await setup("by_psql");
    const file = join(folder, "worker.sql");
    const names = Object.keys(told);
    await Bun.write(file, `${script}\n\\echo ${names.map((name) => `:${name}`).join(" ")}\n`);

    const ran = await runCommand(
      [psql ?? "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, url],
      { cwd: folder, timeoutMs: 60_000 },
    );

    expect(ran).toMatchObject({ ok: true });
    expect(ran.output.trim().split("\n").at(-1)).toBe(Object.values(told).join(" "));
    expect(await listStates(url)).toEqual(["completed", "failed"]);
  },
);

async function listStates(url: string): Promise<readonly string[]> {
  const sql = postgres(url, { max: 1 });
  const rows = await sql<{ state: string }[]>`
    select state from leasehold.job_overview order by created_at`;
  await sql.end();
  return rows.map(({ state }) => state);
}
