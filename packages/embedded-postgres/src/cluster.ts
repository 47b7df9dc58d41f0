import { constants } from "node:fs";
import { chown, mkdtemp, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { platform } from "node:process";

import type { PostgresBinaries } from "./binaries.ts";
import { adminRole } from "./connection-url.ts";
import { exists } from "./data-folder.ts";
import type { Cluster } from "./data-folder.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { runCommand } from "./processes.ts";
import type { CommandOutcome, ServerAccount } from "./processes.ts";

/** Whether committed work survives a crash of the machine. A crash of a process it survives either way. */
export type Durability = "full" | "none";

export interface ClusterTools {
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly signal: AbortSignal;
}

/** How a program is told where the cluster is. */
export interface ClusterPlace {
  /** For `-D`. */
  readonly path: string;
  /** An open file to hand on as number 3. */
  readonly inherited: number | undefined;
}

/**
 * Calls `start` with the place of a cluster, for a program that runs under the account.
 *
 * The account may be unable to enter the folders above, such as a project under `/root`. But a process needs no right to
 * them for a folder that it was handed open, so it is told to look there. (Its working folder would do as well for
 * PostgreSQL 16 and newer; older ones leave it for a moment and cannot come back.)
 */
export async function atCluster<Result>(
  path: string,
  account: ServerAccount | undefined,
  start: (place: ClusterPlace) => Promise<Result>,
): Promise<Result> {
  if (account === undefined) return await start({ path, inherited: undefined });
  const folder = await open(path, constants.O_DIRECTORY | constants.O_RDONLY);
  try {
    return await start({ path: "/proc/self/fd/3", inherited: folder.fd });
  } finally {
    await folder.close();
  }
}

/** Makes an empty cluster. It gets its name when it is whole, so that a crash leaves nothing that looks like one. */
export async function createCluster(dataFolder: string, tools: ClusterTools): Promise<Cluster> {
  const { major } = tools.binaries;
  const path = join(dataFolder, `pg${major}`);
  const draft = await mkdtemp(join(dataFolder, draftPrefix));
  try {
    if (tools.account !== undefined) await chown(draft, tools.account.uid, tools.account.gid);
    await markUnsynced(path);
    const outcome = await runInitdb(draft, tools, [
      `--username=${adminRole}`,
      "--auth-local=trust",
      "--auth-host=reject",
      "--encoding=UTF8",
      ...localeOptions(major),
      "--no-sync",
      "--no-instructions",
    ]);
    if (outcome.exitCode !== 0) throw notCreated(outcome);
    await rename(draft, path);
    return { path, major };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

const draftPrefix = "draft-";

/** Removes what a crash during {@link createCluster} left behind. For the holder of the start lock only. */
export async function removeDrafts(dataFolder: string): Promise<void> {
  for (const name of await readdir(dataFolder)) {
    if (!name.startsWith(draftPrefix)) continue;
    // An initdb whose parent was killed may still write there; the start after this one gets the rest.
    await rm(join(dataFolder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Sees to it that a full server starts on files the disk has, also when they were written without any care for it. */
export async function prepareDurability(
  cluster: Cluster,
  durability: Durability,
  tools: ClusterTools,
): Promise<void> {
  if (durability === "none") return await markUnsynced(cluster.path);
  if (!(await exists(unsyncedMark(cluster.path)))) return;
  const outcome = await runInitdb(cluster.path, tools, ["--sync-only"]);
  if (outcome.exitCode !== 0) throw notCreated(outcome);
  await rm(unsyncedMark(cluster.path), { force: true });
}

async function markUnsynced(path: string): Promise<void> {
  await writeFile(
    unsyncedMark(path),
    "Written without fsync. A start with full durability syncs it first.\n",
  );
}

function unsyncedMark(path: string): string {
  return `${path}.unsynced`;
}

async function runInitdb(
  path: string,
  tools: ClusterTools,
  parameters: readonly string[],
): Promise<CommandOutcome> {
  const { account, binaries, signal } = tools;
  const { environment } = binaries;
  return await atCluster(path, account, (place) =>
    runCommand(join(binaries.folder, "initdb"), ["-D", place.path, ...parameters], {
      account,
      environment,
      inherited: place.inherited,
      signal,
    }),
  );
}

/** One collation on all machines where PostgreSQL brings its own; else the closest the system has. */
function localeOptions(major: number): readonly string[] {
  if (major >= 17) {
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  }
  return [platform === "darwin" ? "--locale=en_US.UTF-8" : "--locale=C.UTF-8"];
}

function notCreated(outcome: CommandOutcome): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "cluster_not_created",
    `initdb ended with ${outcome.exitCode ?? "no exit code"}: ${outcome.output.trim().slice(-1_000)}`,
  );
}
