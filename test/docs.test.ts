import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import postgres from "postgres";

import { generatedDocuments, renderDocument } from "../scripts/make-docs.ts";
import { createProgram } from "../scripts/worker-program.ts";
import { readBlocks, readCommands, toForm } from "./support/runbook.ts";

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
  const { code: program = "" } = readBlocks(readme).find(({ language }) => language === "ts") ?? {};
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

test("every command of the runbook is one that there is, with options that it has", () => {
  const commands = readCommands(readBlocks(operations));
  const program = createProgram();

  const unknown = commands.flatMap(({ words, line }) =>
    findUnknown(program, words).map((word) => `${line}: ${word} of ${words.join(" ")}`),
  );

  expect(unknown).toEqual([]);
  expect(commands.length).toBeGreaterThan(40);
});

type Command = ReturnType<typeof createProgram>;

/** Options that a command does not have, and a first word that is no command. */
function findUnknown(program: Command, words: readonly string[]): readonly string[] {
  let command = program;
  const isNone: string[] = [];
  for (const [index, word] of words.entries()) {
    const inner = command.commands.find((each) => each.name() === word);
    if (inner !== undefined) command = inner;
    else if (index === 0) isNone.push(word);
    else if (word.startsWith("--") && !hasOption(command, word)) isNone.push(word);
  }
  return isNone;
}

function hasOption(command: Command, long: string): boolean {
  const isDefault = command.commands.filter((each) => each.name() === "list");
  return [command, ...isDefault].some(({ options }) => options.some((each) => each.long === long));
}

test("the runbook has a section for every alert, and for no other", async () => {
  const rules = await Bun.file(join(root, "deploy/prometheus/rules.yaml")).text();
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  const section = /^## Alerts$([^]*?)^## /m.exec(operations)?.[1] ?? "";
  const [, ...entries] = section.split(/^### /m);

  expect(entries.map((entry) => entry.split("\n")[0])).toEqual(alerts);
  for (const entry of entries) expect(entry).toMatch(/\b(?:Act|three steps)\b[^]*\bCheck: /);
});

test("at most eight blocks of the runbook are not run, each for a reason", () => {
  const left = readBlocks(operations).filter(({ noRun }) => noRun !== undefined);

  expect(operations.match(/^```\w.*no-run/gm)).toHaveLength(left.length);
  expect(left.length).toBeLessThanOrEqual(8);
  expect(left.map(({ noRun = "" }) => noRun.length > 5)).not.toContain(false);
});

test("every link within the runbook leads to a section", () => {
  const headings = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...operations.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = ""]) => anchor);

  expect(links.filter((anchor) => !headings.includes(anchor))).toEqual([]);
});

test("a sample is compared in form: ids, times, numbers and the width of columns differ", () => {
  const sample =
    "jobs  sample                                first\n   2  0190f3c2-0000-4000-8000-000000000001  2026-11-22T03:00:00Z";
  const other =
    "jobs  sample  first\n  13  0190f3c2-0000-4000-8000-000000000002  2027-01-01T00:00:01Z\n";

  expect(toForm(other)).toBe(toForm(sample));
  expect(toForm(other.replace("sample", "code"))).not.toBe(toForm(sample));
});

test("every statement of the runbook runs on a migrated database", async () => {
  const { exitCode } = await run([process.execPath, "run", "apps/worker", "migrate"], {
    cwd: root,
    env: { LEASEHOLD_DATA_DIR: join(folder, "data") },
  });
  const sql = postgres(embedded.url, { max: 1, onnotice: () => undefined });
  const statements = readBlocks(operations).filter(({ language }) => language === "sql");
  expect(exitCode).toBe(0);
  expect(statements.length).toBeGreaterThan(4);

  for (const { code: statement } of statements) {
    const error = await sql.unsafe(statement).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect({ statement, error }).toEqual({ statement, error: undefined });
  }
  await sql.end({ timeout: 1 });
});
