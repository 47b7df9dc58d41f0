import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

import { createTemporaryDirectory } from "./support/temporary-directory.ts";

const script = join(import.meta.dirname, "../.ci/run");

interface Run {
  readonly lines: readonly string[];
  readonly exitCode: number | null;
}

/** Runs `.ci/run` with a command in the place of npx, and stops it at the line given. */
async function run(command: string, stopAtLine?: string): Promise<Run> {
  await using directory = await createTemporaryDirectory({
    npx: `#!/usr/bin/env bash\n${command}`,
  });
  await chmod(join(directory.path, "npx"), 0o755);
  const child = spawn(script, {
    env: { ...process.env, PATH: [directory.path, process.env["PATH"]].join(delimiter) },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");

  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === stopAtLine) child.kill("SIGTERM");
    lines.push(line);
  }
  await exited;
  return { lines, exitCode: child.exitCode };
}

describe(".ci/run", () => {
  test("closes with the tally, also when something was printed after it", async () => {
    const { lines, exitCode } = await run(`echo before; echo "3 passed, 0 failed"; echo after`);

    expect(lines).toEqual(["before", "after", "3 passed, 0 failed"]);
    expect(exitCode).toBe(0);
  });

  test("passes on failures and skips", async () => {
    const { lines, exitCode } = await run(`echo "3 passed, 2 failed, 1 skipped"; exit 1`);

    expect(lines).toEqual(["3 passed, 2 failed, 1 skipped"]);
    expect(exitCode).toBe(1);
  });

  test.each([
    ["the command is killed", "echo half; kill -KILL $$", ["half", "0 passed, 1 failed"]],
    ["the command prints no tally", "exit 0", ["0 passed, 1 failed"]],
    [
      "the command fails after a clean tally",
      `echo "3 passed, 0 failed"; exit 1`,
      ["3 passed, 1 failed"],
    ],
    ["nothing ran", `echo "0 passed, 0 failed"`, ["0 passed, 0 failed"]],
  ])("fails when %s", async (_, command, expected) => {
    const { lines, exitCode } = await run(command);

    expect(lines).toEqual(expected);
    expect(exitCode).toBe(1);
  });

  test("tells the command to stop, and closes with what it had counted", async () => {
    const { lines, exitCode } = await run(
      `exec 2>/dev/null; trap 'echo "1 passed, 1 failed"; exit 1' TERM
       echo started; while :; do sleep 0.05; done`,
      "started",
    );

    expect(lines).toEqual(["started", "1 passed, 1 failed"]);
    expect(exitCode).toBe(1);
  });

  test("runs as in CI and without input", async () => {
    const { lines } = await run(`cat; echo "CI is $CI, arguments are $*"`);

    expect(lines[0]).toBe("CI is true, arguments are -y bun@1.4.5 run verify");
  });
});
