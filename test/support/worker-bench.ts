import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";

import { type Client, createClient, migrate } from "@leasehold/core";
import { cronSql } from "@leasehold/cron";
import { createLearningStore, learningSql, type LearningStore } from "@leasehold/learning";
import postgres from "postgres";

import {
  type ProgramEnd,
  type SpawnedProgram,
  type SpawnOptions,
  spawnProgram,
} from "./spawned-program.ts";
import { createTemporaryDirectory, type TemporaryDirectory } from "./temporary-directory.ts";
import { type ServerOptions, useThrowawayPostgres } from "./throwaway-postgres.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

export type Variables = Readonly<Record<string, string>>;

/** The folder of the project. */
export const root: string = join(import.meta.dirname, "../..");
/** The samples that the project comes with. */
export const samples: string = join(root, "examples/submissions");
const main = join(root, "apps/worker/src/main.ts");

/** A folder of its own and nothing else: the worker then brings its own Postgres. */
export interface Home extends AsyncDisposable {
  readonly path: string;
  readonly dataDir: string;
  /** What a program is told, unless the test says otherwise. */
  readonly variables: Variables;
  /** Starts the worker's command line. */
  start(
    args: readonly string[],
    variables?: Variables,
    input?: string | Uint8Array,
  ): SpawnedProgram;
  /** The same, to its end. */
  run(
    args: readonly string[],
    variables?: Variables,
    input?: string | Uint8Array,
  ): Promise<ProgramEnd>;
}

/** A database of its own on the server of the test file. */
export interface Database {
  readonly name: string;
  /** As the ordinary login, which owns it. */
  readonly url: string;
  readonly adminUrl: string;
  /** Where the server listens; it has no port of its own. */
  readonly socketPath: string;
  urlOf(this: void, role: string): string;
  /** Runs statements as a role, and answers the SQLSTATE of the first that is refused. */
  attempt(this: void, role: string, ...statements: readonly string[]): Promise<string | undefined>;
}

/** A home with a database that is installed. */
export interface Bench extends Home {
  readonly database: Database;
  readonly sql: postgres.Sql;
  readonly store: LearningStore;
  readonly client: Client;
  /** Starts a worker with health and metrics on a free port. It is killed with the bench. */
  startWorker(variables?: Variables): WorkerProcess;
}

/** How the programs of a home are started. */
export type HomeOptions = Pick<SpawnOptions, "detached" | "lifetimeMs">;

/** Makes a folder from which nothing of the test's own surroundings can be seen. */
export async function setupHome(options: HomeOptions = {}): Promise<Home> {
  const folder = await createTemporaryDirectory();
  // The private Postgres of somebody who is root runs as another user, who must get through.
  await chmod(folder.path, 0o711);
  const temporary = join(folder.path, "tmp");
  await mkdir(temporary);
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder.path,
    TMPDIR: temporary,
    LEASEHOLD_DATA_DIR: join(folder.path, "data"),
  };
  return openHome(folder, { ...options, cwd: folder.path, env });
}

function openHome(folder: TemporaryDirectory, surroundings: SpawnOptions): Home {
  const programs: SpawnedProgram[] = [];
  const start: Home["start"] = (args, more = {}, input = "") => {
    const env = { ...surroundings.env, ...more };
    const program = spawnProgram([main, ...args], { ...surroundings, env, input });
    programs.push(program);
    return program;
  };
  return {
    path: folder.path,
    dataDir: join(folder.path, "data"),
    variables: surroundings.env,
    start,
    run: (args, more, input) => start(args, more, input).ended,
    async [Symbol.asyncDispose]() {
      for (const program of programs) await program[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A private server for one test file. */
export interface Cluster {
  /** An empty database. */
  createDatabase(): Promise<Database>;
  setup(variables?: Variables, options?: HomeOptions): Promise<Bench>;
}

/** Gives a test file its server, started at the first call and stopped after the file's last test. */
export function useCluster(options: ServerOptions = {}): Cluster {
  const open = useThrowawayPostgres(options);
  const createDatabase = async (): Promise<Database> => {
    const server = await open();
    const name = `test_${crypto.randomUUID().slice(0, 8)}`;
    await server.createDatabase(name);
    return openDatabase(name, (role) => server.databaseUrl(name, role));
  };
  return {
    createDatabase,
    setup: async (variables, homeOptions) =>
      await setupBench(await createDatabase(), variables, homeOptions),
  };
}

function openDatabase(name: string, urlOf: Database["urlOf"]): Database {
  return {
    name,
    url: urlOf("leasehold"),
    adminUrl: urlOf("postgres"),
    socketPath: `${decodeURIComponent(/@([^,]+),/.exec(urlOf("leasehold"))?.[1] ?? "")}/.s.PGSQL.5432`,
    urlOf,
    async attempt(role, ...statements) {
      const sql = postgres(urlOf(role), { max: 1, onnotice: () => undefined });
      try {
        for (const statement of statements) await sql.unsafe(statement);
        return undefined;
      } catch (error) {
        if (error instanceof postgres.PostgresError) return error.code;
        throw error;
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
  };
}

async function setupBench(
  database: Database,
  variables: Variables = {},
  options: HomeOptions = {},
): Promise<Bench> {
  const { url } = database;
  await migrate({ connection: url, bundles: [learningSql, cronSql] });
  const home = await setupHome(options);
  const sql = postgres(url, { max: 2, onnotice: () => undefined });
  const store = createLearningStore({ connection: url });
  const client = createClient({ connection: url });
  const own = { LEARNING_DATABASE_URL: url, ...variables };
  const start: Home["start"] = (args, more, input) => home.start(args, { ...own, ...more }, input);
  return {
    ...home,
    variables: { ...home.variables, ...own },
    database,
    sql,
    store,
    client,
    start,
    run: (args, more, input) => start(args, more, input).ended,
    startWorker: (more = {}) =>
      startWorker(home, start(["run"], { LEASEHOLD_HTTP_PORT: "0", ...more })),
    async [Symbol.asyncDispose]() {
      await home[Symbol.asyncDispose]();
      await Promise.all([store.close(), client.close(), sql.end({ timeout: 1 })]);
    },
  };
}
