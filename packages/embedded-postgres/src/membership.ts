import postgres from "postgres";

import type { PostgresOrigin } from "./binaries.ts";
import type { Durability } from "./cluster.ts";
import { adminRole, ordinaryRole, socketPort } from "./connection-url.ts";
import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import { formatIdentity, isRunning, ownIdentity, parseIdentity } from "./processes.ts";
import { originSetting } from "./server.ts";
import { abortable, createDeadline, pause } from "./waiting.ts";

/**
 * One user of a running server.
 *
 * Each member holds the same advisory lock, shared, in a session of its own; whoever can take it alone is the last. So
 * PostgreSQL itself counts the members, and forgets those who died.
 */
export interface Membership {
  readonly version: string;
  readonly origin: PostgresOrigin;
  readonly durability: Durability;
  /** Whether other members were alive when we came. */
  readonly hadCompany: boolean;
  createDatabase(name: string): Promise<void>;
  dropDatabase(name: string): Promise<void>;
  /** Gives membership up. True when we were the last: then nobody can join until the session is closed. */
  resign(): Promise<boolean>;
  /** Closes the session. */
  close(): Promise<void>;
}

type Row = readonly unknown[];
type Ask = (text: string) => Promise<readonly Row[]>;

// Advisory locks belong to a database, and nobody but us has business in the administrator's. The numbers mean nothing.
const memberLock = "7236, 1";
const provisionLock = "7236, 2";
const memberPrefix = "leasehold-member";
const connectSeconds = 5;
const answerMs = 30_000;
const companyPatienceMs = 1_000;
const pollIntervalMs = 10;

/** Joins the server behind a socket, or answers `undefined` when it is not there, not ready, or about to stop. */
export async function joinServer(
  socketFolder: string,
  signal: AbortSignal,
): Promise<Membership | undefined> {
  const client = await openSession(socketFolder);
  // Closing is bounded, since the server may be frozen.
  const close = (): Promise<void> => client.end({ timeout: 1 }).catch(() => undefined);
  const ask: Ask = (text) => bounded(client.unsafe(text).values());
  try {
    return await abortable(becomeMember(ask, close), signal);
  } catch (error) {
    await close();
    signal.throwIfAborted();
    if (isGone(error)) return undefined;
    throw toStatementError(error);
  }
}

async function openSession(socketFolder: string): Promise<postgres.Sql> {
  const identity = formatIdentity(await ownIdentity());
  return postgres({
    host: socketFolder,
    port: socketPort,
    database: adminRole,
    username: adminRole,
    ssl: false,
    max: 1,
    // The session is the membership: it must not be renewed behind our back.
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: connectSeconds,
    fetch_types: false,
    prepare: false,
    onnotice: () => undefined,
    connection: { application_name: `${memberPrefix} ${identity}` },
  });
}

async function becomeMember(ask: Ask, close: () => Promise<void>): Promise<Membership> {
  // While the last member stops the server, this waits, and then fails with the server.
  await ask(`select pg_advisory_lock_shared(${memberLock})`);
  const others = await listOthers(ask);
  const [facts] = await ask(
    `select current_setting('server_version'), current_setting('fsync'),
            current_setting('${originSetting}', true),
            exists (select from pg_database where datname = '${ordinaryRole}')`,
  );
  if (facts?.[3] !== true) await provision(ask);
  return {
    version: String(facts?.[0]).split(" ", 1).join(),
    origin: facts?.[2] === "system" ? "system" : "bundled",
    durability: facts?.[1] === "off" ? "none" : "full",
    hadCompany: await isAnyRunning(others),
    createDatabase: (name) => createDatabase(ask, name),
    dropDatabase: (name) => dropDatabase(ask, name),
    resign: () => resign(ask),
    close,
  };
}

/** Creates the ordinary login and its database. The next member does it if this one dies in between. */
async function provision(ask: Ask): Promise<void> {
  await ask(`select pg_advisory_lock(${provisionLock})`);
  const [found] = await ask(
    `select exists (select from pg_roles where rolname = '${ordinaryRole}'),
            exists (select from pg_database where datname = '${ordinaryRole}')`,
  );
  if (found?.[0] !== true) await ask(`create role "${ordinaryRole}" login`);
  if (found?.[1] !== true) await createDatabase(ask, ordinaryRole);
  await ask(`select pg_advisory_unlock(${provisionLock})`);
}

async function createDatabase(ask: Ask, name: string): Promise<void> {
  try {
    await ask(`create database "${name}" owner "${ordinaryRole}"`);
  } catch (error) {
    if (errorCode(error) !== "42P04") throw toStatementError(error);
    throw new EmbeddedPostgresError(
      "database_exists",
      `There is a database ${name} already: give another name.`,
    );
  }
}

async function dropDatabase(ask: Ask, name: string): Promise<void> {
  try {
    await ask(`drop database if exists "${name}" with (force)`);
  } catch (error) {
    throw toStatementError(error);
  }
}

async function resign(ask: Ask): Promise<boolean> {
  const patience = createDeadline(companyPatienceMs, () => new Error("Others are still there."));
  try {
    await ask(`select pg_advisory_unlock_shared(${memberLock})`);
    for (;;) {
      const [answer] = await ask(`select pg_try_advisory_lock(${memberLock})`);
      if (answer?.[0] === true) return true;
      // The session of a member that was killed lives on for a moment, and would make a last one of nobody.
      if (await isAnyRunning(await listOthers(ask))) return false;
      await pause(pollIntervalMs, patience.signal);
    }
  } catch (error) {
    if (patience.signal.aborted || isGone(error)) return false;
    throw toStatementError(error);
  } finally {
    patience.clear();
  }
}

/** The names of the other sessions that hold the members' lock. */
async function listOthers(ask: Ask): Promise<readonly string[]> {
  const rows = await ask(
    `select activity.application_name
       from pg_locks held
       join pg_stat_activity activity on activity.pid = held.pid
      where held.locktype = 'advisory' and held.granted
        and (held.classid, held.objid, held.objsubid) = (${memberLock}, 2)
        and held.pid <> pg_backend_pid()`,
  );
  return rows.map(([name]) => String(name));
}

async function isAnyRunning(members: readonly string[]): Promise<boolean> {
  for (const name of members) {
    const member = parseIdentity(name.slice(memberPrefix.length));
    if (member !== undefined && (await isRunning(member))) return true;
  }
  return false;
}

/** The driver waits for ever on a silent server. */
async function bounded<Result>(work: Promise<Result>): Promise<Result> {
  const deadline = createDeadline(
    answerMs,
    () =>
      new EmbeddedPostgresError(
        "statement_failed",
        `The private PostgreSQL did not answer within ${answerMs / 1_000} s.`,
      ),
  );
  try {
    return await abortable(work, deadline.signal);
  } finally {
    deadline.clear();
  }
}

const codesOfAbsence: ReadonlySet<string> = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  // No connection is free.
  "53300",
  // The server stops on order, stops after a crash, or is not ready yet.
  "57P01",
  "57P02",
  "57P03",
]);

function isGone(error: unknown): boolean {
  return codesOfAbsence.has(errorCode(error) ?? "");
}

function toStatementError(error: unknown): EmbeddedPostgresError {
  if (EmbeddedPostgresError.is(error)) return error;
  return new EmbeddedPostgresError(
    "statement_failed",
    `The private PostgreSQL refused a statement of ours (${errorCode(error) ?? "unknown"}).`,
    error,
  );
}
