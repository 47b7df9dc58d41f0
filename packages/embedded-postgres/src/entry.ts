import { createHash } from "node:crypto";
import { dirname } from "node:path";

import { findPostgresBinaries } from "./binaries.ts";
import { createCluster, prepareDurability, removeDrafts } from "./cluster.ts";
import type { Durability } from "./cluster.ts";
import { listClusters } from "./data-folder.ts";
import type { Cluster } from "./data-folder.ts";
import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import { joinServer } from "./membership.ts";
import type { Membership } from "./membership.ts";
import { makeRunFolder, removeRunFolder } from "./private-folders.ts";
import type { RunFolder } from "./private-folders.ts";
import { ownUid } from "./processes.ts";
import type { ServerAccount } from "./processes.ts";
import {
  inspectServer,
  isStopping,
  markStopping,
  removeLockFile,
  startServer,
  stopServer,
  waitForBirth,
} from "./server.ts";
import type { RunningServer, ServerEnd, StartingServer } from "./server.ts";
import { isStartLocked, tryStartLock } from "./start-lock.ts";
import { pause } from "./waiting.ts";

/**
 * What a start met: nothing running (`started`); a server with members (`joined`); one that nobody uses, because its
 * members were killed or the last of them leaves at this moment (`adopted`); or the remains of a server that was killed
 * itself (`recovered`).
 */
export type EmbeddedPostgresFound = "started" | "joined" | "adopted" | "recovered";

export interface EntryOptions {
  readonly dataFolder: string;
  readonly account: ServerAccount | undefined;
  readonly durability: Durability;
  readonly binFolder: string | undefined;
  readonly signal: AbortSignal;
}

/** A membership and where it was found. */
export interface Entry {
  readonly found: EmbeddedPostgresFound;
  readonly server: RunningServer;
  readonly socketFolder: string;
  readonly membership: Membership;
}

const pollIntervalMs = 15;

/** Joins or starts, until one of them succeeds: a server may stop just as we come. */
export async function enterServer(options: EntryOptions): Promise<Entry> {
  for (;;) {
    const entry = (await joinRunning(options)) ?? (await startIfFree(options));
    if (entry !== undefined) return entry;
    await pause(pollIntervalMs, options.signal);
  }
}

/** Leaves, and stops the server after the last one. */
export async function leaveServer(entry: Entry, dataFolder: string): Promise<void> {
  const { membership, server, socketFolder } = entry;
  let last = false;
  try {
    last = await membership.resign();
    if (last) {
      await markStopping(server);
      await stopServer(server);
    }
  } finally {
    await membership.close();
  }
  if (last) await removeRemains(server.cluster, { dataFolder, socketFolder });
}

/** Tidies the temp folder, unless somebody starts the server again at this moment. */
async function removeRemains(
  cluster: Cluster,
  folders: { readonly dataFolder: string; readonly socketFolder: string },
): Promise<void> {
  try {
    const lock = await tryStartLock(folders.dataFolder, { takeOver: false });
    if (lock === undefined) return;
    try {
      const { is } = await inspectServer(cluster);
      if (is !== "alive") await removeRunFolder(dirname(folders.socketFolder));
    } finally {
      await lock.release();
    }
  } catch (error) {
    // The data folder is gone, so nobody can start the server again.
    if (errorCode(error) !== "ENOENT") throw error;
    await removeRunFolder(dirname(folders.socketFolder));
  }
}

async function joinRunning(options: EntryOptions): Promise<Entry | undefined> {
  const server = await findRunning(options);
  if (server?.socketFolder === undefined) return undefined;
  const { socketFolder } = server;
  // Whoever started it becomes a member only a moment after others can, and holds the lock until then.
  const starting = await isStartLocked(options.dataFolder);
  const membership = await joinServer(socketFolder, options.signal);
  if (membership === undefined) return undefined;
  if (await isStopping(server)) {
    await membership.close();
    await stopServer(server);
    return undefined;
  }
  if (options.durability === "full" && membership.durability === "none") {
    return await refuseCareless({ found: "joined", server, socketFolder, membership }, options);
  }
  const found = starting || membership.hadCompany ? "joined" : "adopted";
  return { found, server, socketFolder, membership };
}

