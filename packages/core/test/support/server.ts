import { afterAll, setDefaultTimeout } from "bun:test";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { startEmbeddedPostgres } from "@leasehold/embedded-postgres";

/** A database on the server that all test processes share. */
export interface ServerDatabase {
  /** As the ordinary login that owns it. */
  readonly url: string;
  /** As another login; `postgres` is the superuser. */
  readonly urlAs: (login: string) => string;
}

/** The database of one test file. */
export interface TestServer extends ServerDatabase {
  /** One more, empty, dropped with the first. */
  createDatabase(): Promise<ServerDatabase>;
}

/**
 * Gives a test file its database, made at the first call and dropped after the file's last test.
 *
 * Files do not share one, since a hint goes to all workers of a database.
 */
export function useServer(): () => Promise<TestServer> {
  // Bun's own five seconds are for a machine that has nothing else to do.
  setDefaultTimeout(30_000);
  let opened: Promise<OpenServer> | undefined;
  afterAll(async () => {
    await (await opened)?.close();
  });
  return () => (opened ??= openServer());
}

export interface OpenServer extends TestServer {
  /** Drops the databases and leaves the server. */
  close(): Promise<void>;
}

/** The same for a program that is no test. */
export async function openServer(): Promise<OpenServer> {
  const server = await startEmbeddedPostgres({
    dataDir: join(tmpdir(), `leasehold-tests-${userInfo().uid}`),
    durability: "none",
  });
  const names: string[] = [];
  const createDatabase = async (): Promise<ServerDatabase> => {
    const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
    names.push(name);
    const url = await server.createDatabase(name);
    return { url, urlAs: (login) => server.databaseUrl(name, login) };
  };
  return {
    ...(await createDatabase()),
    createDatabase,
    async close() {
      for (const name of names) await server.dropDatabase(name);
      await server.stop();
    },
  };
}
