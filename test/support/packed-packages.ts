import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { type Package, readPackages } from "../../scripts/packages.ts";
import { listProjectFiles } from "../../scripts/project-files.ts";
import { runCommand } from "../../scripts/run-command.ts";
import { createTemporaryDirectory } from "./temporary-directory.ts";

const timeoutMs = 120_000;
const root = join(import.meta.dirname, "../..");

/** The packages as strangers get them: packed, and installed in an empty project. */
export interface PackedPackages extends AsyncDisposable {
  readonly packages: readonly Package[];
  /** By the package's name. */
  readonly tarballs: Readonly<Record<string, string>>;
  /** Where the project is that they were installed in. */
  readonly consumer: string;
}

/**
 * Packs a copy of the project's files and installs the tarballs, as `bun run pack` says how.
 *
 * A copy, so that nothing is packed that is not in the repository, and nothing is built under the
 * feet of other tests.
 */
export async function setupPackedPackages(
  dependencies: Readonly<Record<string, string>>,
): Promise<PackedPackages> {
  const directory = await createTemporaryDirectory();
  const project = join(directory.path, "project");
  const consumer = join(directory.path, "consumer");
  try {
    await copyProject(project);
    await runBun(["install", "--frozen-lockfile"], project);
    const destination = join(directory.path, "packs");
    const advice = await runBun(["scripts/pack.ts", "--destination", destination], project);

    const advised: Advice = JSON.parse(
      advice.slice(advice.indexOf("{"), advice.lastIndexOf("}") + 1),
    );
    const packages = readPackages(project);
    const peers: Readonly<Record<string, string>> = Object.assign(
      {},
      ...packages.map(({ manifest }) => manifest.peerDependencies),
    );
    await mkdir(consumer);
    const manifest = {
      private: true,
      type: "module",
      dependencies: { ...peers, ...dependencies, ...advised.dependencies },
      overrides: advised.overrides,
    };
    await Bun.write(join(consumer, "package.json"), JSON.stringify(manifest));
    await runBun(["install", "--ignore-scripts"], consumer);

    const tarballs = Object.entries(advised.dependencies).map(([name, file]) => [
      name,
      file.replace(/^file:/, ""),
    ]);
    return {
      packages,
      tarballs: Object.fromEntries(tarballs),
      consumer,
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

/** What `bun run pack` says to put into a `package.json`. */
interface Advice {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
}

async function copyProject(destination: string): Promise<void> {
  for (const path of listProjectFiles(root)) {
    await mkdir(dirname(join(destination, path)), { recursive: true });
    await cp(join(root, path), join(destination, path));
  }
}

async function runBun(args: readonly string[], cwd: string): Promise<string> {
  const { ok, output } = await runCommand([process.execPath, ...args], { cwd, timeoutMs });
  if (!ok) throw new Error(`bun ${args.join(" ")}:\n${output}`);
  return output;
}
