import { access, chmod, mkdir, readFile, readlink, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { startEmbeddedPostgres } from "@leasehold/embedded-postgres";

import { findServerPid } from "../chaos/chaos-server.ts";

/** Where Debian, Fedora and those who build it themselves put libfaketime. */
const libraryFolders = [
  "/usr/lib/x86_64-linux-gnu/faketime",
  "/usr/lib/aarch64-linux-gnu/faketime",
  "/usr/lib64/faketime",
  "/usr/lib/faketime",
  "/usr/local/lib/faketime",
];

/** The library that lies to a program about the time, if this machine has it. */
export async function findFakeTimeLibrary(): Promise<string | undefined> {
  for (const folder of libraryFolders) {
    const path = join(folder, "libfaketime.so.1");
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

/** What a program is to find in its environment so that its clock is wrong by so much. Its timers stay right. */
export function wrongClock(library: string, seconds: number): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME: toOffset(seconds),
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

/** The programs of a Postgres whose clock a test can move while it runs. Disposing does not stop it. */
export interface FakeTimePostgres extends AsyncDisposable {
  /** For `startEmbeddedPostgres`. */
  readonly binFolder: string;
  /** Sets the clock to so much after the machine's, or before it, for all that the server does from now on. */
  moveClock(seconds: number): Promise<void>;
}

/** Wraps the programs of the project's own Postgres, in a folder that must be empty. */
export async function createFakeTimePostgres(
  folder: string,
  library: string,
): Promise<FakeTimePostgres> {
  // Whoever is root runs Postgres under another account, which has to read this.
  await chmod(folder, 0o755);
  // It lends its programs, and the links to its libraries that are there while it runs.
  const dataDir = join(folder, "lender");
  const lender = await startEmbeddedPostgres({ dataDir });
  const pid = await findServerPid(dataDir);
  const program = await readlink(`/proc/${pid}/exe`);
  const environment = await readFile(`/proc/${pid}/environ`, "utf8");
  const libraryPath = /(?:^|\0)LD_LIBRARY_PATH=([^\0]*)/.exec(environment)?.[1] ?? "";

  const clockFile = join(folder, "clock");
  const moveClock = async (seconds: number): Promise<void> => {
    const draft = `${clockFile}.draft`;
    await writeFile(draft, toOffset(seconds));
    // In one step: an empty file would be read as the right time.
    await rename(draft, clockFile);
  };
  await moveClock(0);
  const binFolder = join(folder, "bin");
  await mkdir(binFolder);
  const libraries = `LD_LIBRARY_PATH='${libraryPath}'`;
  // Read at every look at the clock: a jump is a jump, and not a while in which some processes have jumped already.
  const clock = `LD_PRELOAD='${library}' FAKETIME_TIMESTAMP_FILE='${clockFile}' FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1`;
  for (const [name, variables] of [
    ["initdb", libraries],
    ["postgres", `${libraries} ${clock}`],
  ] as const) {
    const path = join(binFolder, name);
    const target = join(dirname(program), name);
    await writeFile(path, `#!/bin/sh\nexport ${variables}\nexec '${target}' "$@"\n`);
    await chmod(path, 0o755);
  }
  return { binFolder, moveClock, [Symbol.asyncDispose]: () => lender.stop() };
}

function toOffset(seconds: number): string {
  return `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}`;
}
