import type { Contender } from "../contenders/contender.ts";
import { graphileWorker } from "../contenders/graphile-worker.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { pgBoss } from "../contenders/pg-boss.ts";
import { nowMs, pause } from "../measure/clock.ts";
import { startCrew } from "../measure/drain.ts";
import type { Lab } from "../measure/lab.ts";
import { quantile } from "../measure/numbers.ts";
import { enqueueTally, handledJobs } from "../program/messages.ts";
import type { Program } from "../program/programs.ts";
import { payloadBytes } from "../sizes.ts";
import { measureInTurns, type Scenario } from "./scenario.ts";

/** Long enough for the last job to be done and everybody to sleep again. */
const gapMs = [10, 20] as const;
/** Of the samples, thrown away: programs are slow at first. */
const warmUpShare = 0.1;
const settleMs = 1_000;
const patienceMs = 30_000;

/** How long a job waits for an idle worker. The bare loop only polls, and has nothing to show here. */
export const pickup: Scenario = {
  name: "pickup",
  about: "one job at a time on an idle queue, from the call that enqueues to the start of the job",
  measure: (context) =>
    measureInTurns(
      // Tails need more runs than middles.
      { ...context, runs: context.sizes.pickupRuns },
      {
        scenario: "pickup",
        series: [leasehold, graphileWorker, pgBoss].map((contender) => ({
          contender: contender.name,
          measure: () => measurePickup(context.lab, contender, context.sizes.pickupSamples),
        })),
      },
    ),
};

async function measurePickup(
  lab: Lab,
  contender: Contender,
  samples: number,
): Promise<Readonly<Record<string, number>>> {
  const warmUps = Math.ceil(samples * warmUpShare);
  const jobs = samples + warmUps;
  const { name } = contender;
  await using database = await lab.createDatabase();
  const { url } = database;
  await contender.prepare(url);
  await using crew = await startCrew(lab, { contender, processes: 1, jobs }, url);
  await using enqueuer = await lab.startProgram();
  await crew.started;
  await pause(settleMs);

  const window = lab.openWindow();
  const { calledAt } = await enqueuer.ask(
    { ask: "drip", contender: name, url, jobs, payloadBytes, gapMs: [...gapMs] },
    enqueueTally,
  );
  const [worker] = crew.programs;
  if (worker === undefined) throw new Error("a crew has a program");
  await waitForAll(worker, jobs);
  const reading = window.close();
  const { numbers, at } = await worker.ask({ ask: "finish" }, handledJobs);

  const waits = numbers.map((n, index) => ({ n, ms: (at[index] ?? 0) - (calledAt[n] ?? 0) }));
  const counted = waits.filter(({ n }) => n >= warmUps).map(({ ms }) => ms);
  return {
    p50_ms: quantile(counted, 0.5),
    p95_ms: quantile(counted, 0.95),
    p99_ms: quantile(counted, 0.99),
    max_ms: Math.max(...counted),
    server_cpu_s_per_1k: (reading.serverCpuSeconds / jobs) * 1_000,
    other_cpu: reading.otherCpuSeconds / reading.seconds,
  };
}

async function waitForAll(worker: Program, jobs: number): Promise<void> {
  const deadline = nowMs() + patienceMs;
  while (worker.handled() < jobs) {
    if (nowMs() > deadline) throw new Error(`${worker.handled()} of ${jobs} jobs were picked up`);
    await pause(5);
  }
}
