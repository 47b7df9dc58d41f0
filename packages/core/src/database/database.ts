import postgres from "postgres";

import { backoffMs } from "../backoff.ts";
import { WorkerError } from "../errors.ts";
import { systemRuntime } from "../runtime.ts";
import {
  databaseUnavailable,
  isBroken,
  isOnlyRefused,
  stateOf,
  toDatabaseError,
} from "./database-errors.ts";
import { isPooled, toDriverUrl } from "./pooler.ts";

/** Options of the `postgres` package, and one of ours. */
export interface ConnectionOptions extends postgres.Options<Record<string, never>> {
  /**
   * Whether a pooler stands between that lends a connection for one transaction, as PgBouncer in transaction mode does.
   * Nothing is prepared and nobody listens then: jobs are found by looking. In a URL: `?pgbouncer=true`. Default: `false`.
   */
  readonly pooled?: boolean;
}

/** How to reach Postgres: a URL, or options of the `postgres` package. */
export type DatabaseConnection = string | ConnectionOptions;

/** A function of the schema: the types of its arguments, and how a row of its answer is read. */
export interface Routine<Answer> {
  readonly name: string;
  readonly casts: readonly string[];
  /** Takes a row's columns by position. Throws when they are not what this version knows. */
  readonly read: (columns: unknown) => Answer;
}

/** What may be sent as a parameter. JSON and arrays travel as text. */
export type SqlValue = string | number | boolean | null | Date | Uint8Array;

