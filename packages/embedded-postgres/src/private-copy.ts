import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { arch, platform } from "node:process";

import { EmbeddedPostgresError } from "./errors.ts";
import { findTempFolder, makePrivateFolder } from "./private-folders.ts";
import { ownUid } from "./processes.ts";

/**
 * Copies the package's files to where every account can read them, once per version, and returns the copy.
 *
 * The folder above is ours and writable for nobody else, and all in it was put there whole by a rename. So nobody can
 * slip a program of his own under the server, and two processes that copy at once do not see each other's halves.
 */
export async function copyForOthers(native: string): Promise<string> {
  const parent = join(await findTempFolder(), `leasehold-postgres-${ownUid()}`);
  if (!(await makePrivateFolder(parent, 0o755))) {
    throw new EmbeddedPostgresError(
      "temp_folder_unsafe",
      `${parent} was made by somebody else, so nothing in it is run: remove it.`,
    );
  }
  const copy = join(parent, await nameOf(native));
  if (await isWhole(native, copy)) return copy;

  const draft = await mkdtemp(join(parent, "draft-"));
  try {
    await copyTree(native, join(draft, "new"));
    await replace(copy, draft);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  if (await isWhole(native, copy)) return copy;
  throw new EmbeddedPostgresError(
    "binaries_missing",
    `The copy of PostgreSQL in ${copy} is not whole: remove it.`,
  );
}

async function nameOf(native: string): Promise<string> {
  const text = await readFile(join(dirname(native), "package.json"), "utf8").catch(() => "");
  const version = /"version":\s*"([A-Za-z0-9.-]+)"/.exec(text)?.[1] ?? "unknown";
  return `${version}-${platform}-${arch}`;
}

/** Cleaners of temp folders take single files away after some days, so the copy is compared each time. */
async function isWhole(native: string, copy: string): Promise<boolean> {
  const [wanted, found] = await Promise.all([listFiles(native), listFiles(copy)]);
  if (wanted.size !== found.size) return false;
  for (const [path, size] of wanted) if (found.get(path) !== size) return false;
  return true;
}

/** The sizes of all files by their path within the folder. Links are left out: the package has none of its own. */
async function listFiles(folder: string, within = ""): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  const entries = await readdir(join(folder, within), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(within, entry.name);
    if (entry.isFile()) sizes.set(path, (await lstat(join(folder, path))).size);
    if (!entry.isDirectory()) continue;
    for (const [inner, size] of await listFiles(folder, path)) sizes.set(inner, size);
  }
  return sizes;
}

/** Copies a folder so that every account may read it, whatever the umask of the one who installed it. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    if (!entry.isFile()) continue;
    await copyFile(source, target);
    const isProgram = ((await lstat(source)).mode & 0o100) !== 0;
    await chmod(target, isProgram ? 0o755 : 0o644);
  }
}

/** Puts the new copy in the place of an old one that is no longer whole, if there is one. */
async function replace(copy: string, draft: string): Promise<void> {
  await rename(copy, join(draft, "old")).catch(() => undefined);
  // When it is there again, another process was faster, and its copy is as good as ours.
  await rename(join(draft, "new"), copy).catch(() => undefined);
}
