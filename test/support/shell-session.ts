import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What a piece of a session said, and how its last command ended. */
export interface ShellAnswer {
  /** Undefined: the shell ended, or took too long. */
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** One shell, as somebody has it open at a terminal: what it exports and starts stays. */
export interface ShellSession extends AsyncDisposable {
  /** Runs commands until one of them fails. */
  run(code: string): Promise<ShellAnswer>;
}

export interface ShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where it keeps what it is told and what it says. */
  readonly folder: string;
  /** For one piece. */
  readonly patienceMs: number;
}

/** Opens a shell in a process group of its own, which ends with it. */
export function openShell({ cwd, env, folder, patienceMs }: ShellOptions): ShellSession {
  const child = spawn("bash", ["--noprofile", "--norc"], {
    cwd,
    env: { ...env },
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdout.setEncoding("utf8");
  child.stdin.on("error", () => undefined);
  let said = "";
  let isOver = false;
  const news = new EventTarget();
  child.stdout.on("data", (piece: string) => {
    said += piece;
    news.dispatchEvent(new Event("said"));
  });
  child.stdout.on("end", () => {
    isOver = true;
    news.dispatchEvent(new Event("said"));
  });
  let pieces = 0;
  return {
    async run(code) {
      pieces += 1;
      const [script, output] = ["sh", "out"].map((ending) => join(folder, `${pieces}.${ending}`));
      await writeFile(script ?? "", `set -e\n${code}`);
      await writeFile(output ?? "", "");
      const mark = `piece ${pieces} ended with `;
      child.stdin.write(`. '${script}' > '${output}' 2>&1 < /dev/null; echo "${mark}$?"\n`);
      const exitCode = await waitForMark(mark);
      return { exitCode, output: await readFile(output ?? "", "utf8") };
    },
    async [Symbol.asyncDispose]() {
      if (child.pid === undefined) return;
      const ended = child.exitCode === null ? once(child, "exit") : undefined;
      // Also what it started in the background.
      kill(-child.pid);
      await ended;
    },
  };

  async function waitForMark(mark: string): Promise<number | undefined> {
    const late = AbortSignal.timeout(patienceMs);
    for (;;) {
      const at = said.indexOf(mark);
      if (at >= 0 && said.indexOf("\n", at) > 0)
        return Number.parseInt(said.slice(at + mark.length));
      if (late.aborted || isOver) return undefined;
      await once(news, "said", { signal: late }).catch(() => undefined);
    }
  }
}

function kill(group: number): void {
  try {
    process.kill(group, "SIGKILL");
  } catch {
    // Nobody is left of it.
  }
}
