import { chmod, chown, lstat, mkdir, mkdtemp, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import { connectionFolders } from "./connection-url.ts";
import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import { ownUid } from "./processes.ts";
import type { ServerAccount } from "./processes.ts";

/** The short-lived files of one server: its sockets, and the links its libraries need. */
export interface RunFolder {
  readonly path: string;
  /** The first one is the server's own; the others lead there under the names that clients derive from the URL. */
  readonly socketFolders: readonly string[];
  readonly libraryFolder: string;
}

// A socket's path must fit 104 bytes on macOS and 108 on Linux, and what we append to the temp folder takes 46.
const tempFolderCharactersMax = 56;
// The path becomes a part of URLs and of lists, in which a comma or a letter of two bytes means something else.
const plainPath = /^[A-Za-z0-9/._+-]+$/;
const writableByOthers = 0o022;
const sticky = 0o1000;

/** A temp folder that is short enough for sockets, and in which nobody else can rename or replace what is ours. */
export async function findTempFolder(): Promise<string> {
  for (const candidate of [tmpdir(), "/tmp", "/var/tmp"]) {
    const folder = await realpath(candidate).catch(() => undefined);
    if (folder === undefined || folder.length > tempFolderCharactersMax) continue;
    if (plainPath.test(folder) && (await isSafe(folder))) return folder;
  }
  throw new EmbeddedPostgresError(
    "temp_folder_unsafe",
    "Found no temp folder for the server's sockets: /tmp must belong to root and have the sticky bit (mode 1777).",
  );
}

/** Whoever can rename an ancestor can swap all that is in it, so each of them counts. */
async function isSafe(folder: string): Promise<boolean> {
  const { uid, mode } = await stat(folder);
  if (uid !== 0 && uid !== ownUid()) return false;
  if ((mode & writableByOthers) !== 0 && (mode & sticky) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || (await isSafe(parent));
}

/**
 * Makes a folder of ours, or takes it if it is there and ours already. Answers false when somebody else made it: then
 * nothing in it may be trusted.
 */
export async function makePrivateFolder(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    const found = await lstat(path);
    if (!found.isDirectory() || found.uid !== ownUid()) return false;
    if ((found.mode & writableByOthers) !== 0) return false;
  }
  // The umask may have taken bits away, and a folder from before may have had others.
  await chmod(path, mode);
  return true;
}

/** Makes the run folder of a cluster. Its name is the same every time, so that old URLs find a restarted server. */
export async function makeRunFolder(
  name: string,
  account: ServerAccount | undefined,
): Promise<RunFolder> {
  const temp = await findTempFolder();
  // The server's account must pass through, and only through: what is inside has bars of its own.
  const mode = account === undefined ? 0o700 : 0o711;
  let path = join(temp, `${runFolderPrefix}${name}`);
  // What a crash left may include the lock of a socket, whose process number is somebody else's by now.
  await removeOwnFolder(path);
  if (!(await makePrivateFolder(path, mode))) {
    path = await mkdtemp(join(temp, runFolderPrefix));
    await chmod(path, mode);
  }
  const socketFolders = connectionFolders(path);
  for (const folder of socketFolders) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    if (account !== undefined) await chown(folder, account.uid, account.gid);
  }
  const libraryFolder = join(path, "lib");
  await mkdir(libraryFolder);
  await chmod(libraryFolder, 0o755);
  return { path, socketFolders, libraryFolder };
}

const runFolderPrefix = "leasehold-";

/** Removes a run folder, if it is one and ours. */
export async function removeRunFolder(path: string): Promise<void> {
  if (basename(path).startsWith(runFolderPrefix)) await removeOwnFolder(path);
}

async function removeOwnFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() !== true || found.uid !== ownUid()) return;
  await rm(path, { recursive: true, force: true });
}
