import { PgBoss, type WorkOptions } from "pg-boss";
import postgres from "postgres";

import type { BenchPayload, Contender, WorkMode } from "./contender.ts";

/** The fastest configuration that we found. Half a second is the shortest poll that it takes. */
const settings: Readonly<Record<WorkMode, WorkOptions>> = {
  throughput: {
    batchSize: 1_000,
    localConcurrency: 2,
    burstWhenBatchFull: true,
    burstWhenReadyExceeds: 1,
    pollingIntervalSeconds: 0.5,
  },
  single: { batchSize: 1, burstWhenReadyExceeds: 1, pollingIntervalSeconds: 0.5 },
};

const queue = "bench";

/** pg-boss, which keeps a done job's row for a week. */
export const pgBoss: Contender = {
  name: "pg-boss",
  schema: "pgboss",
  async prepare(url) {
    const boss = await open(url, { createsTables: true });
    await boss.createQueue(queue, { notify: true });
    await boss.stop({ graceful: false });
  },
  async openEnqueuer(url) {
    const boss = await open(url, {});
    return {
      addOne: async (payload) => void (await boss.send(queue, payload)),
      async addMany(payloads) {
        await boss.insert(
          queue,
          payloads.map((data) => ({ data })),
        );
      },
      [Symbol.asyncDispose]: () => boss.stop({ graceful: false }),
    };
  },
  openObserver(url) {
    const sql = postgres(url, { max: 1 });
    return Promise.resolve({
      async isDone() {
        const [row] = await sql<{ done: boolean }[]>`
          select not exists (select from pgboss.job where state < 'completed') as done`;
        return row?.done === true;
      },
      [Symbol.asyncDispose]: () => sql.end(),
    });
  },
  async startWorker({ url, mode, onJob }) {
    const boss = await open(url, { listens: true });
    await boss.work<BenchPayload>(queue, settings[mode], (jobs) => {
      for (const { data } of jobs) onJob(data.n);
      return Promise.resolve();
    });
    return { [Symbol.asyncDispose]: () => boss.stop({ timeout: 5_000 }) };
  },
};

async function open(
  url: string,
  { createsTables = false, listens = false }: { createsTables?: boolean; listens?: boolean },
): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: url,
    max: 16,
    migrate: createsTables,
    useListenNotify: listens,
    // Its clock for cron, which works off no jobs.
    schedule: false,
  });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  return boss;
}
