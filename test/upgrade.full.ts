import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { createClient, migrate, type WorkerEvent } from "@leasehold/core";
import postgres from "postgres";

import { effectsPipeline } from "./support/effects-pipeline.ts";
import { createFaultProxy } from "./support/fault-proxy.ts";
import { setupFrozenCore } from "./support/frozen-core.ts";
import { type SpawnedProgram, spawnProgram } from "./support/spawned-program.ts";
import { type Database, useCluster } from "./support/worker-bench.ts";

// A fleet of the version that was frozen with the first migration is upgraded to this one while it works.

setDefaultTimeout(300_000);

const cluster = useCluster();
const leaseSeconds = "6";
const jobsPerWave = 200;

interface Subject extends AsyncDisposable {
  readonly database: Database;
  readonly sql: postgres.Sql;
  /** Starts a program of `test/support`, of the frozen version or of this one. */
  start(
    this: void,
    version: "frozen" | "present",
    program: string,
    ...args: readonly string[]
  ): SpawnedProgram;
}

/** A database as the frozen version made it. */
async function setup(): Promise<Subject> {
  const frozen = await setupFrozenCore(
    "effects-worker.ts",
    "effects-pipeline.ts",
    "migrate-program.ts",
  );
  const database = await cluster.createDatabase();
  const sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  const programs: SpawnedProgram[] = [];
  const start: Subject["start"] = (version, program, ...args) => {
    const folder = version === "frozen" ? frozen.path : join(import.meta.dirname, "support");
    const env = { PATH: process.env["PATH"] ?? "", TMPDIR: frozen.path, HOME: frozen.path };
    const options = { cwd: folder, env, lifetimeMs: 280_000 };
    const started = spawnProgram([join(folder, program), database.url, ...args], options);
    programs.push(started);
    return started;
  };
  const made = await start("frozen", "migrate-program.ts").ended;
  if (made.exitCode !== 0) throw new Error(made.stderr);
  return {
    database,
    sql,
    start,
    async [Symbol.asyncDispose]() {
      for (const program of programs) await program[Symbol.asyncDispose]();
      await sql.end({ timeout: 1 });
      await frozen[Symbol.asyncDispose]();
    },
  };
}

const eventsOf = (program: SpawnedProgram): readonly WorkerEvent[] =>
  program
    .output()
    .stdout.split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as WorkerEvent);

const countOf = (program: SpawnedProgram, name: WorkerEvent["name"]): number =>
  eventsOf(program).filter((event) => event.name === name).length;

async function enqueueWave({ sql }: Subject): Promise<void> {
  // As a host of the old version would, by the function alone.
  const jobs = Array.from({ length: jobsPerWave }, (_, number) => ({
    payload: { number, workMs: 5 + (number % 9) * 10 },
  }));
  const shared = { type: effectsPipeline.type, version: 1, phase: "work" };
  await sql`select leasehold.enqueue_jobs(
    ${JSON.stringify(jobs)}::text::jsonb, ${JSON.stringify(shared)}::text::jsonb)`;
}

/** The longest that anybody waited for a lock while the work went on. */
async function watchLocks<Answer>(
  { database }: Subject,
  work: () => Promise<Answer>,
): Promise<number> {
  const sql = postgres(database.adminUrl, { max: 1, onnotice: () => undefined });
  let longestMs = 0;
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const [row] = await sql<{ ms: number | null }[]>`
        select max(extract(epoch from clock_timestamp() - waitstart) * 1000)::float8 as ms
        from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`;
      longestMs = Math.max(longestMs, row?.ms ?? 0);
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await watching;
    await sql.end({ timeout: 1 });
  }
  return longestMs;
}

async function waitUntilDone({ sql }: Subject, waves: number): Promise<void> {
  for (;;) {
    const [row] = await sql<{ ct: number }[]>`
      select count(*)::integer as ct from leasehold.job_overview where state in ('completed', 'failed', 'dead')`;
    if ((row?.ct ?? 0) >= waves * jobsPerWave) return;
    await Bun.sleep(50);
  }
}

