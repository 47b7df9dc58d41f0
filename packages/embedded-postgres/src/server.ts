import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";

import type { PostgresBinaries } from "./binaries.ts";
import { atCluster } from "./cluster.ts";
import type { Durability } from "./cluster.ts";
import { socketPort } from "./connection-url.ts";
import type { Cluster } from "./data-folder.ts";
import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import {
  findCommandLine,
  findProcessStart,
  formatIdentity,
  isRunning,
  listCommandLines,
  standsIn,
} from "./processes.ts";
import type { ProcessIdentity, ServerAccount } from "./processes.ts";
import { createDeadline, pause } from "./waiting.ts";

/** What the lock file of a cluster says, compared with what runs. */
export type ServerState =
  | { readonly is: "absent" }
  /** The server died. `numberReused` when another program runs under its number now. */
  | { readonly is: "stale"; readonly numberReused: boolean }
  /** It runs, and was not started by us. */
  | { readonly is: "foreign"; readonly pid: number }
  /** It runs. There is no socket folder yet in its first moments. */
  | ({ readonly is: "alive" } & RunningProcess);

interface RunningProcess {
  readonly process: ProcessIdentity;
  readonly socketFolder: string | undefined;
}

export interface RunningServer extends RunningProcess {
  readonly cluster: Cluster;
}

export interface ServerStart {
  readonly cluster: Cluster;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly durability: Durability;
  readonly socketFolders: readonly string[];
}

export interface ServerEnd {
  /** Nothing is wrong with it: another start may succeed. */
  readonly passing: boolean;
  readonly how: string;
}

/** A server that we started, until somebody could connect to it. */
export interface StartingServer {
  /** How it ended, once it has. */
  end(): Promise<ServerEnd | undefined>;
  /** What it wrote since it started: the last lines. */
  readLog(): Promise<string>;
  /** Ends it at once, without care. */
  kill(): Promise<void>;
}

/** The setting by which a server tells those who join where it came from. */
export const originSetting: string = "leasehold.origin";

// More than the default: several test processes with several pools each may share a server.
const connectionsMax = 200;
// Members must still get in to count themselves when the host's pools have taken all the rest.
const connectionsReserved = 20;
const logBytesMax = 4 * 1024 * 1024;
const logLinesQuoted = 12;
const pollIntervalMs = 10;
const fastStopMs = 10_000;
const immediateStopMs = 5_000;

/** Looks who runs on a cluster. */
export async function inspectServer(cluster: Cluster): Promise<ServerState> {
  const lines = await readLockFile(cluster);
  if (lines === undefined) return { is: "absent" };
  const pid = Number(lines[0]);
  const started = pid > 0 ? await findProcessStart(pid) : undefined;
  if (started === undefined) return { is: "stale", numberReused: false };

  const words = await findCommandLine(pid);
  // It may have ended while we looked, and then nothing of what we saw means anything.
  if ((await findProcessStart(pid)) !== started) return await inspectServer(cluster);
  if (words?.includes(await clusterMark(cluster)) === true) {
    const socketFolder = lines[4] === "" ? undefined : lines[4];
    return { is: "alive", process: { pid, started }, socketFolder };
  }
  const isOther = words !== undefined && (await isOtherProcess(pid, words, cluster));
  return isOther ? { is: "stale", numberReused: true } : { is: "foreign", pid };
}

