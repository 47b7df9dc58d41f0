import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { runCommand } from "../../scripts/run-command.ts";
import { createTemporaryDirectory, type TemporaryDirectory } from "./temporary-directory.ts";

/** The core as it was when its first migration was frozen: what a fleet runs that is to be upgraded. */
const archive = join(import.meta.dirname, "../fixtures/core-schema-1.tar.gz");

const modules = join(import.meta.dirname, "../../packages/core/node_modules");

/** A folder where `@leasehold/core` is the frozen one, with copies of these programs of `test/support`. */
export async function setupFrozenCore(...programs: readonly string[]): Promise<TemporaryDirectory> {
  const folder = await createTemporaryDirectory({ "package.json": '{ "type": "module" }' });
  const core = join(folder.path, "node_modules/@leasehold/core");
  await mkdir(core, { recursive: true });
  const unpacked = await runCommand(["tar", "-xzf", archive, "-C", core], {
    cwd: folder.path,
    timeoutMs: 30_000,
  });
  if (!unpacked.ok) throw new Error(`cannot unpack ${archive}:\n${unpacked.output}`);
  // What it needs of others has not changed since.
  for (const name of ["zod", "postgres", "@opentelemetry"]) {
    await symlink(join(modules, name), join(folder.path, "node_modules", name));
  }
  for (const name of programs) {
    await copyFile(join(import.meta.dirname, name), join(folder.path, name));
  }
  return folder;
}