test("four old workers work through the upgrade, and beside new ones after it", async () => {
  await using subject = await setup();
  const { sql, start } = subject;
  await sql`create table public.line (job_id uuid not null, attempt integer not null)`;
  const old = Array.from({ length: 4 }, () => start("frozen", "effects-worker.ts", leaseSeconds));
  await enqueueWave(subject);
  for (const worker of old) {
    await worker.waitFor(
      "a completed job",
      () => countOf(worker, "job.completed") > 0 || undefined,
    );
  }

  const waitedMs = await watchLocks(subject, async () => {
    await migrate({ connection: subject.database.url });
    await enqueueWave(subject);
  });
  const present = start("present", "effects-worker.ts", leaseSeconds);
  // An old one that is started again finds the newer schema.
  const restarted = start("frozen", "effects-worker.ts", leaseSeconds);
  await using client = createClient({ connection: subject.database.url });
  const input = { number: 0, workMs: 20 };
  await client.enqueueMany(
    effectsPipeline,
    Array.from({ length: jobsPerWave }, () => input),
  );
  await waitUntilDone(subject, 3);
  const [figures] = await sql`
    select count(*) filter (where state = 'completed')::integer as completed,
      sum(failures)::integer as failures, sum(losses)::integer as losses
    from leasehold.job_overview`;

  process.stderr.write(
    `longest wait for a lock during the upgrade: ${Math.round(waitedMs)} ms; completed by old workers ` +
      `${old.map((worker) => countOf(worker, "job.completed")).join(", ")}, by one started again ` +
      `${countOf(restarted, "job.completed")}, by a new one ${countOf(present, "job.completed")}\n`,
  );
  expect(figures).toEqual({ completed: 3 * jobsPerWave, failures: 0, losses: 0 });
  expect(waitedMs).toBeLessThan(1_000);
  expect(countOf(present, "job.completed")).toBeGreaterThan(0);
  expect(countOf(restarted, "job.completed")).toBeGreaterThan(0);
});

test("a migrator that is killed at any of its statements leaves what was, and its next run ends well", async () => {
  await using reference = await setup();
  await migrate({ connection: reference.database.url });
  const wanted = await readSchema(reference);
  const statements = await countStatements();

  for (let place = 0; place < statements; place += 1) {
    await using subject = await setup();
    const before = await readSchema(subject);
    await using proxy = await createFaultProxy({ url: subject.database.url });
    const fault = proxy.arm({ statement: /./s, kind: "hang-after", skip: place });
    const migrator = spawnProgram(
      [join(import.meta.dirname, "support/migrate-program.ts"), proxy.url],
      { cwd: import.meta.dirname, env: { PATH: process.env["PATH"] ?? "" } },
    );
    await fault.struck;
    migrator.signal("SIGKILL");
    await migrator.ended;
    proxy.cutAll();
    const left = await readSchema(subject);
    await migrate({ connection: subject.database.url });

    // Its last statement commits: then everything is there already.
    expect(left).toEqual(place === statements - 1 ? wanted : before);
    expect(await readSchema(subject)).toEqual(wanted);
  }
  process.stderr.write(`killed at each of ${statements} statements\n`);
});

/** Every column and every function of the schema, as they are now. */
async function readSchema({ sql }: Subject): Promise<readonly unknown[]> {
  return await sql`
    select p.oid::regprocedure::text as name, p.prosrc as text from pg_proc as p
    where p.pronamespace = 'leasehold'::regnamespace
    union all
    select a.attrelid::regclass || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'leasehold'::regnamespace and a.attnum > 0
    union all
    select 'migration ' || m.bundle, m.version::text from leasehold.schema_migration as m
    order by 1, 2`;
}

/** How many statements an upgrade sends. */
async function countStatements(): Promise<number> {
  await using subject = await setup();
  await using proxy = await createFaultProxy({ url: subject.database.url });
  await migrate({ connection: proxy.url });
  return proxy.countRuns(/./s);
}
