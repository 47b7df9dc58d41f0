import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Lists the project's files, tracked or new, relative to its root and without the ignored ones.
 *
 * Git answers where it can. In an image without git, or in a checkout of another user (which git
 * refuses to read), the tree is walked, and `.gitignore` is read as a list of plain names.
 */
export function listProjectFiles(root: string): readonly string[] {
  const git = spawnSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const listed = git.status === 0 ? git.stdout.split("\0") : [];
  // A copy inside somebody else's repository is not known to it: the answer is then empty.
  if (!listed.includes("package.json")) return walk(root, readIgnoredNames(root)).toSorted();
  return listed.filter((path) => path !== "" && existsSync(join(root, path))).toSorted();
}

function readIgnoredNames(root: string): readonly Bun.Glob[] {
  const names = readFileSync(join(root, ".gitignore"), "utf8").split("\n");
  return [".git", ...names]
    .map((name) => name.trim().replace(/\/$/, ""))
    .filter((name) => name !== "" && !name.startsWith("#"))
    .map((name) => new Bun.Glob(name));
}

function walk(root: string, ignored: readonly Bun.Glob[], below = ""): readonly string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .filter((entry) => !ignored.some((name) => name.match(entry.name)))
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? walk(root, ignored, path) : [path];
    });
}
