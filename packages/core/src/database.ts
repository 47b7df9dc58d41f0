import postgres from "postgres";
import type { z } from "zod";

import { WorkerError } from "./errors.ts";

/** How to reach Postgres: a URL, or options of the `postgres` package. */
export type DatabaseConnection = string | postgres.Options<Record<string, never>>;

/** A function of the schema: the types of its arguments, and how a row of its answer is read. */
export interface Routine<Answer> {
  readonly name: string;
  readonly casts: readonly string[];
  /** Takes the columns by position. */
  readonly row: z.ZodType<Answer>;
}

/** What may be sent as a parameter. JSON and arrays travel as text. */
export type SqlValue = string | number | boolean | null | Date | Uint8Array;

/** One transaction on one connection. */
export interface Transaction {
  call<Answer>(routine: Routine<Answer>, values: readonly SqlValue[]): Promise<readonly Answer[]>;
  run(text: string, parameters: readonly SqlValue[]): Promise<void>;
}

/** A few connections with a deadline on everything they are asked. */
export interface Pool {
  call<Answer>(routine: Routine<Answer>, values: readonly SqlValue[]): Promise<readonly Answer[]>;
  transaction(body: (transaction: Transaction) => Promise<void>): Promise<void>;
  /** Subscribes to hints. `onReady` is called again after each reconnect: hints may have been missed. */
  listen(channel: string, onHint: () => void, onReady: () => void): Promise<void>;
  end(): Promise<void>;
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
    // The driver's own would let us wait up to 20 s after an outage, which is longer than any statement may take.
    backoff: (failures: number) => (0.5 + Math.random() / 2) * Math.min(2 ** failures / 20, 2),
    ...overrides,
  };
  if (typeof connection === "string") return postgres(connection, settings);
  return postgres({
    ...connection,
    ...settings,
    connection: { ...connection.connection, ...settings.connection },
    types: {},
    transform: {},
  });
}

export function openPool(options: PoolOptions): Pool {
  const { deadlineMs } = options;
  const connect = (): postgres.Sql =>
    openClient(options.connection, {
      max: options.max,
      // The driver has no unref: an idle pool must not keep a process alive that forgot to stop us.
      idle_timeout: 30,
      connection: { application_name: options.name },
    });
  let client = connect();
  let ended = false;

  // The driver never gives up on a silent connection, so we do, and with it all that shares the pool.
  const bounded = async <Result>(operation: string, work: Promise<Result>): Promise<Result> => {
    const used = client;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (client === used && !ended) client = connect();
        used.end({ timeout: 0 }).catch(() => undefined);
        const what = `did not answer ${operation} within ${deadlineMs} ms`;
        reject(databaseUnavailable(what, { cause: undefined }));
      }, deadlineMs);
    });
    try {
      return await Promise.race([work, expiry]);
    } catch (error) {
      throw toDatabaseError(error, operation);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  };

  return {
    call: (routine, values) =>
      bounded(routine.name, callRoutine(client, { schema: options.schema, routine, values })),
    transaction: (body) =>
      bounded(
        "transaction",
        client.begin(async (sql) => {
          await body({
            call: (routine, values) =>
              callRoutine(sql, { schema: options.schema, routine, values }),
            run: async (text, parameters) => void (await sql.unsafe(text, [...parameters])),
          });
        }),
      ),
    async listen(channel, onHint, onReady) {
      try {
        await client.listen(channel, onHint, onReady);
      } catch (error) {
        throw toDatabaseError(error, "listen");
      }
    },
    async end() {
      ended = true;
      await client.end({ timeout: 1 });
    },
  };
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
  return rows.map((row) => {
    const parsed = routine.row.safeParse(row);
    if (parsed.success) return parsed.data;
    const message = `The schema answers ${routine.name} in a shape this version does not know: run migrate.`;
    throw new WorkerError("schema_outdated", message, { scope: "config" });
  });
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

const transientStates = new Set([
  "40001",
  "40P01",
  "55P03",
  "57014",
  "57P01",
  "57P02",
  "57P03",
  "25006",
]);
const transientClasses = new Set(["08", "53", "58"]);
const driverCodes = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
  "ENOTFOUND",
  "ETIMEDOUT",
]);

/**
 * Wraps an error of the driver, once, at this seam.
 *
 * Its message, detail and context may quote a learner; only the SQLSTATE goes on.
 */
export function toDatabaseError(error: unknown, operation: string): WorkerError {
  if (WorkerError.is(error)) return error;
  const code = codeOf(error);
  if (code === undefined || driverCodes.has(code)) {
    const what = `could not be reached for ${operation} (${code ?? "no code"})`;
    return databaseUnavailable(what, { cause: error });
  }
  const adapterCode = `sqlstate_${code.toLowerCase()}`;
  if (transientStates.has(code) || transientClasses.has(code.slice(0, 2))) {
    const what = `refused ${operation} for now (SQLSTATE ${code})`;
    return databaseUnavailable(what, { cause: error, adapterCode });
  }
  const fixed = { scope: "config", cause: error, adapterCode } as const;
  if (code === "42501" || code === "28000" || code === "28P01") {
    const message = `The database login may not call ${operation} (SQLSTATE ${code}): grant it, see migrate --roles.`;
    return new WorkerError("grant_missing", message, fixed);
  }
  if (["42883", "3F000", "42P01", "3D000"].includes(code)) {
    const message = `The schema does not know ${operation} (SQLSTATE ${code}): run migrate.`;
    return new WorkerError("schema_outdated", message, fixed);
  }
  return new WorkerError(
    isTooLarge(error) ? "payload_too_large" : "statement_failed",
    `Postgres refused ${operation} (SQLSTATE ${code}).`,
    { cause: error, adapterCode },
  );
}

/** The name of a constraint of ours, as `postgres` or as `pg` and Bun tell it. */
function isTooLarge(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const name =
    ("constraint_name" in error && error.constraint_name) ||
    ("constraint" in error && error.constraint);
  return name === "payload_too_large";
}

function databaseUnavailable(
  what: string,
  details: { readonly cause: unknown; readonly adapterCode?: string },
): WorkerError {
  return new WorkerError("database_unavailable", `Postgres ${what}.`, {
    scope: "backend",
    retryable: true,
    ...details,
  });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  // Bun's own driver has the SQLSTATE there, and one code for all of them.
  if ("errno" in error && typeof error.errno === "string") return error.errno;
  return typeof error.code === "string" ? error.code : undefined;
}
