import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import postgres from "postgres";

import { type Bench, root, samples, setupHome, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();
const nobody = "00000000-0000-4000-8000-000000000000";

interface StoredSubmission {
  readonly kind: string;
  readonly mime_type: string | null;
  readonly student_sub: string;
  readonly criteria: readonly unknown[];
  readonly language: string;
}

async function readSubmissions({ sql }: Bench): Promise<readonly StoredSubmission[]> {
  return await sql<StoredSubmission[]>`
    select s.kind, s.mime_type, s.student_sub, j.payload -> 'criteria' as criteria,
      j.payload ->> 'language' as language
    from public.learning_submissions as s
    join leasehold.job as j on j.payload ->> 'submissionId' = s.id::text order by s.created_at`;
}

test("submit tells a file by its bytes, whatever its name says", async () => {
  await using bench = await cluster.setup();
  await copyFile(join(samples, "photo.jpg"), join(bench.path, "essay.txt"));

  const { exitCode, stdout } = await bench.run(["submit", "essay.txt"]);

  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f-]{36}\n$/)]);
  expect(await readSubmissions(bench)).toMatchObject([{ kind: "image", mime_type: "image/jpeg" }]);
  const [file = "", ...others] = await readdir(join(bench.dataDir, "uploads/submissions"));
  expect(file).toMatch(/^[0-9a-f]{64}\.jpg$/);
  expect(others).toEqual([]);
});

test("submit reads standard input and passes on criteria, learner and language", async () => {
  await using bench = await cluster.setup();
  const criteria = ["--criterion", "Inhalt", "--criterion", "Form: Absätze:5"];

  await bench.run(
    ["submit", "-", ...criteria, "--student", "learner-7", "--language", "en"],
    {},
    "A brook.",
  );
  await bench.run(["submit", "-"], {}, "Ein Bach.");

  expect(await readSubmissions(bench)).toEqual([
    {
      kind: "text",
      mime_type: null,
      student_sub: "learner-7",
      criteria: [
        { id: "c1", name: "Inhalt", maxScore: 10 },
        { id: "c2", name: "Form: Absätze", maxScore: 5 },
      ],
      language: "en",
    },
    {
      kind: "text",
      mime_type: null,
      student_sub: "anonymous",
      criteria: [{ id: "c1", name: "overall", maxScore: 10 }],
      language: "de",
    },
  ]);
});

test("submit refuses what cannot be worked, and stores nothing of it", async () => {
  await using bench = await cluster.setup();
  const photo = join(samples, "photo.jpg");
  const cases: readonly (readonly [args: readonly string[], message: string])[] = [
    [
      [photo, "--criterion", "Inhalt:11"],
      "input_invalid: --criterion Inhalt: points must be from 1 to 10.\n",
    ],
    [["nowhere.txt"], "not_found: Not submitted: nowhere.txt cannot be read.\n"],
    [
      [process.execPath],
      "input_unsupported: Not submitted: the file is neither a PNG, a JPEG or a PDF nor text in UTF-8.\n",
    ],
  ];

  const ends = await Promise.all(cases.map(([args]) => bench.run(["submit", ...args])));

  expect(ends.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr])).toEqual(
    cases.map(([, message]) => [1, "", message]),
  );
  expect(await readSubmissions(bench)).toEqual([]);
  expect(await readdir(bench.dataDir).catch(() => [])).toEqual([]);
});

test("submit --wait prints the feedback, and says how to get a worker while there is none", async () => {
  await using bench = await cluster.setup();
  const waiting = bench.start(["submit", "-", "--wait"], {}, "Der Bach ist im März breit.");
  await waiting.waitFor("hint", ({ stderr }) => /Is a worker running\?/.exec(stderr) ?? undefined);

  bench.startWorker();
  const { exitCode, stdout } = await waiting.ended;

  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^[0-9a-f-]{36}\nThis text is synthetic: the stub made it from a hash/);
});

test("submit --wait lets go when it is interrupted, and the submission goes on", async () => {
  await using bench = await cluster.setup();
  const waiting = bench.start(["submit", "-", "--wait"], {}, "Ein Text.");
  const id = await waiting.waitFor("id", ({ stdout }) => /^[0-9a-f-]{36}$/m.exec(stdout)?.[0]);

  waiting.signal("SIGINT");
  const { exitCode, stderr } = await waiting.ended;

  expect(exitCode).toBe(1);
  expect(stderr).toBe(`aborted: Stopped waiting; the submission ${id} goes on.\n`);
  expect((await bench.store.readSubmission(id))?.status).toBe("pending");
});

test("status shows the backlog, a submission or a job, and no content", async () => {
  await using bench = await cluster.setup();
  const empty = await bench.run(["status"]);
  const content = { kind: "text", text: "Ein geheimer Text." } as const;
  const { id, jobId } = await bench.store.submit({ studentSub: "geheim", content });

  const [backlog, submission, job, nothing, nonsense] = await Promise.all(
    [[], [id], [jobId.toUpperCase()], [nobody], ["x"]].map((args) =>
      bench.run(["status", ...args]),
    ),
  );

  expect(empty.stdout).toBe(
    "Nothing waits and nothing runs.\n\nworkers: 0 live, 0 silent\nended badly: 0\n",
  );
  expect(backlog?.stdout).toMatch(/^learning +learning\.submission +due +1 +\d s +\d s +0 +0$/m);
  expect(submission?.stdout).toMatch(
    `submission ${id}: pending\njob ${jobId}: queued at feedback, attempt 0\n  0 failures, 0 losses, 0 outages\n  due `,
  );
  expect(job?.stdout).toStartWith(`job ${jobId}: queued at feedback`);
  expect([nothing?.exitCode, nothing?.stderr]).toEqual([
    1,
    `not_found: There is no submission and no job ${nobody}.\n`,
  ]);
  expect(nonsense?.exitCode).toBe(1);
  expect(nonsense?.stderr).toContain("An id is a uuid.");
  expect(JSON.stringify([backlog, submission, job])).not.toContain("geheim");
});

