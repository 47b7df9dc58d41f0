import { z } from "zod";

import type { Contender } from "../contenders/contender.ts";
import { graphileWorker } from "../contenders/graphile-worker.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { pgBoss } from "../contenders/pg-boss.ts";
import { pause } from "../measure/clock.ts";
import type { Lab, LabDatabase } from "../measure/lab.ts";
import { measureInTurns, type Scenario } from "./scenario.ts";

const workers = 10;
/** Polls grow longer on an empty queue; this is until they have. */
const settleMs = 10_000;

/** What workers cost that have nothing to do. */
export const idleFleet: Scenario = {
  name: "idle",
  about: `${workers} idle workers: transactions per minute`,
  measure: (context) =>
    measureInTurns(
      { ...context, runs: 1 },
      {
        scenario: "idle",
        series: [leasehold, graphileWorker, pgBoss].map((contender) => ({
          contender: contender.name,
          measure: () => measureIdle(context.lab, contender, context.sizes.idleSeconds),
        })),
      },
    ),
};

async function measureIdle(
  lab: Lab,
  contender: Contender,
  seconds: number,
): Promise<Readonly<Record<string, number>>> {
  await using database = await lab.createDatabase();
  const { url } = database;
  await contender.prepare(url);
  await using program = await lab.startProgram();
  const work = { ask: "work", contender: contender.name, url, mode: "throughput" } as const;
  await program.ask({ ...work, workers, target: 1 }, z.undefined());
  await pause(Math.min(settleMs, seconds * 1_000));

  const before = await countTransactions(database);
  const window = lab.openWindow();
  await pause(seconds * 1_000);
  const reading = window.close();
  const transactions = (await countTransactions(database)) - before;
  const minutes = reading.seconds / 60;
  return {
    transactions_per_minute: transactions / minutes,
    server_cpu_s_per_minute: reading.serverCpuSeconds / minutes,
    other_cpu: reading.otherCpuSeconds / reading.seconds,
  };
}

/** Sessions tell what they did once a second at most, and when they fall idle: the ends of the window are blurred. */
async function countTransactions({ admin, name }: LabDatabase): Promise<number> {
  const [row] = await admin<{ count: string }[]>`
    select xact_commit + xact_rollback as count from pg_stat_database where datname = ${name}`;
  return Number(row?.count);
}
