// Builds every package into its `dist`: JavaScript for Node, and declarations for everyone.
// Bun needs none of it, it runs the source.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { type ExportTargets, type Package, readPackages } from "./packages.ts";
import { runCommand } from "./run-command.ts";

const declarationsTimeoutMs = 180_000;

/** Builds all packages from scratch, and throws with the compiler's words where it cannot. */
export async function buildPackages(root: string): Promise<readonly Package[]> {
  const packages = readPackages(root);
  await Promise.all(packages.map(bundle));
  await emitDeclarations(root, packages);

  const missing = packages.flatMap(listMissingTargets);
  if (missing.length > 0) throw new Error(`exported, but not built:\n${missing.join("\n")}`);
  return packages;
}

async function bundle({ directory, entries }: Package): Promise<void> {
  await rm(join(directory, "dist"), { recursive: true, force: true });
  await Bun.build({
    entrypoints: entries.map(({ targets }) => join(directory, targets["@leasehold/source"])),
    root: join(directory, "src"),
    outdir: join(directory, "dist"),
    target: "node",
    format: "esm",
    packages: "external",
    // What two entries share must exist once: they would not know each other's errors.
    splitting: true,
    sourcemap: "linked",
  });
}

/** Declarations see Node's types only, so that a `Bun.` in a portable package fails here. */
async function emitDeclarations(root: string, packages: readonly Package[]): Promise<void> {
  const { ok, output } = await runCommand(
    [
      process.execPath,
      join(root, "node_modules/typescript/bin/tsc"),
      "--build",
      ...packages.map(({ directory }) => join(directory, "tsconfig.build.json")),
    ],
    { cwd: root, timeoutMs: declarationsTimeoutMs },
  );
  if (!ok) throw new Error(`no declarations:\n${output}`);
}

function listMissingTargets({ directory, entries }: Package): readonly string[] {
  return entries
    .flatMap(({ targets }) => listTargets(targets))
    .map((target) => join(directory, target))
    .filter((path) => !existsSync(path));
}

function listTargets(targets: ExportTargets): readonly string[] {
  const { bun } = targets;
  return [targets["@leasehold/source"], bun.types, bun.default, targets.types, targets.default];
}

if (import.meta.main) {
  const packages = await buildPackages(join(import.meta.dirname, ".."));
  console.log(`Built ${packages.map(({ manifest }) => manifest.name).join(", ")}.`);
}