/** A server that does not care for durability is restarted with care if nobody else uses it. */
async function refuseCareless(entry: Entry, options: EntryOptions): Promise<undefined> {
  await leaveServer(entry, options.dataFolder);
  if (!entry.membership.hadCompany) return undefined;
  throw new EmbeddedPostgresError(
    "durability_mismatch",
    `The server in ${options.dataFolder} runs without durability for others: stop them, or give another data folder.`,
  );
}

async function findRunning(options: EntryOptions): Promise<RunningServer | undefined> {
  for (const cluster of await listClusters(options.dataFolder, options.account)) {
    const state = await inspectServer(cluster);
    if (state.is === "alive") {
      const { process, socketFolder } = state;
      return { cluster, process, socketFolder };
    }
    if (state.is !== "foreign") continue;
    throw new EmbeddedPostgresError(
      "server_foreign",
      `Process ${state.pid} seems to be a PostgreSQL on ${cluster.path} that we did not start: stop it first.`,
    );
  }
  return undefined;
}

async function startIfFree(options: EntryOptions): Promise<Entry | undefined> {
  const lock = await tryStartLock(options.dataFolder);
  if (lock === undefined) return undefined;
  try {
    if (lock.takenOver) await waitForBirths(options);
    return (await findRunning(options)) === undefined ? await startHere(options) : undefined;
  } finally {
    await lock.release();
  }
}

/** The last owner of the lock may have died between the start of a server and its first sign of life. */
async function waitForBirths(options: EntryOptions): Promise<void> {
  for (const cluster of await listClusters(options.dataFolder, options.account)) {
    await waitForBirth(cluster, options.signal);
  }
}

/** Starts the server, and creates its cluster first if there is none. For the holder of the start lock only. */
async function startHere(options: EntryOptions): Promise<Entry | undefined> {
  const runFolder = await makeRunFolder(runNameOf(options.dataFolder), options.account);
  try {
    return await startWith(runFolder, options);
  } catch (error) {
    await removeRunFolder(runFolder.path);
    throw error;
  }
}

async function startWith(runFolder: RunFolder, options: EntryOptions): Promise<Entry | undefined> {
  const { account, dataFolder, durability, signal } = options;
  await removeDrafts(dataFolder);
  const clusters = await listClusters(dataFolder, account);
  const binaries = await findPostgresBinaries({
    binFolder: options.binFolder,
    majors: clusters.map(({ major }) => major),
    account,
    libraryFolder: runFolder.libraryFolder,
    signal,
  });
  const tools = { binaries, account, signal };
  const cluster =
    clusters.find(({ major }) => major === binaries.major) ??
    (await createCluster(dataFolder, tools));
  await prepareDurability(cluster, durability, tools);

  const before = await inspectServer(cluster);
  if (before.is === "stale" && before.numberReused) await removeLockFile(cluster);
  const { socketFolders } = runFolder;
  const starting = await startServer({ cluster, binaries, account, durability, socketFolders });
  const entry = await joinStarting(starting, options);
  return entry && { ...entry, found: before.is === "stale" ? "recovered" : "started" };
}

/** `undefined` when the server ended for a reason that passes. */
async function joinStarting(
  starting: StartingServer,
  options: EntryOptions,
): Promise<Entry | undefined> {
  try {
    for (;;) {
      const end = await starting.end();
      if (end !== undefined) return await explainEnd(starting, end);
      const entry = await joinRunning(options);
      if (entry !== undefined) return entry;
      await pause(pollIntervalMs, options.signal);
    }
  } catch (error) {
    await starting.kill();
    if (!EmbeddedPostgresError.is(error, "start_timeout")) throw error;
    const log = await starting.readLog();
    throw new EmbeddedPostgresError("start_timeout", `${error.message} Its last lines:\n${log}`);
  }
}

async function explainEnd(starting: StartingServer, end: ServerEnd): Promise<undefined> {
  const log = await starting.readLog();
  // Either somebody joined, left and stopped it before we could join; or the sessions of a killed server still finish
  // their work, and PostgreSQL rightly lets nobody near the files until they have.
  if (end.passing || /is still in use|already exists/.test(log)) return undefined;
  throw new EmbeddedPostgresError("start_failed", `PostgreSQL ${end.how}. Its last lines:\n${log}`);
}

/** One name per data folder and user: old URLs lead to a restarted server, and nobody's folder is in another's way. */
function runNameOf(dataFolder: string): string {
  return createHash("sha256").update(`${ownUid()}:${dataFolder}`).digest("hex").slice(0, 12);
}
