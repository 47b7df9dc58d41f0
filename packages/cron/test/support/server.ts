import { afterAll, setDefaultTimeout } from "bun:test";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";

/** The server that all test processes share. */
export function joinServer(): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: join(tmpdir(), `leasehold-tests-${userInfo().uid}`),
    durability: "none",
  });
}

/** Gives a test file a database of its own, made at the first call and dropped after the file's last test. */
export function useDatabase(): () => Promise<TestServer> {
  // Bun's own five seconds are for a machine that has nothing else to do.
  setDefaultTimeout(60_000);
  const stack = new AsyncDisposableStack();
  const open = async (): Promise<TestServer> => {
    const server = await joinServer();
    stack.defer(() => server.stop());
    const name = `cron_${crypto.randomUUID().replaceAll("-", "")}`;
    const url = await server.createDatabase(name);
    stack.defer(() => server.dropDatabase(name));
    return { url, urlAs: (login) => server.databaseUrl(name, login) };
  };
  let opened: Promise<TestServer> | undefined;
  afterAll(() => stack.disposeAsync());
  return () => (opened ??= open());
}

export interface TestServer {
  /** As the ordinary login that owns the database. */
  readonly url: string;
  /** The same database for another login; `postgres` is the superuser. */
  readonly urlAs: (login: string) => string;
}
