import postgres from "postgres";

import { pause } from "../measure/clock.ts";
import type { BenchPayload, Contender, WorkMode } from "./contender.ts";

/** What tells one queue in bare SQL from another. */
export interface SqlQueue {
  readonly name: string;
  /** It has a table `job` that is empty when everything is done. */
  readonly schema: string;
  /** Makes its tables. */
  readonly text: string;
  /** In one statement. */
  readonly add: (sql: postgres.Sql, payloads: readonly BenchPayload[]) => Promise<unknown>;
  /** Claims, runs and completes as many as there are, up to `limit`; answers how many. */
  readonly workOnce: (
    sql: postgres.Sql,
    limit: number,
    onJob: (n: number) => void,
  ) => Promise<number>;
}

/** Jobs per claim. */
const claimSizes: Readonly<Record<WorkMode, number>> = { throughput: 500, single: 1 };
const idlePollMs = 5;

/** A queue in bare SQL, worked off by a loop on one connection. */
export function createSqlLoop({ name, schema, text, add, workOnce }: SqlQueue): Contender {
  return {
    name,
    schema,
    async prepare(url) {
      const sql = postgres(url, { max: 1, onnotice: () => undefined });
      await sql.unsafe(text).simple();
      await sql.end();
    },
    openEnqueuer(url) {
      const sql = postgres(url, { max: 16 });
      return Promise.resolve({
        addOne: async (payload) => void (await add(sql, [payload])),
        addMany: async (payloads) => void (await add(sql, payloads)),
        [Symbol.asyncDispose]: () => sql.end(),
      });
    },
    openObserver(url) {
      const sql = postgres(url, { max: 1 });
      return Promise.resolve({
        async isDone() {
          const [row] = await sql<{ done: boolean }[]>`
            select not exists (select from ${sql(schema)}.job) as done`;
          return row?.done === true;
        },
        [Symbol.asyncDispose]: () => sql.end(),
      });
    },
    startWorker({ url, mode, onJob, onCompleted }) {
      const sql = postgres(url, { max: 1 });
      const stopping = new AbortController();
      const loop = async (): Promise<void> => {
        while (!stopping.signal.aborted) {
          const count = await workOnce(sql, claimSizes[mode], onJob);
          for (let done = 0; done < count; done += 1) onCompleted();
          if (count === 0) await pause(idlePollMs);
        }
      };
      const ended = loop();
      return Promise.resolve({
        async [Symbol.asyncDispose]() {
          stopping.abort();
          await ended;
          await sql.end();
        },
      });
    },
  };
}
