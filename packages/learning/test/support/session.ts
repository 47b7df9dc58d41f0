import type { TestRow } from "@leasehold/core/testing";
import postgres from "postgres";

/** One connection of its own. Disposing of it rolls back what is open. */
export interface Session extends AsyncDisposable {
  query(text: string, ...values: readonly string[]): Promise<readonly TestRow[]>;
  /** Several statements at once, without parameters. */
  script(text: string): Promise<void>;
  /** Resolves when what was asked for last waits for a lock that somebody else holds. */
  blocked(): Promise<void>;
}

const blockedMsMax = 10_000;

/** Logs in; the schema is `leasehold`. */
export async function openSession(url: string): Promise<Session> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return {
    query: async (text, ...values) => Array.from(await sql.unsafe<TestRow[]>(text, [...values])),
    script: async (text) => void (await sql.unsafe(text).simple()),
    async blocked() {
      const watcher = postgres(url, { max: 1 });
      const deadline = performance.now() + blockedMsMax;
      try {
        while (performance.now() < deadline) {
          const [row] = await watcher<{ is_blocked: boolean }[]>`
            select cardinality(pg_blocking_pids(${backend?.pid ?? 0})) > 0 as is_blocked`;
          if (row?.is_blocked === true) return;
        }
        throw new Error("It was not blocked.");
      } finally {
        await watcher.end();
      }
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
  };
}
