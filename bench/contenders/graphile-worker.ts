import { Logger, makeWorkerUtils, run, runMigrations } from "graphile-worker";
import postgres from "postgres";

import type { BenchPayload, Contender, WorkMode } from "./contender.ts";

/** The fastest configuration that we found: jobs are fetched 500 at a time and completed in groups. */
const settings: Readonly<Record<WorkMode, GraphileConfig.Preset["worker"]>> = {
  throughput: {
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
  single: { concurrentJobs: 1 },
};

const task = "bench";
const silent: Logger = new Logger(() => () => undefined);

/** graphile-worker, whose jobs are deleted when they are done; it keeps no history and no lease token. */
export const graphileWorker: Contender = {
  name: "graphile-worker",
  schema: "graphile_worker",
  async prepare(url) {
    await runMigrations({ connectionString: url, logger: silent });
  },
  async openEnqueuer(url) {
    const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: 16, logger: silent });
    return {
      addOne: async (payload) => void (await utils.addJob(task, payload)),
      async addMany(payloads) {
        await utils.addJobs(payloads.map((payload) => ({ identifier: task, payload })));
      },
      [Symbol.asyncDispose]: async () => {
        await utils.release();
      },
    };
  },
  openObserver(url) {
    const sql = postgres(url, { max: 1 });
    return Promise.resolve({
      async isDone() {
        const [row] = await sql<{ done: boolean }[]>`
          select not exists (select from graphile_worker._private_jobs) as done`;
        return row?.done === true;
      },
      [Symbol.asyncDispose]: () => sql.end(),
    });
  },
  async startWorker({ url, mode, onJob }) {
    const runner = await run({
      connectionString: url,
      logger: silent,
      noHandleSignals: true,
      taskList: {
        [task](payload) {
          if (isPayload(payload)) onJob(payload.n);
        },
      },
      preset: { worker: { ...settings[mode] } },
    });
    return { [Symbol.asyncDispose]: () => runner.stop() };
  },
};

function isPayload(value: unknown): value is BenchPayload {
  return typeof value === "object" && value !== null && "n" in value;
}
