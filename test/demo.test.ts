import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { type DemoLine, readDemoLine } from "./support/demo-line.ts";
import type { ProgramEnd } from "./support/spawned-program.ts";
import { type Home, setupHome } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const completed = { status: "completed", analysis_schema: "criteria.v2" } as const;

interface Shown {
  readonly home: Home;
  readonly end: ProgramEnd;
}

// Making a cluster and a run in it take seconds, and most tests only look at what was said.
let shown: Promise<Shown> | undefined;
function demonstrate(): Promise<Shown> {
  shown ??= setupHome({ detached: true }).then(async (home) => ({
    home,
    end: await home.run(["demo", "--json"]),
  }));
  return shown;
}
afterAll(async () => {
  await (await shown)?.home[Symbol.asyncDispose]();
});

/** What the report says was read from a sample. */
function readingOf(name: string, { stdout }: ProgramEnd): string {
  const [, reading] = stdout.split(`\nRead from ${name}:\n`);
  if (reading === undefined) throw new Error(`The report has no reading of ${name}.`);
  return reading.split(/\n(?:Read from|Feedback to) /, 1).join();
}

function entryOf(mediaType: string, line: DemoLine): DemoLine["submissions"][number] {
  const entry = line.submissions.find((candidate) => candidate.media_type === mediaType);
  if (entry === undefined) throw new Error(`The line has no submission of ${mediaType}.`);
  return entry;
}

test("completes every sample and says so in one line of the documented shape", async () => {
  const { end } = await demonstrate();

  const line = readDemoLine(end.stdout);

  expect(end.exitCode).toBe(0);
  expect(line).toMatchObject({ ok: true, backend: "stub" });
  expect(line.seconds).toBeGreaterThan(0);
  const read = { phases: ["vision 1", "feedback 1"], ...completed };
  expect(
    line.submissions.map(({ kind, media_type, status, phases, analysis_schema }) => ({
      kind,
      media_type,
      phases: phases.map(({ phase, attempts }) => `${phase} ${attempts}`),
      status,
      analysis_schema,
    })),
  ).toEqual([
    { kind: "text", media_type: "text/plain", phases: ["feedback 1"], ...completed },
    { kind: "image", media_type: "image/jpeg", ...read },
    { kind: "image", media_type: "image/png", ...read },
    { kind: "file", media_type: "application/pdf", ...read },
    { kind: "file", media_type: "application/pdf", ...read },
  ]);
});

test("gives no score without saying that it is synthetic", async () => {
  const { end } = await demonstrate();

  const { submissions } = readDemoLine(end.stdout);

  for (const { score, provenance } of submissions) {
    expect(score).toBeOneOf([0, 1, 2, 3, 4, 5]);
    expect(provenance["feedback"]).toMatchObject({ adapter: "stub", synthetic: true });
  }
});

test("shows the model an upright photo without its metadata", async () => {
  const { end } = await demonstrate();

  const [, width, height, exif] =
    /^ {2}\[stub vision\] image\/jpeg (\d+)x(\d+) exif=(\w+) /m.exec(readingOf("photo.jpg", end)) ??
    [];

  // It is stored lying on its side, 1200 by 900, with its orientation and a place beside it.
  expect([width, height, exif]).toEqual(["900", "1200", "absent"]);
});

test("has a scan read page by page, and a document with a text layer by nobody", async () => {
  const { end } = await demonstrate();
  const line = readDemoLine(end.stdout);

  const scan = readingOf("scan.pdf", end);
  const letter = readingOf("letter.pdf", end);

  expect(scan.match(/\[stub vision\] images=1\n/g)).toHaveLength(3);
  expect(new Set(scan.match(/sha256=[0-9a-f]{64}/g))).toHaveProperty("size", 3);
  expect(letter).toContain("gesperrt ist. Die Schaukel ist kaputt, und am Klettergerüst");
  expect(letter).not.toContain("stub");
  const { vision } = entryOf("application/pdf", line).provenance;
  expect(vision).toMatchObject({ pages: 1 });
  expect(vision).not.toHaveProperty("model");
  expect(vision).not.toHaveProperty("adapter");
});

test("says first, beside the answer, which backend and database it uses", async () => {
  const { end, home } = await demonstrate();

  const [backend, database] = end.stderr.split("\n");

  expect(backend).toBe("backend: stub: answers are invented, no model judges anything");
  expect(database).toStartWith("database: embedded Postgres 18");
  expect(database).toEndWith(`in ${home.dataDir}, thrown away afterwards`);
});

test("leaves no database, no process and nothing in the temporary folder", async () => {
  const { home } = await demonstrate();
  const demo = home.start(["demo", "--json"]);
  const { exitCode } = await demo.ended;

  const leftOver = await readdir(home.variables["TMPDIR"] ?? "");
  const databases = await home.run([
    "db",
    "query",
    "select count(*) as ct from pg_database where datname like 'demo%'",
  ]);

  expect(exitCode).toBe(0);
  expect(leftOver).toEqual([]);
  expect(await listGroup(demo.pid)).toEqual([]);
  expect(await hasServer(home)).toBe(false);
  expect(databases.stdout).toMatch(/^ct\n0\n/);
});

test("runs again, and twice at once, on the same folder", async () => {
  const { home } = await demonstrate();

  const ends = await Promise.all([home.run(["demo", "--json"]), home.run(["demo", "--json"])]);

  const lines = ends.map(({ stdout }) => readDemoLine(stdout));
  expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(lines.map(({ ok }) => ok)).toEqual([true, true]);
  const ids = lines.flatMap(({ submissions }) => submissions.map(({ id }) => id));
  expect(new Set(ids).size).toBe(10);
  expect(await hasServer(home)).toBe(false);
});

test("gives its database back when it is interrupted", async () => {
  const { home } = await demonstrate();
  const demo = home.start(["demo"], {
    LEASEHOLD_STUB_SCRIPT: "hang",
    WORKER_GRACE_SECONDS: "0",
  });
  await demo.waitFor("sign of work", ({ stderr }) => /feedback …/.exec(stderr) ?? undefined);

  demo.signal("SIGINT");
  const end = await demo.ended;

  expect(end.exitCode).toBe(1);
  expect(end.stderr).toEndWith("aborted: The demonstration was stopped.\n");
  expect(await hasServer(home)).toBe(false);
  const databases = await home.run(["db", "query", "select datname from pg_database"]);
  expect(databases.stdout).toContain("leasehold");
  expect(databases.stdout).not.toContain("demo");
});

test("keeps away from a database with work in it", async () => {
  const { home } = await demonstrate();
  const submitted = await home.run(["submit", "-"], {}, "Der Bach ist breit.");

  const refused = await home.run(["demo", "--in-place"]);
  const status = await home.run(["status", submitted.stdout.trim()]);

  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain("the work that waits or runs in it (jobs: 1)");
  expect(status.stdout).toContain(": pending\n");
});

/** The processes of a group that still run. */
async function listGroup(leader: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Bun.file(`/proc/${name}/stat`)
      .text()
      .catch(() => "");
    const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(group) === leader && state !== "Z") found.push(stat);
  }
  return found;
}

/** Whether the home's private Postgres runs, or was left without an orderly end. */
async function hasServer({ dataDir }: Home): Promise<boolean> {
  const [cluster] = (await readdir(dataDir)).filter((name) => /^pg\d+$/.test(name));
  return await Bun.file(join(dataDir, cluster ?? "", "postmaster.pid")).exists();
}
