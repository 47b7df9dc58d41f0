import type { PostgresOrigin } from "./binaries.ts";
import type { Durability } from "./cluster.ts";
import { adminRole, connectionUrl, isPlainName, ordinaryRole } from "./connection-url.ts";
import { openDataFolder } from "./data-folder.ts";
import { enterServer, leaveServer } from "./entry.ts";
import type { EmbeddedPostgresFound, Entry } from "./entry.ts";
import { EmbeddedPostgresError, wrapSystemError } from "./errors.ts";
import { findServerAccount } from "./processes.ts";
import { createDeadline } from "./waiting.ts";

export interface EmbeddedPostgresOptions {
  /** The folder for clusters and their logs, made if need be. It must be ours; one machine may use it at a time. */
  readonly dataDir: string;
  /** `none` is faster, and loses data when the machine crashes. Default: `full`. */
  readonly durability?: Durability;
  /** Gives the start up. Once it has resolved, use `stop`. */
  readonly signal?: AbortSignal;
  /** Default: 60,000. Replaying a long log after a crash counts. */
  readonly startTimeoutMs?: number;
  /** A folder with `initdb` and `postgres`, to be used instead of looking for them. */
  readonly binFolder?: string;
}

/** A private PostgreSQL, shared with all who use the same data folder. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** An ordinary login that owns its database. Good for `postgres`, `pg`, libpq and `psql`. */
  readonly url: string;
  /** The superuser in his own database. For tests and migrations that make roles. */
  readonly adminUrl: string;
  readonly origin: PostgresOrigin;
  /** Such as `18.4`. */
  readonly version: string;
  /** The real path of the data folder. */
  readonly dataDir: string;
  readonly found: EmbeddedPostgresFound;
  /** Creates an empty database of the ordinary login, and returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Removes a database with all that is in it, and cuts its sessions. None of that name is no error. */
  dropDatabase(name: string): Promise<void>;
  /** The URL of a database that exists or will. Default role: the ordinary login. */
  databaseUrl(name: string, role?: string): string;
  /** Leaves, and stops the server if nobody else is there: all of its sessions are cut then. Idempotent. */
  stop(): Promise<void>;
}

const startTimeoutMsDefault = 60_000;

/**
 * Joins the private PostgreSQL of a data folder, and starts it first if nobody has.
 *
 * @example
 * await using database = await startEmbeddedPostgres({ dataDir: ".leasehold" });
 * const sql = postgres(database.url);
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const timeoutMs = options.startTimeoutMs ?? startTimeoutMsDefault;
  if (!(timeoutMs > 0)) {
    throw new EmbeddedPostgresError("option_invalid", "`startTimeoutMs` must be more than 0.");
  }
  options.signal?.throwIfAborted();
  const dataFolder = await openDataFolder(options.dataDir);
  const deadline = createDeadline(timeoutMs, () => timedOut(dataFolder, timeoutMs), options.signal);
  try {
    const entry = await enterServer({
      dataFolder,
      account: findServerAccount(),
      durability: options.durability ?? "full",
      binFolder: options.binFolder,
      signal: deadline.signal,
    });
    return toEmbeddedPostgres(entry, dataFolder);
  } catch (error) {
    throw wrapSystemError(error);
  } finally {
    deadline.clear();
  }
}

function timedOut(dataFolder: string, timeoutMs: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "start_timeout",
    `The private PostgreSQL in ${dataFolder} was not ready within ${timeoutMs} ms: give it longer, or see the log there.`,
  );
}

function toEmbeddedPostgres(entry: Entry, dataFolder: string): EmbeddedPostgres {
  const { found, membership, socketFolder } = entry;
  const urlOf = (database: string, role: string): string => {
    assertPlain(database, "database");
    assertPlain(role, "role");
    return connectionUrl({ socketFolder, database, role });
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopped ??= leaveServer(entry, dataFolder).catch((error: unknown) => {
      throw wrapSystemError(error);
    }));
  return {
    url: urlOf(ordinaryRole, ordinaryRole),
    adminUrl: urlOf(adminRole, adminRole),
    origin: membership.origin,
    version: membership.version,
    dataDir: dataFolder,
    found,
    async createDatabase(name) {
      assertPlain(name, "database");
      await membership.createDatabase(name);
      return urlOf(name, ordinaryRole);
    },
    async dropDatabase(name) {
      assertPlain(name, "database");
      await membership.dropDatabase(name);
    },
    databaseUrl: (name, role = ordinaryRole) => urlOf(name, role),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function assertPlain(name: string, what: string): void {
  if (isPlainName(name)) return;
  throw new EmbeddedPostgresError(
    "option_invalid",
    `The name of a ${what} must be 1 to 63 letters, digits, - or _.`,
  );
}
