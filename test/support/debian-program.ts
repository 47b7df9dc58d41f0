import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";

import { runCommand } from "../../scripts/run-command.ts";
import { createTemporaryDirectory } from "./temporary-directory.ts";

/** A program that runs here, in a folder of its own or of the machine's. */
export interface DebianProgram extends AsyncDisposable {
  readonly path: string;
  /** What it came with, for `LD_LIBRARY_PATH`. */
  readonly libraries: readonly string[];
}

/** A program, and where Debian has it. */
export interface DebianSource {
  readonly name: string;
  /** Where its package puts it. */
  readonly path: string;
  readonly packages: readonly string[];
}

/** The machine's own program, or Debian's in a folder of ours; undefined where there is neither. */
export async function findDebianProgram(source: DebianSource): Promise<DebianProgram | undefined> {
  const installed = Bun.which(source.name);
  if (installed !== null) {
    return { path: installed, libraries: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const folder = await createTemporaryDirectory();
  if (!(await unpack(folder.path, source.packages))) {
    await folder[Symbol.asyncDispose]();
    return undefined;
  }
  const libraries = join(folder.path, "usr/lib");
  // A program may come without any.
  const names = await readdir(libraries).catch(() => []);
  return {
    path: join(folder.path, source.path),
    libraries: names.map((name) => join(libraries, name)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Nothing is installed, so nobody need be root for it. */
async function unpack(folder: string, packages: readonly string[]): Promise<boolean> {
  const options = { cwd: folder, timeoutMs: 60_000 };
  const fetched = await runCommand(["apt-get", "download", ...packages], options);
  if (!fetched.ok) return false;
  for (const file of await readdir(folder)) {
    const { ok } = await runCommand(["dpkg", "-x", file, "."], options);
    if (!ok) return false;
  }
  // Whoever runs it must get through.
  await chmod(folder, 0o755);
  return true;
}
