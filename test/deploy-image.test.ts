import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { parseDockerfile, readExecForm } from "./support/deploy/dockerfile.ts";

const root = join(import.meta.dirname, "..");
const stages = parseDockerfile(await Bun.file(join(root, "deploy/Dockerfile")).text());
const image = stages.at(-1) ?? [];

/** What the last instruction of a name says, which is the one that counts. */
function last(name: string): string {
  return image.findLast((instruction) => instruction.name === name)?.text ?? "";
}

test("the image is built on the Bun that the project is tested with", async () => {
  const manifest = (await Bun.file(join(root, "package.json")).json()) as {
    readonly packageManager: string;
  };
  const [, version] = manifest.packageManager.split("@");

  const bases = stages.map(([from]) => from?.text.split(" ")[0]);

  expect(bases).toEqual([`oven/bun:${version}-slim`, `oven/bun:${version}-slim`]);
});

test("the worker runs as an ordinary user, given by number, whom nothing of the program belongs to", () => {
  expect(last("USER")).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(image.filter(({ name, text }) => name === "COPY" && text.includes("--chown"))).toEqual([]);
});

test("no shell stands between a signal and the worker", () => {
  expect(readExecForm(last("ENTRYPOINT"))).toEqual(["bun", "/app/apps/worker/src/main.ts"]);
  expect(readExecForm(last("CMD"))).toEqual(["run"]);
  expect(last("STOPSIGNAL")).toBe("SIGTERM");
});

test("no instruction goes through a shell, and no secret is an argument of the build", () => {
  const all = stages.flat();

  const shelled = all.filter(
    ({ name, text }) => name === "RUN" && readExecForm(text) === undefined,
  );

  expect(shelled).toEqual([]);
  expect(all.filter(({ name }) => name === "ARG" || name === "ADD")).toEqual([]);
});

test("the worker's only writable folder is the one that its settings name", () => {
  const [, folder = ""] = /\bLEASEHOLD_DATA_DIR=(\S+)/.exec(last("ENV")) ?? [];
  const made = image.flatMap(({ name, text }) =>
    name === "RUN" ? (readExecForm(text) ?? []).filter((word) => word.startsWith("/")) : [],
  );

  expect(made).toEqual([folder, `${folder}/uploads`]);
});

test("what is left out of the build is nothing that the lockfile or the worker needs", async () => {
  const rules = (await Bun.file(join(root, "deploy/Dockerfile.dockerignore")).text())
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const manifest = (await Bun.file(join(root, "package.json")).json()) as {
    readonly workspaces: { readonly packages: readonly string[] };
  };

  const kept = rules.filter((rule) => rule.startsWith("!")).map((rule) => rule.slice(1));
  const lost = manifest.workspaces.packages.filter((pattern) => {
    const [top = ""] = pattern.split("/");
    return !kept.some((path) => path === top || path === `${pattern}/package.json`);
  });

  expect(lost).toEqual([]);
  expect(kept.filter((path) => !path.includes("*") && !existsSync(join(root, path)))).toEqual([]);
});
