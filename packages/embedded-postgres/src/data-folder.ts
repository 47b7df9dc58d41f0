import { access, mkdir, readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import { ownUid } from "./processes.ts";
import type { ServerAccount } from "./processes.ts";

/** One cluster in a data folder. Folders of different major versions are not interchangeable. */
export interface Cluster {
  readonly path: string;
  readonly major: number;
}

/** Makes the data folder if need be and returns its real path. Throws when it is not ours to use. */
export async function openDataFolder(dataDir: string): Promise<string> {
  if (dataDir === "") {
    throw new EmbeddedPostgresError("option_invalid", "`dataDir` must name a folder; it is empty.");
  }
  const folder = await makeFolder(resolve(dataDir));
  const found = await stat(folder);
  if (found.uid !== ownUid()) {
    throw new EmbeddedPostgresError(
      "data_folder_foreign",
      `The data folder ${folder} belongs to user ${found.uid}, and we are ${ownUid()}: run as that user, or give another folder (one inside it will do).`,
    );
  }
  if (await exists(join(folder, "PG_VERSION"))) {
    throw new EmbeddedPostgresError(
      "data_folder_unusable",
      `The data folder ${folder} is itself a PostgreSQL cluster: give the folder that is to hold ours.`,
    );
  }
  return folder;
}

async function makeFolder(path: string): Promise<string> {
  try {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    // It may lie in somebody's repository, and a cluster is nothing to commit.
    if (made !== undefined) await writeFile(join(path, ".gitignore"), "*\n");
    return await realpath(path);
  } catch (error) {
    throw new EmbeddedPostgresError(
      "data_folder_unusable",
      `The data folder ${path} cannot be made or entered (${errorCode(error) ?? "unknown"}): give another one.`,
      error,
    );
  }
}

/** The clusters in a data folder, newest major version first. Throws when one of them cannot be what it says it is. */
export async function listClusters(
  dataFolder: string,
  account: ServerAccount | undefined,
): Promise<readonly Cluster[]> {
  const clusters: Cluster[] = [];
  for (const name of await readdir(dataFolder)) {
    const major = Number(/^pg(\d+)$/.exec(name)?.[1]);
    if (!Number.isInteger(major)) continue;
    const cluster = { path: join(dataFolder, name), major };
    if (await holdsCluster(cluster, account?.uid ?? ownUid())) clusters.push(cluster);
  }
  return clusters.toSorted((one, other) => other.major - one.major);
}

/** False for an empty folder, which is as good as none. */
async function holdsCluster(cluster: Cluster, serverUid: number): Promise<boolean> {
  const found = await stat(cluster.path);
  const { uid } = found;
  if (uid !== serverUid && uid !== ownUid()) {
    throw new EmbeddedPostgresError(
      "data_folder_foreign",
      `The cluster ${cluster.path} belongs to user ${uid}, and the server would be ${serverUid}: run as that user, or give another data folder.`,
    );
  }
  const content = found.isDirectory() ? await readdir(cluster.path) : undefined;
  if (content?.length === 0) return false;
  if (content?.includes("PG_VERSION") !== true) {
    throw new EmbeddedPostgresError(
      "data_folder_unusable",
      `${cluster.path} is there and no PostgreSQL cluster: move it away, or give another data folder.`,
    );
  }
  if (uid !== serverUid) {
    throw new EmbeddedPostgresError(
      "data_folder_foreign",
      `The cluster ${cluster.path} belongs to user ${uid}, but the server would be ${serverUid}: give it to that user, or give another data folder.`,
    );
  }
  const version = (await readFile(join(cluster.path, "PG_VERSION"), "utf8")).trim();
  if (version !== String(cluster.major)) {
    throw new EmbeddedPostgresError(
      "cluster_version",
      `The cluster ${cluster.path} was made by PostgreSQL ${version}: move it to a folder called pg${version}, or give another data folder.`,
    );
  }
  return true;
}

/** Tells whether a path leads to something. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
