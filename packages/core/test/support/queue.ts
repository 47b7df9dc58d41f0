import type { TestDatabase, TestRow } from "@leasehold/core/testing";
import postgres from "postgres";

import { type Client, createClient } from "../../src/client/client.ts";
import type { SqlValue } from "../../src/database/database.ts";
import { isPooled } from "../../src/database/pooler.ts";
import { renderSql } from "../../src/schema/migrate.ts";
import type { ClaimedJob, JobStore, LaneIds } from "../../src/store/job-store.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import { createSchema, type ServerDatabase } from "./server.ts";

/** A job for `enqueue_jobs`, with what a test does not care about left out. */
export interface NewJob {
  readonly id?: string;
  readonly type?: string;
  readonly version?: number;
  readonly phase?: string;
  readonly queue?: string;
  readonly priority?: number | string;
  readonly delayMs?: number;
  readonly runAt?: string;
  readonly ttlMs?: number;
  readonly deadlineMs?: number;
  readonly tenant?: string;
  readonly subject?: string;
  readonly uniqueKey?: string;
  readonly onConflict?: string;
  readonly idempotencyKey?: string;
  readonly payload?: unknown;
  readonly skipped?: Readonly<Record<string, unknown>>;
}

export interface ClaimOptions {
  readonly worker?: string;
  /** Default: 10. */
  readonly limit?: number;
  /** Default: 1,000: a lease lapses at the earliest its own length after the server started. */
  readonly leaseMs?: number;
  /** Default: both phases. */
  readonly phases?: readonly string[];
}

/** An empty schema with jobs of one type, `essay`, of two phases, `draft` and `grade`. */
export interface Queue extends AsyncDisposable {
  readonly url: string;
  /** As workers log in. */
  readonly workerUrl: string;
  readonly schema: string;
  readonly database: TestDatabase;
  /** The production store: what a worker calls. */
  readonly store: JobStore;
  readonly client: Client;
  enqueue(job?: NewJob): Promise<string>;
  claim(options?: ClaimOptions): Promise<readonly ClaimedJob[]>;
  /** Claims and expects exactly one job. */
  claimOne(options?: ClaimOptions): Promise<ClaimedJob>;
  lanes(phases?: readonly string[]): Promise<readonly LaneIds[]>;
  /** Calls a function of the schema on some free connection. */
  call(name: string, ...values: readonly Value[]): Promise<readonly TestRow[]>;
  query(text: string, ...values: readonly Value[]): Promise<readonly TestRow[]>;
  /** A connection of its own, in a transaction. */
  begin(): Promise<Session>;
}

/** One open transaction. It is rolled back when it was neither committed nor rolled back. */
export interface Session extends AsyncDisposable {
  call(name: string, ...values: readonly Value[]): Promise<readonly TestRow[]>;
  query(text: string, ...values: readonly Value[]): Promise<readonly TestRow[]>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Resolves when what was asked for last waits for a lock that somebody else holds. */
  blocked(): Promise<void>;
}

/** Objects are sent as JSON; an array of Postgres is written as its literal. */
type Value = string | number | boolean | null | object;

export async function setupQueue(server: ServerDatabase): Promise<Queue> {
  const { url, workerUrl } = server;
  const database = await createSchema(server);
  const { schema } = database;
  const store = createPostgresStore({
    connection: workerUrl,
    schema,
    name: "test",
    connections: 4,
  });
  const client = createClient(database);
  const send: Send = (text, parameters) => database.query(text, parameters);

  const claim: Queue["claim"] = async ({ worker, limit, leaseMs, phases } = {}) => {
    const lanes = await declare(phases);
    return await store.claimJobs({
      worker: worker ?? "worker",
      token: crypto.randomUUID(),
      lanes: lanes.map(({ laneId }) => laneId),
      soloLanes: lanes.map(({ soloLaneId }) => soloLaneId),
      limit: limit ?? 10,
      leaseMs: leaseMs ?? 1_000,
    });
  };
  const declare = (phases: readonly string[] = ["draft", "grade"]): Promise<readonly LaneIds[]> =>
    store.declareLanes({ queue: "default", type: "essay", version: 1, phases });

  return {
    url,
    workerUrl,
    schema,
    database,
    store,
    client,
    lanes: declare,
    claim,
    async enqueue(job = {}) {
      const whole = { type: "essay", version: 1, phase: "draft", payload: {}, ...job };
      const [row] = await callOn(send, ["enqueue_jobs", [whole]]);
      return String(row?.["id"]);
    },
    async claimOne(options) {
      const [job, ...others] = await claim(options);
      if (job === undefined || others.length > 0) {
        throw new Error(`Claimed ${others.length + (job === undefined ? 0 : 1)} jobs, not one.`);
      }
      return job;
    },
    call: (...call) => callOn(send, call),
    query: (...query) => queryOn(send, query),
    begin: () => beginSession(url, schema),
    async [Symbol.asyncDispose]() {
      await Promise.all([store.end(), client.close()]);
      await database[Symbol.asyncDispose]();
    },
  };
}

async function beginSession(url: string, schema: string): Promise<Session> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  // As our own transactions are, whatever the server's default.
  await sql.unsafe("begin isolation level read committed");
  // Not before: a pooler may lend another connection for each transaction.
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  // The driver sends a query when somebody waits for it, so somebody does at once.
  const send: Send = async (text, parameters) =>
    Array.from(await sql.unsafe<TestRow[]>(renderSql(text, schema), [...parameters]));
  return {
    call: (...call) => callOn(send, call),
    query: (...query) => queryOn(send, query),
    commit: async () => void (await sql.unsafe("commit")),
    rollback: async () => void (await sql.unsafe("rollback")),
    async blocked() {
      const watcher = postgres(url, { max: 1 });
      try {
        const over = performance.now() + 10_000;
        for (;;) {
          const [row] = await watcher<{ is_blocked: boolean }[]>`
            select cardinality(pg_blocking_pids(${backend?.pid ?? 0})) > 0 as is_blocked`;
          if (row?.is_blocked === true) return;
          if (performance.now() > over) throw new Error("It waits for nobody.");
        }
      } finally {
        await watcher.end();
      }
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 1 }),
  };
}

type Send = (text: string, parameters: readonly SqlValue[]) => Promise<readonly TestRow[]>;
type Statement = readonly [text: string, ...values: Value[]];

function callOn(send: Send, [name, ...values]: Statement): Promise<readonly TestRow[]> {
  const places = values.map(
    (value, index) => `$${index + 1}${isJson(value) ? "::text::jsonb" : ""}`,
  );
  return queryOn(send, [`select * from :"schema".${name}(${places.join(", ")})`, ...values]);
}

function queryOn(send: Send, [text, ...values]: Statement): Promise<readonly TestRow[]> {
  return send(
    text,
    values.map((value) => (isJson(value) ? JSON.stringify(value) : value)),
  );
}

function isJson(value: Value): value is object {
  return typeof value === "object" && value !== null;
}

/** The same connection as a URL's, as options: what the driver reads from it. */
export function connectionOptions(url: string): {
  readonly path: string;
  readonly database: string;
  readonly username: string;
  readonly pooled: boolean;
} {
  const { path, database, user } = postgres(url, { max: 1 }).options;
  return { path: String(path), database, username: user, pooled: isPooled(url) };
}