test("db url and db query reach the database that the worker would use", async () => {
  await using bench = await cluster.setup();
  const query = (statement: string) => bench.run(["db", "query", statement]);

  const url = await bench.run(["db", "url"]);
  const rows = await query("select 'Grüße' as a, 2 as b");
  const write = await query("create table notes (a int)");
  const counted = await query("insert into notes values (1), (2)");
  const refused = await query("select * from nowhere");
  const two = await query("select 1; drop table notes");
  const piped = await bench.run(["db", "query", "-", "--json"], {}, "select 1 as one, null as no");
  const admin = await bench.run(["db", "query", "--admin", "select session_user"], {
    LEASEHOLD_ADMIN_DATABASE_URL: bench.database.adminUrl,
  });

  expect(url.stdout).toBe(`${bench.database.url}\n`);
  expect(rows.stdout).toMatch(/^a +b\nGrüße +2\n1 row\n$/);
  expect(write.stdout).toBe("CREATE TABLE: done\n");
  expect(counted.stdout).toBe("2 rows\n");
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    'statement_failed: Postgres says: relation "nowhere" does not exist\n',
  ]);
  expect(two.exitCode).toBe(1);
  expect(piped.stdout).toBe('[{"one":1,"no":null}]\n');
  expect(admin.stdout).toBe("session_user\npostgres\n1 row\n");
  expect((await query("select * from notes")).stdout).toEndWith("\n2 rows\n");
});

test("db shell leaves Ctrl-C to psql, and ends as psql did", async () => {
  await using home = await setupHome();
  const bin = join(home.path, "bin");
  await mkdir(bin);
  // A terminal sends it to both of them, as often as somebody cancels a statement.
  const psql = ['echo "psql $1"', "kill -INT $PPID", "sleep 0.2", "kill -INT $PPID", "sleep 0.2"];
  await writeFile(join(bin, "psql"), ["#!/bin/sh", ...psql, "exit 0"].join("\n"));
  await chmod(join(bin, "psql"), 0o755);

  const shell = await home.run(["db", "shell"], { PATH: `${bin}:${home.variables["PATH"]}` });
  const missing = await home.run(["db", "shell"], { PATH: join(home.path, "nothing") });

  expect(shell.stdout).toMatch(/^psql postgres:\/\/leasehold@/);
  expect(shell.exitCode).toBe(0);
  expect(missing.stderr).toContain("psql is not installed");
  expect(missing.exitCode).toBe(2);
});

test("migrate --print prints a script that installs, whole also for a slow reader", async () => {
  await using bench = await cluster.setup();
  const { url } = await cluster.createDatabase();
  const main = join(root, "apps/worker/src/main.ts");
  const command = `'${process.execPath}' '${main}' migrate --print | { sleep 1; cat; }`;
  const printed = Bun.spawn(["sh", "-c", command], {
    cwd: bench.path,
    env: { ...bench.variables },
    stdout: "pipe",
  });
  const script = await new Response(printed.stdout).text();
  const sql = postgres(url, { max: 1, onnotice: () => undefined });

  await sql.unsafe(script).simple();
  await sql.end();
  const submitted = await bench.run(["submit", "-"], { LEARNING_DATABASE_URL: url }, "Ein Bach.");

  expect(script.length).toBeGreaterThan(65_536);
  expect(script).toStartWith("begin isolation level read committed;\n");
  expect(script).toEndWith("commit;\n");
  expect(submitted.exitCode).toBe(0);
});

test("a .env file is read, and the environment wins over it", async () => {
  await using bench = await cluster.setup();
  await writeFile(join(bench.path, ".env"), "WORKER_CONCURRENCY=many\nLOG_LEVEL=loud\n");

  const fromFile = await bench.run(["status"]);
  const fromBoth = await bench.run(["status"], { WORKER_CONCURRENCY: "2", LOG_LEVEL: "warn" });

  expect(fromFile.exitCode).toBe(2);
  expect(fromFile.stderr).toContain(
    'WORKER_CONCURRENCY must be a whole number from 1 to 500, got "many"',
  );
  expect(fromFile.stderr).toContain("LOG_LEVEL must be debug or info or warn or error");
  expect(fromBoth.exitCode).toBe(0);
});

test("doctor says what is well and what is not, and fails when something has failed", async () => {
  await using bench = await cluster.setup();
  await bench.run(["migrate"]);
  const well = await bench.run(["doctor"]);
  await bench.sql`drop index leasehold.ready_claim`;

  const ill = await bench.run(["doctor", "--json"]);

  expect(well.exitCode).toBe(0);
  expect(well.stdout).toMatch(/^ok {4}schema +The schema is at this version\.$/m);
  expect(well.stdout).toMatch(/^warn {2}workers +No worker is there\. Start one\.$/m);
  expect(ill.exitCode).toBe(1);
  const findings = JSON.parse(ill.stdout) as readonly { check: string; status: string }[];
  expect(findings.filter(({ status }) => status === "fail")).toMatchObject([{ check: "plan" }]);
});

test("doctor finds a database that is away, and tells no secret of it", async () => {
  await using bench = await cluster.setup();
  const LEARNING_DATABASE_URL = "postgres://canary-login:canary-secret@127.0.0.1:1/canary";

  const { exitCode, stdout, stderr } = await bench.run(["doctor"], { LEARNING_DATABASE_URL });

  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^fail {2}database +Postgres could not be reached/m);
  expect(stdout + stderr).not.toContain("canary");
});
