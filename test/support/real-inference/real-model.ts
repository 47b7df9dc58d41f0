import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { runCommand } from "../../../scripts/run-command.ts";
import { type SpawnedProgram, spawnProgram } from "../spawned-program.ts";
import { createTemporaryDirectory } from "../temporary-directory.ts";
import { root } from "../worker-bench.ts";

const folder = join(root, "e2e/real-inference");

/** What the model goes by. */
export const models = { vision: "page-reader:latest", feedback: "judge:latest" } as const;

/** A real model behind Ollama's form of HTTP, in a process of its own. */
export interface RealModel extends AsyncDisposable {
  readonly url: string;
  /** What the model said, whole, in order. */
  readAnswers(): Promise<readonly string[]>;
}

/** Installs the engine, which is no part of the project's own install. Answers why that cannot be, if so. */
export async function installEngine(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `the engine is built for linux-x64, not for ${process.platform}-${process.arch}`;
  }
  // Optional packages are the engine for graphics cards and other machines: 740 MB that nobody needs here.
  const { ok, output } = await runCommand(
    [process.execPath, "install", "--frozen-lockfile", "--omit=optional"],
    { cwd: folder, timeoutMs: 300_000 },
  );
  const [reason = "no reason given"] = /^error:.*$/m.exec(output) ?? [];
  return ok ? undefined : `the engine cannot be installed: ${reason}`;
}

/** Starts it. With `constrains: false` it ignores the schema of an answer. */
export async function startRealModel(options: {
  readonly constrains: boolean;
}): Promise<RealModel> {
  const temporary = await createTemporaryDirectory();
  const program: SpawnedProgram = spawnProgram(
    [
      join(folder, "src/main.ts"),
      `--folder=${temporary.path}`,
      ...Object.values(models).map((name) => `--model=${name}`),
      ...(options.constrains ? [] : ["--ignore-format"]),
    ],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: temporary.path },
      lifetimeMs: 1_800_000,
    },
  );
  const url = await program.waitFor("address", ({ stdout }) => /^(http:\S+)\n/.exec(stdout)?.[1]);
  return {
    url,
    async readAnswers() {
      const lines = await readFile(join(temporary.path, "answers.jsonl"), "utf8");
      return lines
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as string);
    },
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  };
}