/** A row of a statement of the host's own, by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** One transaction on one connection. */
export interface Transaction {
  call<Answer>(routine: Routine<Answer>, values: readonly SqlValue[]): Promise<readonly Answer[]>;
  run(text: string, parameters: readonly SqlValue[]): Promise<void>;
  /** Runs a statement of the host's own. */
  query(text: string, parameters: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

/** A few connections with a deadline on everything they are asked. */
export interface Pool {
  call<Answer>(routine: Routine<Answer>, values: readonly SqlValue[]): Promise<readonly Answer[]>;
  transaction(body: (transaction: Transaction) => Promise<void>): Promise<void>;
  /** Subscribes to hints. `onReady` is called again after each reconnect: hints may have been missed. */
  listen(channel: string, onHint: (word: string) => void, onReady: () => void): Promise<void>;
  /** Waits for answers that are on their way, but no longer than `waitMs`. Default: 1,000. */
  end(waitMs?: number): Promise<void>;
}

export interface PoolOptions {
  readonly connection: DatabaseConnection;
  readonly schema: string;
  readonly name: string;
  readonly max: number;
  /** After this long without an answer the connection is given up for dead. */
  readonly deadlineMs: number;
}

/**
 * Opens a driver client with our settings over the host's.
 *
 * How the host likes to see its rows is not how we read ours, so its types and transforms stay behind.
 */
export function openClient(
  connection: DatabaseConnection,
  overrides: postgres.Options<Record<string, never>>,
): postgres.Sql {
  const settings = {
    onnotice: () => undefined,
    connect_timeout: 5,
    // What is prepared on one connection of the pooler's is not known on the next.
    ...(isPooled(connection) ? { prepare: false } : {}),
    // The driver's own would let us wait up to 20 s after an outage, which is longer than any statement may take.
    backoff: (failures: number) => (0.5 + Math.random() / 2) * Math.min(2 ** failures / 20, 2),
    ...overrides,
  };
  if (typeof connection === "string") return postgres(toDriverUrl(connection), settings);
  const { pooled: _pooled, ...host } = connection;
  return postgres({
    ...host,
    ...settings,
    connection: { ...host.connection, ...settings.connection },
    types: {},
    transform: {},
  });
}

/**
 * The driver's list of free connections keeps an entry of every call, and is searched through: what it costs grows with
 * each. After so many calls a client makes way for a new one. Seen in `postgres` 3.4.9.
 */
const callsMax = 10_000;

/** One client of the driver, what it was asked so far, and how many answers it still owes. */
interface DriverClient {
  readonly sql: postgres.Sql;
  calls: number;
  owed: number;
  isRetired: boolean;
  /** Whether its server's default is the isolation level that our functions need; undefined before it was asked. */
  isFitting: Promise<boolean> | undefined;
}

/** A call with a deadline. A record, and no signal: one is made for every call, and aborting it would cost more than that. */
interface BoundedCall {
  /** Nobody waits for it any more. */
  isOver: boolean;
}

function openDriverClient({ connection, max, name }: PoolOptions): DriverClient {
  const sql = openClient(connection, {
    max,
    // The driver has no unref: an idle pool must not keep a process alive that forgot to stop us.
    idle_timeout: 30,
    // We send and read no arrays, and a connection that breaks in this question would end the process.
    fetch_types: false,
    connection: { application_name: name },
  });
  return { sql, calls: 0, owed: 0, isRetired: false, isFitting: undefined };
}

export function openPool(options: PoolOptions): Pool {
  const { deadlineMs, schema } = options;
  const clients = new Set<DriverClient>();
  let ended = false;

  const open = (): DriverClient => {
    const client = openDriverClient(options);
    clients.add(client);
    return client;
  };
  let current = open();

  // Once a connection of it broke, the driver is not to be trusted with it: what it is asked in that moment is never
  // answered, the connection may never come back, and a dead transaction may go on outside of any.
  const retire = (client: DriverClient): void => {
    client.isRetired = true;
    if (client === current && !ended) current = open();
  };

  // The driver never gives up on a silent connection, so we do.
  const bounded = async <Result>(
    operation: string,
    ask: (client: DriverClient, call: BoundedCall) => Promise<Result>,
  ): Promise<Result> => {
    const client = current;
    const call: BoundedCall = { isOver: false };
    client.owed += 1;
    client.calls += 1;
    if (client.calls === callsMax) retire(client);
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const timer = setTimeout(() => {
      const what = `did not answer ${operation} within ${deadlineMs} ms`;
      reject(databaseUnavailable(what, { cause: undefined }));
    }, deadlineMs);
    ask(client, call).then(resolve, reject);
    try {
      return await promise;
    } catch (error) {
      if (isBroken(error)) retire(client);
      throw toDatabaseError(error, operation);
    } finally {
      clearTimeout(timer);
      call.isOver = true;
      client.owed -= 1;
      // Its neighbours may still be answered, and none of them is waited for longer than the deadline.
      if (client.isRetired && client.owed === 0) {
        clients.delete(client);
        client.sql.end({ timeout: 0 }).catch(() => undefined);
      }
    }
  };

  return {
    call: (routine, values) =>
      bounded(routine.name, (client, bound) =>
        repeatRefused(() => callAlone(client, { schema, routine, values }), bound),
      ),
    transaction: (body) => bounded("transaction", ({ sql }) => runTransaction(sql, schema, body)),
    async listen(channel, onHint, onReady) {
      // The pooler would lend this connection to others, and hints with it.
      if (isPooled(options.connection)) return;
      try {
        await current.sql.listen(channel, onHint, onReady);
      } catch (error) {
        throw toDatabaseError(error, "listen");
      }
    },
    async end(waitMs = 1_000) {
      ended = true;
      await Promise.all([...clients].map(({ sql }) => sql.end({ timeout: waitMs / 1_000 })));
    },
  };
}

/**
 * Our functions read again what they have waited for, and have to see it as it is by then: in a stricter level they would
 * be refused, or would decide by what is past. What the database or the login has for a default is the host's business.
 */
export const isolation: string = "isolation level read committed";

/** Asks once: it costs no parameter of the connection's start, which poolers refuse. */
async function isFitting(client: DriverClient): Promise<boolean> {
  client.isFitting ??= client.sql
    .unsafe("show default_transaction_isolation")
    .values()
    .then(([row]) => row?.[0] === "read committed");
  try {
    return await client.isFitting;
  } catch (error) {
    client.isFitting = undefined;
    throw error;
  }
}

/** A call is a transaction of its own; where that would have the wrong level, it says so and takes longer. */
async function callAlone<Answer>(
  client: DriverClient,
  call: RoutineCall<Answer>,
): Promise<readonly Answer[]> {
  if (await isFitting(client)) return await callRoutine(client.sql, call);
  let answers: readonly Answer[] = [];
  await client.sql.begin(isolation, async (sql) => {
    answers = await whileConnected(callRoutine(sql, call));
  });
  return answers;
}

const refusalsMax = 5;
const betweenRefusals = { minMs: 5, maxMs: 100 };

/** Postgres has undone the whole of a call that it could not put in order with others, so it may be made again. */
async function repeatRefused<Result>(
  ask: () => Promise<Result>,
  call: BoundedCall,
): Promise<Result> {
  for (let refusals = 1; ; refusals += 1) {
    try {
      return await ask();
    } catch (error) {
      if (stateOf(error) !== "40001" || refusals === refusalsMax) throw error;
      const ms = backoffMs(systemRuntime, refusals, betweenRefusals);
      await new Promise<void>((resolve) => void systemRuntime.after(ms, resolve));
      if (call.isOver) throw error;
    }
  }
}

async function runTransaction(
  client: postgres.Sql,
  schema: string,
  body: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  await client.begin(isolation, async (sql) => {
    await body({
      call: (routine, values) => whileConnected(callRoutine(sql, { schema, routine, values })),
      run: async (text, parameters) =>
        void (await whileConnected(sql.unsafe(text, [...parameters]))),
      query: async (text, parameters) =>
        Array.from(await whileConnected(sql.unsafe<SqlRow[]>(text, [...parameters]))),
    });
  });
}

/**
 * Does not settle when the connection is lost. The driver's `begin` finds that out by itself; if it heard of it from us,
 * it would roll back on the closed socket, and the error of that ends the process.
 */
async function whileConnected<Result>(work: PromiseLike<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!isBroken(error) || isOnlyRefused(error)) throw error;
    return await new Promise<never>(() => undefined);
  }
}

interface RoutineCall<Answer> {
  readonly schema: string;
  readonly routine: Routine<Answer>;
  readonly values: readonly SqlValue[];
}

async function callRoutine<Answer>(
  sender: Pick<postgres.Sql, "unsafe">,
  { schema, routine, values }: RoutineCall<Answer>,
): Promise<readonly Answer[]> {
  const text = routineText(schema, routine);
  // Rows are read by position: the names are the database's business.
  const rows = await sender.unsafe(text, [...values], { prepare: true }).values();
  try {
    return rows.map(routine.read);
  } catch {
    const message = `The schema answers ${routine.name} in a shape this version does not know: run migrate.`;
    throw new WorkerError("schema_outdated", message, { scope: "config" });
  }
}

/** The statement that calls a routine; every value is a parameter. */
export function routineText(
  schema: string,
  routine: Pick<Routine<unknown>, "name" | "casts">,
): string {
  const places = routine.casts.map((cast, index) => `$${index + 1}::${cast}`).join(", ");
  return `select * from ${quoteIdentifier(schema)}.${routine.name}(${places})`;
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A Postgres array literal of numbers or uuids, which needs no knowledge of types in the driver. */
export function arrayLiteral(items: readonly (string | number)[]): string {
  return `{${items.join(",")}}`;
}
