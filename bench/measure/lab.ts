import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import postgres from "postgres";

import type { Program } from "../program/programs.ts";
import { startProgram } from "../program/programs.ts";
import { findParent } from "./processor.ts";
import { createWindowBook, type OpenWindow } from "./window.ts";

/** A private Postgres on a folder to throw away, and the processes that use it. */
export interface Lab extends AsyncDisposable {
  readonly postgresVersion: string;
  /** An empty database, or a copy of one; disposing of it drops it. */
  createDatabase(copyOf?: LabDatabase): Promise<LabDatabase>;
  startProgram(): Promise<Program>;
  openWindow(): OpenWindow;
  /** Cores that anything else on the machine kept busy during the windows. */
  otherCpu(): number;
}

export interface LabDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** A superuser's connection to it. */
  readonly admin: postgres.Sql;
  /** Bytes of write-ahead log since the cluster was made. */
  readWal(): Promise<number>;
  /** Writes all pages out, so that the first change of each page is logged in full again. */
  checkpoint(): Promise<void>;
  /** Collects statistics of everything. */
  analyse(): Promise<void>;
  /** Megabytes of the tables of a schema, with indexes. */
  readSize(schema: string): Promise<number>;
}

export interface LabOptions {
  /** Default: `full`, the only one to measure with. */
  readonly durability?: "full" | "none";
}

/** Starts the server. */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-bench-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const server = await startEmbeddedPostgres({ dataDir: folder, ...options }).catch(
    async (error: unknown) => {
      await remove();
      throw error;
    },
  );
  const admin = postgres(server.adminUrl, { max: 1, onnotice: () => undefined });
  const serverPid = await findServer(admin);
  const programs = new Set<Program>();
  const windows = createWindowBook();
  let databases = 0;

  const createDatabase = async (copyOf?: LabDatabase): Promise<LabDatabase> => {
    databases += 1;
    const name = `bench_${databases}`;
    if (copyOf === undefined) await server.createDatabase(name);
    else await copyDatabase(admin, server, { from: copyOf, to: name });
    return openDatabase(server, name);
  };

  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([...programs].map((program) => program[Symbol.asyncDispose]()));
    await admin.end({ timeout: 1 });
    await server.stop();
    await remove();
  };

  return {
    postgresVersion: server.version,
    createDatabase,
    async startProgram() {
      const program = await startProgram();
      programs.add(program);
      return {
        ...program,
        async [Symbol.asyncDispose]() {
          await program[Symbol.asyncDispose]();
          programs.delete(program);
        },
      };
    },
    openWindow: () =>
      windows.open(() => ({ serverPid, children: [...programs].map(({ pid }) => pid) })),
    otherCpu: () => windows.otherCpu(),
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

/** A session's parent is the server itself. */
async function findServer(admin: postgres.Sql): Promise<number> {
  const [row] = await admin<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const server = row === undefined ? undefined : findParent(row.pid);
  if (server === undefined) throw new Error("the bench needs /proc, which only Linux has");
  return server;
}

async function copyDatabase(
  admin: postgres.Sql,
  server: EmbeddedPostgres,
  { from, to }: { readonly from: LabDatabase; readonly to: string },
): Promise<void> {
  // Files are copied as they are: the log would otherwise be written once more, and the cache filled.
  await admin.unsafe(
    `create database ${to} template ${from.name} strategy file_copy owner ${ownerOf(server)}`,
  );
}

function ownerOf(server: EmbeddedPostgres): string {
  return new URL(server.url).username;
}

function openDatabase(server: EmbeddedPostgres, name: string): LabDatabase {
  const admin = postgres(server.databaseUrl(name, "postgres"), {
    max: 1,
    onnotice: () => undefined,
  });
  return {
    name,
    url: server.databaseUrl(name),
    admin,
    async readWal() {
      const [row] = await admin<{ bytes: string }[]>`
        select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes`;
      return Number(row?.bytes);
    },
    checkpoint: async () => void (await admin`checkpoint`),
    analyse: async () => void (await admin`analyze`),
    async readSize(schema) {
      const [row] = await admin<{ bytes: string }[]>`
        select sum(pg_total_relation_size(oid)) as bytes from pg_class
        where relnamespace = ${schema}::regnamespace and relkind = 'r'`;
      return Number(row?.bytes) / 1e6;
    },
    async [Symbol.asyncDispose]() {
      await admin.end({ timeout: 1 });
      await server.dropDatabase(name);
    },
  };
}
