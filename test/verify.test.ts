import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { listProjectFiles } from "../scripts/project-files.ts";
import { type Outcome, runTestFile } from "../scripts/verify.ts";
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from "./support/temporary-directory.ts";

const imports = `import { expect, test } from "bun:test";\n`;

async function count(text: string, timeoutMs = 30_000): Promise<Outcome> {
  await using project = await createTemporaryDirectory({ "sample.test.ts": imports + text });
  return await runTestFile("sample.test.ts", { cwd: project.path, timeoutMs });
}

describe("counting a test file", () => {
  test("counts what passed, failed and was skipped, in groups too", async () => {
    const { tally } = await count(`
      test("passes", () => {});
      test("fails", () => expect(1).toBe(2));
      test.skip("is skipped", () => {});
      test.todo("is yet to be written");
    `);

    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 2 });
  });

  test.each([
    ["cannot be loaded", `throw new Error("planted");`],
    ["has a syntax error", `test("never closed`],
    ["holds no test", ""],
    ["ends the process as if all were well", `test("ends", () => process.exit(0));`],
    ["is killed", `test("dies", () => process.kill(process.pid, "SIGKILL"));`],
  ])("counts one failure for a file that %s", async (_, text) => {
    const { tally } = await count(text);

    expect(tally).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test("counts a failure for an error that belongs to no test", async () => {
    const { tally } = await count(`
      import { describe } from "bun:test";
      test("passes", () => {});
      describe("a group", () => { throw new Error("planted"); });
    `);

    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  test("stops a file that hangs, and says so", async () => {
    const { tally, output } = await count(`test("hangs", () => { for (;;); });`, 300);

    expect(tally).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(output).toContain("stopped after 0.3 s");
  }, 20_000);
});

describe("listing the project's files", () => {
  const files = {
    ".gitignore": "node_modules/\n*.tgz\n",
    "package.json": "{}",
    "src/a.ts": "",
    "src/node_modules/b.ts": "",
    "c.tgz": "",
  };
  const listed = [".gitignore", "package.json", "src/a.ts"];

  const git = (project: TemporaryDirectory, ...args: readonly string[]): void => {
    expect(spawnSync("git", args, { cwd: project.path }).status).toBe(0);
  };

  const hasGit = Bun.which("git") !== null;
  const reason = hasGit ? "" : " (skipped: git is not installed)";
  test.skipIf(!hasGit)(`lists new and tracked files, not ignored or deleted${reason}`, async () => {
    await using project = await createTemporaryDirectory({ ...files, "src/deleted.ts": "" });
    git(project, "init", "--quiet");
    git(project, "add", ".gitignore", "src");

    await Bun.file(join(project.path, "src/deleted.ts")).delete();

    expect(listProjectFiles(project.path)).toEqual(listed);
  });

  test("lists the same files where git knows nothing of the project", async () => {
    await using project = await createTemporaryDirectory(files);

    expect(listProjectFiles(project.path)).toEqual(listed);
  });
});