async function readLockFile(cluster: Cluster): Promise<readonly string[] | undefined> {
  try {
    return (await readFile(lockFile(cluster), "utf8")).split("\n");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function lockFile(cluster: Cluster): string {
  return join(cluster.path, "postmaster.pid");
}

/** After a restart of the machine, the number of a dead server is soon somebody else's, maybe another server's. */
async function isOtherProcess(
  pid: number,
  words: readonly string[],
  cluster: Cluster,
): Promise<boolean> {
  if (!basename(words[0] ?? "").startsWith("postgres")) return true;
  if (words.some((word) => word.startsWith(`${clusterSetting}=`))) return true;
  return (await standsIn(pid, cluster.path)) === false;
}

const clusterSetting = "leasehold.cluster";

/** A word of the server's command line by which it is known again, also when the folder was renamed. */
async function clusterMark(cluster: Cluster): Promise<string> {
  return `${clusterSetting}=${await clusterNumber(cluster)}`;
}

async function clusterNumber(cluster: Cluster): Promise<string> {
  const { dev, ino } = await stat(cluster.path);
  return `${dev}:${ino}`;
}

/**
 * Starts a server that survives us: in a session of its own, so that Ctrl-C in our terminal does not reach it, and as a
 * grandchild. Test runners end the children of a test that took too long, and this one is not theirs alone.
 */
export async function startServer(start: ServerStart): Promise<StartingServer> {
  const { account, binaries, cluster } = start;
  const settings = toParameters(await listSettings(start));
  const log = await openLog(`${cluster.path}.log`);
  try {
    return await atCluster(cluster.path, account, async (place) => {
      const command = [join(binaries.folder, "postgres"), "-D", place.path, ...settings];
      const shell = spawn("/bin/sh", ["-c", shellScript, "sh", ...command], {
        ...account,
        cwd: "/",
        env: binaries.environment,
        detached: true,
        stdio: ["ignore", "pipe", log.handle.fd, place.inherited ?? "ignore"],
      });
      return watchServer(shell, () => readTail(log.path, log.offset));
    });
  } finally {
    await log.handle.close();
  }
}

// Tells the server's number, lets go of our pipe, and waits only to pass the exit code on.
const shellScript = '"$@" >&2 & echo "$!"; exec >&2; wait "$!"';

function watchServer(shell: ChildProcess, readLog: () => Promise<string>): StartingServer {
  let outcome: ServerEnd | undefined;
  const number = Promise.withResolvers<number | undefined>();
  shell.stdout?.once("data", (line: Buffer) => number.resolve(Number(line.toString("utf8"))));
  shell.once("error", (error) => {
    outcome ??= { passing: false, how: `could not be run: ${error.message}` };
    number.resolve(undefined);
  });
  let isShellLost = false;
  shell.once("exit", (exitCode) => {
    number.resolve(undefined);
    // Without an exit code somebody ended the shell, which says nothing about the server.
    if (exitCode === null) isShellLost = true;
    else outcome ??= { passing: exitCode === 0, how: `ended with exit code ${exitCode}` };
  });
  const isGone = async (): Promise<boolean> => {
    const pid = await number.promise;
    return pid === undefined || (await findProcessStart(pid)) === undefined;
  };
  shell.unref();
  return {
    async end() {
      if (isShellLost && (await isGone())) outcome ??= { passing: true, how: "was lost" };
      return outcome;
    },
    readLog,
    async kill() {
      const pid = await number.promise;
      const started = pid === undefined ? undefined : await findProcessStart(pid);
      if (pid === undefined || started === undefined) return;
      await endProcess({ pid, started }, killSteps);
    },
  };
}

async function listSettings(start: ServerStart): Promise<Readonly<Record<string, string>>> {
  const { binaries, cluster, durability, socketFolders } = start;
  const careless = durability === "none";
  return {
    listen_addresses: "",
    port: String(socketPort),
    unix_socket_directories: socketFolders.map((folder) => `"${folder}"`).join(","),
    unix_socket_permissions: "0700",
    max_connections: String(connectionsMax),
    superuser_reserved_connections: String(connectionsReserved),
    cluster_name: "leasehold",
    fsync: careless ? "off" : "on",
    full_page_writes: careless ? "off" : "on",
    ...(careless ? { synchronous_commit: "off" } : {}),
    // Errors of statements quote what somebody wrote; the log is about the server only.
    log_min_messages: "log",
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_checkpoints: "off",
    logging_collector: "off",
    log_destination: "stderr",
    [originSetting]: binaries.origin,
    [clusterSetting]: await clusterNumber(cluster),
  };
}

function toParameters(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

interface OpenLog {
  readonly handle: FileHandle;
  readonly path: string;
  /** Where our own lines begin. */
  readonly offset: number;
}

async function openLog(path: string): Promise<OpenLog> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size > logBytesMax) await rename(path, `${path}.old`);
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = await open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
  return { handle, path, offset: size > logBytesMax ? 0 : size };
}

async function readTail(path: string, offset: number): Promise<string> {
  const content = await readFile(path).catch(() => Buffer.alloc(0));
  const lines = content.subarray(offset).toString("utf8").trimEnd().split("\n");
  return lines.slice(-logLinesQuoted).join("\n");
}

/**
 * Waits until a server whose starter was killed has written its lock file, or has failed. Before that, nothing else shows
 * that it is there.
 */
export async function waitForBirth(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const mark = await clusterMark(cluster);
  for (;;) {
    if ((await inspectServer(cluster)).is === "alive") return;
    if (!(await listCommandLines()).some((words) => words.includes(mark))) return;
    await pause(pollIntervalMs, signal);
  }
}

/**
 * Records that the server is about to be stopped. For a member that is alone and holds the members' lock: if it is killed
 * before the server has heard of it, those who come next must not settle in a server that is ending.
 */
export async function markStopping(server: RunningServer): Promise<void> {
  try {
    await writeFile(stoppingMark(server.cluster), formatIdentity(server.process), { mode: 0o600 });
  } catch (error) {
    // Nobody comes to a data folder that is gone.
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** Tells whether somebody decided to stop this very server. */
export async function isStopping(server: RunningServer): Promise<boolean> {
  const mark = await readFile(stoppingMark(server.cluster), "utf8").catch(() => "");
  return mark === formatIdentity(server.process);
}

function stoppingMark(cluster: Cluster): string {
  return `${cluster.path}.stopping`;
}

/** Removes the lock file of a dead server whose number another program has now; PostgreSQL would believe it alive. */
export async function removeLockFile(cluster: Cluster): Promise<void> {
  await rm(lockFile(cluster), { force: true });
}

/** Stops a server. Its sessions are cut and rolled back; nothing committed is lost. */
export async function stopServer(server: RunningServer): Promise<void> {
  // It may have been replaced since; and when the data folder was removed, all we have is what we knew.
  const state = await inspectServer(server.cluster);
  const identity = state.is === "alive" ? state.process : server.process;
  if (await endProcess(identity, stopSteps)) return;
  throw new EmbeddedPostgresError(
    "stop_failed",
    `The PostgreSQL server ${identity.pid} on ${server.cluster.path} did not end: kill it with signal 9; the next start recovers.`,
  );
}

interface EndStep {
  readonly signal: "SIGINT" | "SIGQUIT" | "SIGKILL";
  readonly patienceMs: number;
}

// PostgreSQL's fast shutdown, which ends sessions and tidies up, and its immediate one, which does not.
const stopSteps: readonly EndStep[] = [
  { signal: "SIGINT", patienceMs: fastStopMs },
  { signal: "SIGQUIT", patienceMs: immediateStopMs },
];
// In its first moments a server has no handlers yet.
const killSteps: readonly EndStep[] = [
  { signal: "SIGQUIT", patienceMs: immediateStopMs },
  { signal: "SIGKILL", patienceMs: immediateStopMs },
];

async function endProcess(identity: ProcessIdentity, steps: readonly EndStep[]): Promise<boolean> {
  for (const { signal, patienceMs } of steps) {
    if (!(await isRunning(identity))) return true;
    sendSignal(identity.pid, signal);
    if (await waitForEnd(identity, patienceMs)) return true;
  }
  return false;
}

function sendSignal(pid: number, signal: EndStep["signal"]): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended by itself in this moment.
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

async function waitForEnd(identity: ProcessIdentity, patienceMs: number): Promise<boolean> {
  const deadline = createDeadline(patienceMs, () => new Error("The server still runs."));
  try {
    while (await isRunning(identity)) await pause(pollIntervalMs, deadline.signal);
    return true;
  } catch (error) {
    if (deadline.signal.aborted) return false;
    throw error;
  } finally {
    deadline.clear();
  }
}
