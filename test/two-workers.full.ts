import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import type { WorkerEvent } from "@leasehold/core";

import { effectsPipeline } from "./support/effects-pipeline.ts";
import { type SpawnedProgram, spawnProgram } from "./support/spawned-program.ts";
import { type Bench, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(300_000);

const cluster = useCluster();
const jobCount = 300;
const leaseSeconds = 1.5;

interface EffectsWorker extends SpawnedProgram {
  events(): readonly WorkerEvent[];
  count(name: WorkerEvent["name"]): number;
  /** Resolves when it has told this event so many times. */
  reached(name: WorkerEvent["name"], times: number): Promise<void>;
}

function startEffectsWorker({ path, database, variables }: Bench): EffectsWorker {
  const program = spawnProgram(
    [join(import.meta.dirname, "support/effects-worker.ts"), database.url, String(leaseSeconds)],
    { cwd: path, env: variables },
  );
  const events = (): readonly WorkerEvent[] =>
    program
      .output()
      .stdout.split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as WorkerEvent);
  const count = (name: WorkerEvent["name"]): number =>
    events().filter((event) => event.name === name).length;
  return {
    ...program,
    events,
    count,
    async reached(name, times) {
      await program.waitFor(`${times} times ${name}`, () => count(name) >= times || undefined);
    },
  };
}

/** A table for what jobs did while they ran, one for what they came to, and no key that would keep a line out. */
async function createTables({ sql }: Bench): Promise<void> {
  await sql`create table public.line (
    job_id uuid not null, attempt integer not null, written_at timestamptz not null default clock_timestamp()
  )`;
  await sql`create table public.effect (job_id uuid not null)`;
  await sql`
    create function public.add_effect(
      p_job_id uuid, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
    ) returns void language sql as $$
      insert into public.effect select p_job_id where p_to = 'completed'
    $$`;
  await sql`
    select leasehold.register_type(
      'test.effects', 'public.add_effect(uuid,text,text,text,text,text,jsonb)'::regprocedure
    )`;
}

async function enqueueJobs({ client }: Bench): Promise<void> {
  const inputs = Array.from({ length: jobCount }, (_, number) => ({
    number,
    workMs: 20 + (number % 9) * 20,
  }));
  await client.enqueueMany(effectsPipeline, inputs);
}

/** Leases that the database knows of a worker. */
async function countLeases({ sql }: Bench, worker: EffectsWorker): Promise<number> {
  const started = worker.events().find((event) => event.name === "worker.started");
  const name = started?.worker ?? "";
  const [row] = await sql<{ ct: number }[]>`
    select count(*)::int as ct from leasehold.job_overview where state = 'leased' and worker = ${name}`;
  return row?.ct ?? 0;
}

/** Stops a worker in the middle of its work; answers how many jobs it holds. */
async function freeze(bench: Bench, worker: EffectsWorker): Promise<number> {
  for (;;) {
    worker.signal("SIGSTOP");
    const held = await countLeases(bench, worker);
    if (held > 0) return held;
    worker.signal("SIGCONT");
    await Bun.sleep(5);
  }
}

interface Figures {
  readonly completed: number;
  readonly others: number;
  readonly effects: number;
  readonly jobs_with_effect: number;
  readonly lines: number;
  readonly jobs_with_line: number;
  readonly late_lines: number;
  readonly lapsed: number;
  readonly failures: number;
}

async function readFigures({ sql }: Bench): Promise<Figures | undefined> {
  const [figures] = await sql<Figures[]>`
    select
      (select count(*)::int from leasehold.job_overview where state = 'completed') as completed,
      (select count(*)::int from leasehold.job_overview where state <> 'completed') as others,
      (select count(*)::int from public.effect) as effects,
      (select count(distinct job_id)::int from public.effect) as jobs_with_effect,
      (select count(*)::int from public.line) as lines,
      (select count(distinct job_id)::int from public.line) as jobs_with_line,
      (
        select count(*)::int from public.line as w
        join leasehold.job as j on j.public_id = w.job_id
        join leasehold.attempt as a on a.job_id = j.id and a.attempt = w.attempt
        where w.written_at > a.finished_at
      ) as late_lines,
      (select count(*)::int from leasehold.attempt where outcome = 'lapsed') as lapsed,
      (select coalesce(sum(failures), 0)::int from leasehold.job_counter) as failures`;
  return figures;
}

test("one worker killed and one frozen beyond its leases: every job takes effect once", async () => {
  await using bench = await cluster.setup();
  await createTables(bench);
  await enqueueJobs(bench);
  await using doomed = startEffectsWorker(bench);
  await using frozen = startEffectsWorker(bench);
  await doomed.reached("job.completed", 20);
  await frozen.reached("job.completed", 20);

  const held = [await freeze(bench, frozen), await countLeases(bench, doomed)];
  doomed.signal("SIGKILL");
  await using successor = startEffectsWorker(bench);
  while ((await countLeases(bench, frozen)) + (await countLeases(bench, doomed)) > 0) {
    await Bun.sleep(20);
  }
  frozen.signal("SIGCONT");
  await frozen.reached("lease.lost", 1);
  for (const { id } of await bench.sql<
    { id: string }[]
  >`select public_id as id from leasehold.job`) {
    await bench.client.waitForJob(id);
  }
  const figures = await readFigures(bench);

  const refused = frozen.count("lease.lost");
  process.stderr.write(
    `jobs ${jobCount}; held when frozen and when killed: ${held.join(" and ")}; ` +
      `attempts lapsed ${figures?.lapsed}; stale attempts refused ${refused}; late lines ${figures?.late_lines}; ` +
      `effects ${figures?.effects}; lines of phases that ran twice ${Number(figures?.lines) - jobCount}\n`,
  );
  expect(figures).toMatchObject({
    completed: jobCount,
    others: 0,
    effects: jobCount,
    jobs_with_effect: jobCount,
    jobs_with_line: jobCount,
    late_lines: 0,
    failures: 0,
  });
  expect(figures?.lapsed).toBeGreaterThanOrEqual(2);
  expect(refused).toBeGreaterThanOrEqual(1);
  for (const worker of [doomed, frozen, successor]) {
    expect(worker.count("job.dead") + worker.count("job.failed")).toBe(0);
  }
});
