import { z } from "zod";

import type { Contender, Observer, WorkMode } from "../contenders/contender.ts";
import { enqueueTally, handledJobs, workTally } from "../program/messages.ts";
import type { Program } from "../program/programs.ts";
import { batchSize } from "../sizes.ts";
import { nowMs, pause } from "./clock.ts";
import type { Lab, LabDatabase } from "./lab.ts";

export interface DrainRequest {
  readonly contender: Contender;
  readonly jobs: number;
  readonly processes: number;
  readonly payloadBytes: number;
  /** Default: `throughput`. */
  readonly mode?: WorkMode;
  /** What the workers could run as well. Default: nothing. */
  readonly otherTypes?: readonly string[];
  /** Whether the tables have statistics when the drain begins. Default: true. */
  readonly isAnalysed?: boolean;
}

/** So long may a drain take. */
const patienceMs = 300_000;
const pollMs = 2;

/**
 * Fills a queue, drains it with worker processes, and checks that each job ran once.
 *
 * The clock runs from the first job's start to the moment when the database says that nothing is left. It is asked only
 * after all jobs ran, so that asking costs nobody his speed.
 */
export async function measureDrain(
  lab: Lab,
  request: DrainRequest,
): Promise<Readonly<Record<string, number>>> {
  const { contender, jobs } = request;
  await using database = await lab.createDatabase();
  await contender.prepare(database.url);
  const filled = await fill(lab, database, request);
  if (request.isAnalysed !== false) await database.analyse();
  await database.checkpoint();

  const walBefore = await database.readWal();
  await using observer = await contender.openObserver(database.url);
  await using crew = await startCrew(lab, request, database.url);
  const drained = await watchCrew(lab, crew, { jobs, observer, database });
  const walDrain = (drained.walAfter - walBefore) / jobs;

  return {
    jobs_per_second: jobs / drained.seconds,
    server_cpu_s_per_1k: (drained.serverCpuSeconds / jobs) * 1_000,
    client_cpu_s_per_1k: (drained.clientCpuSeconds / jobs) * 1_000,
    wal_bytes_drain: walDrain,
    wal_bytes_life: walDrain + filled.walBytesPerJob,
    table_mb: await database.readSize(contender.schema),
    other_cpu: drained.otherCpu,
  };
}

async function fill(
  lab: Lab,
  database: LabDatabase,
  request: DrainRequest,
): Promise<{ readonly walBytesPerJob: number }> {
  const { jobs, payloadBytes } = request;
  await using program = await lab.startProgram();
  await database.checkpoint();
  const before = await database.readWal();
  await program.ask(
    {
      ask: "enqueue",
      contender: request.contender.name,
      url: database.url,
      jobs,
      payloadBytes,
      batch: Math.min(batchSize, jobs),
      inFlight: 1,
    },
    enqueueTally,
  );
  return { walBytesPerJob: ((await database.readWal()) - before) / jobs };
}

/** Worker processes that have begun to work, or wait for work. */
export interface Crew extends AsyncDisposable {
  readonly programs: readonly Program[];
  /** Rejects when one of them could not start. */
  readonly started: Promise<unknown>;
}

/** Starts worker processes; their first jobs may run before this resolves. */
export async function startCrew(
  lab: Lab,
  { contender, processes, mode, otherTypes, jobs }: Omit<DrainRequest, "payloadBytes">,
  url: string,
): Promise<Crew> {
  const programs: Program[] = [];
  for (let count = 0; count < processes; count += 1) programs.push(await lab.startProgram());
  const work = {
    ask: "work" as const,
    contender: contender.name,
    url,
    mode: mode ?? "throughput",
    otherTypes,
    workers: 1,
    target: jobs,
  };
  const started = Promise.all(programs.map((program) => program.ask(work, z.undefined())));
  // Whoever watches the crew hears of it; nobody else has to.
  started.catch(() => undefined);
  return {
    programs,
    started,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
    },
  };
}

export interface Drained {
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly clientCpuSeconds: number;
  readonly otherCpu: number;
  /** Bytes of write-ahead log at the end. */
  readonly walAfter: number;
  /** For a single worker process: how fast each tenth of the jobs was handled. */
  readonly rates: readonly number[];
}

interface DrainTarget {
  readonly jobs: number;
  readonly observer: Observer;
  readonly database: LabDatabase;
}

/** Waits until a crew has done all jobs, and checks that it did each of them once. */
export async function watchCrew(
  lab: Lab,
  { programs, started }: Crew,
  { jobs, observer, database }: DrainTarget,
): Promise<Drained> {
  const failure = started.then(() => new Promise<never>(() => undefined));
  await Promise.race([failure, ...programs.map(({ first }) => first)]);
  const window = lab.openWindow();
  const deadline = nowMs() + patienceMs;
  const countHandled = (): number => programs.reduce((sum, each) => sum + each.handled(), 0);
  const isDone = async (): Promise<boolean> => countHandled() >= jobs && (await observer.isDone());
  while (!(await isDone())) {
    if (programs.some((program) => program.hasEnded())) throw new Error("a worker process ended");
    if (nowMs() > deadline) throw new Error(`${countHandled()} of ${jobs} jobs ran in time`);
    await pause(pollMs);
  }
  const endedAt = nowMs();
  const reading = window.close();
  const walAfter = await database.readWal();

  const tallies = await Promise.all(
    programs.map((program) => program.ask({ ask: "tally" }, workTally)),
  );
  await checkOnce(programs, jobs);
  const startedAt = Math.min(
    ...tallies.filter((each) => each.handled > 0).map((each) => each.firstAt),
  );
  return {
    seconds: (endedAt - startedAt) / 1_000,
    serverCpuSeconds: reading.serverCpuSeconds,
    clientCpuSeconds: tallies.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    otherCpu: reading.otherCpuSeconds / reading.seconds,
    walAfter,
    rates: toRates(startedAt, tallies[0]?.tenthsAt ?? [], jobs / 10),
  };
}

function toRates(startedAt: number, tenthsAt: readonly number[], jobs: number): readonly number[] {
  return tenthsAt.map((at, index) => (jobs / (at - (tenthsAt[index - 1] ?? startedAt))) * 1_000);
}

async function checkOnce(programs: readonly Program[], jobs: number): Promise<void> {
  const all = await Promise.all(
    programs.map((program) => program.ask({ ask: "finish" }, handledJobs)),
  );
  assertEachOnce(
    all.flatMap((each) => each.numbers),
    jobs,
  );
}

/** A contender that loses or repeats jobs is not fast. Jobs are numbered from 0. */
export function assertEachOnce(numbers: readonly number[], jobs: number): void {
  const distinct = new Set(numbers).size;
  if (numbers.length === jobs && distinct === jobs) return;
  throw new Error(`of ${jobs} jobs ${distinct} ran, in ${numbers.length} runs`);
}
