import { afterAll, setDefaultTimeout } from "bun:test";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { migrateRoles } from "@leasehold/core";
import { createTestDatabase, type TestDatabase } from "@leasehold/core/testing";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import postgres from "postgres";

import { moveIn, type Neighbour } from "./neighbour.ts";
import { createSchemaShelf, type SchemaShelf } from "./schema-shelf.ts";
import { neighbourLogin, surrounding, throughPooler } from "./surrounding.ts";

/** A database on the server that all test processes share. */
export interface ServerDatabase {
  /** As the ordinary login that owns it. */
  readonly url: string;
  /** As workers log in: the same, where no roles were made. */
  readonly workerUrl: string;
  /** As another login, and never through a pooler; `postgres` is the superuser. */
  readonly urlAs: (login: string) => string;
  /** Where schemas are used again. */
  readonly shelf?: SchemaShelf;
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
    dataDir: surrounding.dataDir ?? join(tmpdir(), `leasehold-tests-${userInfo().uid}`),
    durability: "none",
  });
  const names: string[] = [];
  const createDatabase = async (): Promise<ServerDatabase> => {
    const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
    names.push(name);
    return await prepareDatabase(server, name);
  };
  const database = await createDatabase();
  const neighbour = surrounding.hasNeighbour === true ? await inviteNeighbour(database) : undefined;
  const shelf = isPlain ? createSchemaShelf(database.url) : undefined;
  return {
    ...database,
    ...(shelf === undefined ? {} : { shelf }),
    createDatabase,
    async close() {
      try {
        await neighbour?.leave();
        await shelf?.clear();
      } finally {
        for (const name of names) await server.dropDatabase(name);
        await server.stop();
      }
    },
  };
}

// A pooler keeps its connections, a neighbour works all the time, and roles are for one schema.
const isPlain =
  surrounding.poolerFolder === undefined &&
  surrounding.hasNeighbour !== true &&
  surrounding.hasRoles !== true;

async function inviteNeighbour({ urlAs }: ServerDatabase): Promise<Neighbour> {
  // The login is the server's, and other processes invite it, too.
  await asAdmin(
    urlAs,
    `do $do$ begin
       create role ${neighbourLogin} login;
     exception when duplicate_object or unique_violation then null;
     end $do$;
     do $do$ begin
       execute format('grant create on database %I to ${neighbourLogin}', current_database());
     end $do$`,
  );
  return await moveIn(urlAs(neighbourLogin));
}

const roles = {
  owner: "leasehold_tests_owner",
  worker: "leasehold_tests_worker",
  limited: "leasehold_tests_limited",
};

async function prepareDatabase(server: EmbeddedPostgres, name: string): Promise<ServerDatabase> {
  const { isolation, poolerFolder, hasRoles } = surrounding;
  const direct = await server.createDatabase(name);
  const urlAs = (login: string): string => server.databaseUrl(name, login);
  if (isolation !== undefined) {
    await asAdmin(
      urlAs,
      `alter database ${name} set default_transaction_isolation = '${isolation}'`,
    );
  }
  const url = poolerFolder === undefined ? direct : throughPooler(direct, poolerFolder);
  return { url, workerUrl: hasRoles === true ? urlAs(roles.worker) : url, urlAs };
}

/** An empty schema, with the roles where the surrounding has them. */
export async function createSchema({ url, urlAs, shelf }: ServerDatabase): Promise<TestDatabase> {
  if (shelf !== undefined) return await shelf.take();
  const database = await createTestDatabase({ connection: url });
  if (surrounding.hasRoles !== true) return database;
  const { schema } = database;
  await migrateRoles({ connection: urlAs("postgres"), schema, ...roles });
  // The ordinary login goes on as before, and grants what is its own, as a host would.
  await asAdmin(
    urlAs,
    `grant ${roles.owner} to leasehold;
     alter default privileges for role leasehold in schema "${schema}"
       grant all on tables to ${roles.owner}, ${roles.worker};
     alter default privileges for role leasehold in schema "${schema}"
       grant all on sequences to ${roles.owner}, ${roles.worker}`,
  );
  return database;
}

/** Ends the connections that a condition on `pg_stat_activity` finds, whoever's they are; answers how many. */
export async function endConnections({ urlAs }: ServerDatabase, where: string): Promise<number> {
  return await asAdmin(
    urlAs,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and ${where}`,
  );
}

/** Answers how many rows the statement had. */
async function asAdmin(urlAs: ServerDatabase["urlAs"], text: string): Promise<number> {
  const sql = postgres(urlAs("postgres"), { max: 1, onnotice: () => undefined });
  try {
    return (await sql.unsafe(text).simple()).length;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
