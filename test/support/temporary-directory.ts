import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A directory for one test. It is removed when it is disposed. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Creates a directory that holds the given files, each under its path within the directory. */
export async function createTemporaryDirectory(
  files: Readonly<Record<string, string>> = {},
): Promise<TemporaryDirectory> {
  // Some systems reach their temporary directory through a link, and tools report where it leads.
  const path = await realpath(await mkdtemp(join(tmpdir(), "leasehold-test-")));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
