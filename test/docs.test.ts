import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import postgres from "postgres";

import { generatedDocuments, renderDocument } from "../scripts/make-docs.ts";

setDefaultTimeout(120_000);

const root = join(import.meta.dir, "..");
const readme = await Bun.file(join(root, "README.md")).text();
const operations = await Bun.file(join(root, "docs/operations.md")).text();

let folder: string;
let embedded: EmbeddedPostgres;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "leasehold-docs-"));
  embedded = await startEmbeddedPostgres({ dataDir: join(folder, "data") });
});

afterAll(async () => {
  await embedded.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The blocks of a language, in order. */
function blocks(markdown: string, language: string): readonly string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm");
  return [...markdown.matchAll(fence)].map(([, code = ""]) => code);
}

async function run(
  command: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"], HOME: folder, ...options.env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, output: stdout + stderr };
}

test("the README's program has at most 15 lines, type-checks and runs", async () => {
  const [program = ""] = blocks(readme, "ts");
  const url = await embedded.createDatabase("readme");
  const home = join(folder, "program");
  await Bun.write(join(home, "program.ts"), program.replace("postgres://app@localhost/app", url));
  await Bun.write(
    join(home, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: {
        noEmit: true,
        types: [join(root, "node_modules/bun-types")],
        isolatedDeclarations: false,
        declaration: false,
        declarationMap: false,
      },
      files: ["program.ts", join(root, "packages/core/src/sql.d.ts")],
    }),
  );
  await symlink(join(root, "test/node_modules"), join(home, "node_modules"));

  const checked = await run([process.execPath, "check"], { cwd: home });
  const ran = await run([process.execPath, "program.ts"], { cwd: home });

  expect(program.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  expect(checked).toMatchObject({ exitCode: 0 });
  expect(ran).toMatchObject({ exitCode: 0 });
  expect(ran.output).toContain('state: "completed"');
});

test("the README names the commands that exist", async () => {
  const manifest = (await Bun.file(join(root, "package.json")).json()) as {
    readonly packageManager: string;
    readonly scripts: Readonly<Record<string, string>>;
  };

  const named = [...readme.matchAll(/npx -y (bun@\S+) run (\S+)/g)];

  expect(named.map(([, , script]) => script)).toEqual(["demo", "verify"]);
  for (const [, version, script = ""] of named) {
    expect(version).toBe(manifest.packageManager);
    expect(manifest.scripts).toHaveProperty(script);
  }
});

test("every guarantee names tests that exist", async () => {
  const guarantees = await Bun.file(join(root, "docs/guarantees.md")).text();
  const named = [...guarantees.matchAll(/^- `([^`]+)`: "(.+)"$/gm)];
  const sections = guarantees.split(/^## /m).slice(1);

  const missing: string[] = [];
  for (const [, path = "", name = ""] of named) {
    const tests = await Bun.file(join(root, path)).text();
    if (!tests.includes(JSON.stringify(name))) missing.push(`${path}: ${name}`);
  }

  expect(missing).toEqual([]);
  expect(sections.filter((section) => !/^- `/m.test(section))).toEqual([]);
  expect(named.length).toBeGreaterThan(8);
});

test("every feature that is there names a test that exists", async () => {
  const comparison = await Bun.file(join(root, "docs/comparison.md")).text();
  const [, , ...rows] = toCells(comparison).map((line) => line.split("|").slice(1, -1));

  const missing: string[] = [];
  for (const [feature = "", state = "", place = ""] of rows) {
    expect(state).toMatch(/^(?:have|later|refused)$/);
    expect(place).not.toBe("");
    if (state !== "have") continue;
    const [, path = "", name = ""] = /`([^`]+\.ts)`: "(.+)"$/.exec(place) ?? [];
    const file = Bun.file(join(root, path));
    const found = path !== "" && (await file.text()).includes(JSON.stringify(name));
    if (!found) missing.push(`${feature}: ${path}: ${name}`);
  }

  expect(missing).toEqual([]);
  expect(rows).toHaveLength(50);
  expect(rows.filter(([, state]) => state === "refused").length).toBeLessThanOrEqual(5);
});

test.each(generatedDocuments)("$path says of the $part what the code says", async (document) => {
  const text = await Bun.file(join(root, document.path)).text();

  const rendered = await renderDocument(document, text);

  expect(toLines(text)).toEqual(toLines(rendered));
});

/** The formatter may pad cells. */
function toLines(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.replaceAll(/\s*\|\s*/g, "|").replaceAll(/-{3,}/g, "---"));
}

/** Of tables alone. */
function toCells(text: string): readonly string[] {
  return toLines(text).filter((line) => line.startsWith("|"));
}

test("every command of the runbook runs", async () => {
  const env = { LEASEHOLD_DATA_DIR: join(folder, "data"), LEASEHOLD_HTTP_PORT: "off" };
  const commands = blocks(operations, "sh").flatMap((block) => block.trim().split("\n"));
  expect(commands.length).toBeGreaterThan(3);

  for (const command of commands) {
    // The bun that runs this test, wherever it lies.
    const words = command.split(" ").map((word) => (word === "bun" ? process.execPath : word));
    const { exitCode, output } = await run(words, { cwd: root, env });
    expect(`${command}: ${exitCode === 0 ? "fine" : output}`).toBe(`${command}: fine`);
  }
});

test("every statement of the runbook runs on a migrated database", async () => {
  const { exitCode } = await run([process.execPath, "run", "apps/worker", "migrate"], {
    cwd: root,
    env: { LEASEHOLD_DATA_DIR: join(folder, "data") },
  });
  const sql = postgres(embedded.url, { max: 1, onnotice: () => undefined });
  const statements = blocks(operations, "sql");
  expect(exitCode).toBe(0);
  expect(statements.length).toBeGreaterThan(4);

  for (const statement of statements) {
    const error = await sql.unsafe(statement).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect({ statement, error }).toEqual({ statement, error: undefined });
  }
  await sql.end({ timeout: 1 });
});
