import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";

/** A Postgres that can crash, and comes back behind the same URL. */
export interface ChaosServer extends AsyncDisposable {
  readonly url: string;
  /** Ends it at once, as `pg_ctl -m immediate` does, and starts it again after a while. It recovers from its log. */
  restart(downMs?: number): Promise<void>;
}

export interface ChaosServerOptions {
  readonly dataDir: string;
  /** Default: the Postgres that comes with the project. */
  readonly binFolder?: string | undefined;
}

const endPatienceMs = 30_000;

/** Starts a server that cares for every commit. */
export async function startChaosServer(options: ChaosServerOptions): Promise<ChaosServer> {
  const { dataDir, binFolder } = options;
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({
      dataDir,
      durability: "full",
      ...(binFolder === undefined ? {} : { binFolder }),
    });
  let server = await start();
  return {
    url: server.url,
    async restart(downMs = 0) {
      await crash(dataDir);
      await Bun.sleep(downMs);
      // Whoever was a member of the server that crashed is none of the new one.
      const before = server;
      server = await start();
      await before.stop();
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function crash(dataDir: string): Promise<void> {
  const pid = await findServerPid(dataDir);
  process.kill(pid, "SIGQUIT");
  const deadline = AbortSignal.timeout(endPatienceMs);
  while (isAlive(pid)) {
    deadline.throwIfAborted();
    await Bun.sleep(5);
  }
}

/** The number of the server that runs on a data folder, as its lock file has it. */
export async function findServerPid(dataDir: string): Promise<number> {
  const cluster = (await readdir(dataDir)).find((name) => /^pg\d+$/.test(name)) ?? "";
  const lockFile = await readFile(join(dataDir, cluster, "postmaster.pid"), "utf8");
  return Number(lockFile.split("\n", 1)[0]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
