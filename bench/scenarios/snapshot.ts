import postgres from "postgres";

import type { Contender } from "../contenders/contender.ts";
import { graphileWorker } from "../contenders/graphile-worker.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { startCrew, watchCrew } from "../measure/drain.ts";
import type { Lab } from "../measure/lab.ts";
import { enqueueTally } from "../program/messages.ts";
import { payloadBytes } from "../sizes.ts";
import { measureInTurns, type Scenario } from "./scenario.ts";

/** Jobs per call, and calls in flight: enough to keep a worker busy. */
const enqueues = { batch: 1_000, inFlight: 2 } as const;

const courseJobsMin = 50_000;

/** Somebody's report runs for an hour: rows that are dead cannot be removed, and a claim may have to walk over them. */
export const heldSnapshot: Scenario = {
  name: "snapshot",
  about: "jobs drained while they are enqueued, with and without an old snapshot held by somebody",
  measure: (context) =>
    measureInTurns(context, {
      scenario: "snapshot",
      series: [leasehold, graphileWorker].flatMap((contender) =>
        ["free", "held"].map((variant) => ({
          contender: contender.name,
          variant,
          measure: () =>
            measureLive(context.lab, {
              contender,
              jobs: context.sizes.liveJobs,
              isHeld: variant === "held",
            }),
        })),
      ),
    }),
};

/** Enqueues and drains at the same time. */
export async function measureLive(
  lab: Lab,
  request: { readonly contender: Contender; readonly jobs: number; readonly isHeld: boolean },
): Promise<Readonly<Record<string, number>>> {
  const { contender, jobs } = request;
  await using database = await lab.createDatabase();
  const { url } = database;
  await contender.prepare(url);
  await using held = new AsyncDisposableStack();
  if (request.isHeld) held.use(await holdSnapshot(url));
  await using observer = await contender.openObserver(url);
  await using crew = await startCrew(lab, { contender, processes: 1, jobs }, url);
  await using enqueuer = await lab.startProgram();
  await crew.started;

  await database.checkpoint();
  const [drained] = await Promise.all([
    watchCrew(lab, crew, { jobs, observer, database }),
    enqueuer.ask(
      { ask: "enqueue", contender: contender.name, url, jobs, payloadBytes, ...enqueues },
      enqueueTally,
    ),
  ]);
  return {
    jobs_per_second: jobs / drained.seconds,
    ...toCourse(drained.rates, jobs),
    server_cpu_s_per_1k: (drained.serverCpuSeconds / jobs) * 1_000,
    client_cpu_s_per_1k: (drained.clientCpuSeconds / jobs) * 1_000,
    table_mb: await database.readSize(contender.schema),
    other_cpu: drained.otherCpu,
  };
}

/** How the rate went, where a tenth of the jobs is many claims and not a part of one. */
function toCourse(rates: readonly number[], jobs: number): Readonly<Record<string, number>> {
  const [first] = rates;
  const last = rates.at(-1);
  if (jobs < courseJobsMin || first === undefined || last === undefined) return {};
  return { first_tenth_per_second: first, last_tenth_per_second: last };
}

async function holdSnapshot(url: string): Promise<AsyncDisposable> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const session = await sql.reserve();
  await session`begin isolation level repeatable read`;
  // The snapshot is taken by the first statement.
  await session`select count(*) from pg_class`;
  return {
    async [Symbol.asyncDispose]() {
      await session`rollback`;
      session.release();
      await sql.end();
    },
  };
}
