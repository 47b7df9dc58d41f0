import { renderSql } from "@leasehold/core";
import type { TestRow } from "@leasehold/core/testing";
import postgres from "postgres";

import type { CronBench } from "./cron-bench.ts";

/** One connection of its own. Disposing of it rolls back what is open. */
export interface Session extends AsyncDisposable {
  /** `:"schema"` stands for the schema's name. */
  query(text: string, ...values: readonly (string | number)[]): Promise<readonly TestRow[]>;
  /** Resolves when what was asked for last waits for a lock that somebody else holds. */
  blocked(): Promise<void>;
  /** Ends the connection from the server's side, as the death of its process would. */
  kill(): Promise<void>;
}

const blockedMsMax = 20_000;

export async function openSession({ url, database }: CronBench): Promise<Session> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const pid = backend?.pid ?? 0;
  return {
    query: async (text, ...values) =>
      Array.from(
        await sql.unsafe<TestRow[]>(renderSql(text, database.schema), [...values], {
          prepare: true,
        }),
      ),
    async blocked() {
      const deadline = performance.now() + blockedMsMax;
      while (performance.now() < deadline) {
        const [row] = await database.query(
          "select cardinality(pg_blocking_pids($1)) > 0 as is_blocked",
          [pid],
        );
        if (row?.["is_blocked"] === true) return;
      }
      throw new Error("It waits for nobody.");
    },
    async kill() {
      await database.query("select pg_terminate_backend($1)", [pid]);
      // Until its locks are free.
      for (;;) {
        const rows = await database.query("select from pg_stat_activity where pid = $1", [pid]);
        if (rows.length === 0) return;
      }
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
  };
}

/** What two connections ask for. The answer is the first column of the first row. */
export interface Rivalry {
  readonly first: string;
  readonly second: string;
}

/** Asks for the second while the first has not committed, and lets the first commit when the second waits for it. */
export async function overtake(
  cron: CronBench,
  { first, second }: Rivalry,
): Promise<readonly [first: unknown, second: unknown]> {
  await using one = await openSession(cron);
  await using other = await openSession(cron);
  await one.query("begin");
  const mine = answerOf(await one.query(first));
  const theirs = other.query(second);
  theirs.catch(() => undefined);
  await other.blocked();
  await one.query("commit");
  return [mine, answerOf(await theirs)];
}

/** Asks for the second while the first has not committed; the second does not wait. */
export async function passBy(
  cron: CronBench,
  { first, second }: Rivalry,
): Promise<readonly [first: unknown, second: unknown]> {
  await using one = await openSession(cron);
  await using other = await openSession(cron);
  await one.query("begin");
  const mine = answerOf(await one.query(first));
  await other.query("set lock_timeout = '10s'");
  const theirs = answerOf(await other.query(second));
  await one.query("commit");
  return [mine, theirs];
}

function answerOf([row]: readonly TestRow[]): unknown {
  return row === undefined ? undefined : Object.values(row)[0];
}
