// Builds and packs every package, as it would be published, and says how to try the result.
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { buildPackages } from "./build.ts";
import type { Package } from "./packages.ts";
import { runCommand } from "./run-command.ts";

const packTimeoutMs = 60_000;

/** Packs all packages into a directory that is emptied first; answers the tarball of each name. */
export async function packPackages(
  root: string,
  destination: string,
): Promise<Readonly<Record<string, string>>> {
  const packages = await buildPackages(root);
  await rm(destination, { recursive: true, force: true });
  await mkdir(destination, { recursive: true });
  const tarballs = packages.map(async (subject) => [
    subject.manifest.name,
    await packPackage(subject, destination),
  ]);
  return Object.fromEntries(await Promise.all(tarballs));
}

async function packPackage({ directory, manifest }: Package, destination: string): Promise<string> {
  const filename = `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
  const tarball = join(destination, filename);
  const { ok, output } = await runCommand(
    [process.execPath, "pm", "pack", "--ignore-scripts", "--filename", tarball],
    { cwd: directory, timeoutMs: packTimeoutMs },
  );
  if (!ok) throw new Error(`cannot pack ${manifest.name}:\n${output}`);
  return tarball;
}

async function main(): Promise<void> {
  const root = join(import.meta.dirname, "..");
  const { values } = parseArgs({
    options: { destination: { type: "string", default: join(root, "dist/packs") } },
  });

  const tarballs = await packPackages(root, resolve(values.destination));

  const files = Object.fromEntries(
    Object.entries(tarballs).map(([name, tarball]) => [name, `file:${tarball}`]),
  );
  // The packages depend on each other by version, and no registry has these versions yet.
  console.log(`Packed ${Object.keys(files).length} packages. To try them in another project, put this
into its package.json, keep those of the dependencies that you want, and install:

${JSON.stringify({ dependencies: files, overrides: files }, undefined, 2)}`);
}

if (import.meta.main) await main();
