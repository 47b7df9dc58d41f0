import { bare } from "../contenders/bare.ts";
import type { Contender } from "../contenders/contender.ts";
import { graphileWorker } from "../contenders/graphile-worker.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { pgBoss } from "../contenders/pg-boss.ts";
import type { Lab } from "../measure/lab.ts";
import { enqueueTally } from "../program/messages.ts";
import { batchSize, payloadBytes } from "../sizes.ts";
import { measureInTurns, type Scenario } from "./scenario.ts";

const everybody: readonly Contender[] = [leasehold, graphileWorker, pgBoss, bare];

export const enqueueSingly: Scenario = {
  name: "enqueue1",
  about: "jobs enqueued one by one, each in a call of its own that is waited for",
  measure: (context) => measureEnqueues(context, "enqueue1", { batch: 1, inFlight: 1 }),
};

export const enqueueInFlight: Scenario = {
  name: "enqueue16",
  about: "the same with 16 calls in flight",
  measure: (context) => measureEnqueues(context, "enqueue16", { batch: 1, inFlight: 16 }),
};

export const enqueueBatches: Scenario = {
  name: "enqueue_batch",
  about: `${batchSize} jobs per call`,
  measure: (context) =>
    measureEnqueues(context, "enqueue_batch", { batch: batchSize, inFlight: 1 }),
};

interface EnqueueRequest {
  readonly batch: number;
  readonly inFlight: number;
}

function measureEnqueues(
  context: Parameters<Scenario["measure"]>[0],
  scenario: string,
  request: EnqueueRequest,
): Promise<void> {
  const { lab, sizes } = context;
  const jobs = request.batch === 1 ? sizes.enqueueSingles : sizes.enqueueBatchJobs;
  const series = everybody.map((contender) => ({
    contender: contender.name,
    measure: () => measureEnqueue(lab, contender, { ...request, jobs }),
  }));
  return measureInTurns(context, { scenario, series });
}

async function measureEnqueue(
  lab: Lab,
  contender: Contender,
  request: EnqueueRequest & { readonly jobs: number },
): Promise<Readonly<Record<string, number>>> {
  const { jobs } = request;
  await using database = await lab.createDatabase();
  await contender.prepare(database.url);
  await using program = await lab.startProgram();
  await database.checkpoint();
  const walBefore = await database.readWal();
  const window = lab.openWindow();
  const tally = await program.ask(
    {
      ask: "enqueue",
      contender: contender.name,
      url: database.url,
      payloadBytes,
      ...request,
    },
    enqueueTally,
  );
  const reading = window.close();
  return {
    jobs_per_second: jobs / tally.seconds,
    server_cpu_s_per_1k: (reading.serverCpuSeconds / jobs) * 1_000,
    client_cpu_s_per_1k: (tally.cpuSeconds / jobs) * 1_000,
    wal_bytes_enqueue: ((await database.readWal()) - walBefore) / jobs,
    other_cpu: reading.otherCpuSeconds / reading.seconds,
  };
}
