import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What one entry of an exports map answers under each condition. */
export interface ExportTargets {
  readonly "@leasehold/source": string;
  readonly bun: { readonly types: string; readonly default: string };
  readonly types: string;
  readonly default: string;
}

/** The fields of a `package.json` that our scripts and tests look at. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | ExportTargets>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One published package of the workspace. */
export interface Package {
  /** Absolute. */
  readonly directory: string;
  readonly manifest: Manifest;
  /** The modules others can import, without `./package.json`. */
  readonly entries: readonly PackageEntry[];
}

/** One module that others can import, as `specifier`. */
export interface PackageEntry {
  readonly specifier: string;
  readonly targets: ExportTargets;
}

/** Reads the packages that are published from the workspace, in the order of their names. */
export function readPackages(root: string): readonly Package[] {
  return readdirSync(join(root, "packages"))
    .toSorted()
    .map((name) => join(root, "packages", name))
    .filter((directory) => existsSync(join(directory, "package.json")))
    .map((directory) => {
      const manifest = parseManifest(readFileSync(join(directory, "package.json"), "utf8"));
      return { directory, manifest, entries: listEntries(manifest) };
    })
    .filter(({ manifest }) => manifest.private !== true);
}

/** Reads our own `package.json` files, whose shape the build and the tidy test hold to. */
export function parseManifest(text: string): Manifest {
  const manifest: Manifest = JSON.parse(text);
  return manifest;
}

function listEntries({ name, exports = {} }: Manifest): readonly PackageEntry[] {
  return Object.entries(exports).flatMap(([path, targets]) =>
    typeof targets === "string" ? [] : [{ specifier: `${name}${path.slice(1)}`, targets }],
  );
}
