import { spawn } from "node:child_process";
import { once } from "node:events";

/** How long a test waits for what must come: many times what is normal, since a machine may be busy. */
export const patienceMs: number = 60_000;

/** How long a program may live unless its test says otherwise: one that hangs must not outlive its test. */
const lifetimeMsDefault = 100_000;

/** How a program ended, and all that it said. */
export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program has said so far. */
export type ProgramOutput = Pick<ProgramEnd, "stdout" | "stderr">;

/** A program that runs. Disposing kills it and waits until it is gone. */
export interface SpawnedProgram extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<ProgramEnd>;
  output(): ProgramOutput;
  /** Resolves with the first thing that is found in what it says; rejects when it ends without having said it. */
  waitFor<Found>(what: string, find: (output: ProgramOutput) => Found | undefined): Promise<Found>;
  signal(name: NodeJS.Signals): void;
}

export interface SpawnOptions {
  readonly cwd: string;
  /** The whole environment: nothing of the test's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads. Default: nothing. */
  readonly input?: string | Uint8Array;
  /** In a process group of its own, so that a test can see whether it left anybody behind. Default: `false`. */
  readonly detached?: boolean;
  /** Then it is killed. Default: 100,000. */
  readonly lifetimeMs?: number;
}

/** Starts a program on the runtime that runs the test. */
export function spawnProgram(argv: readonly string[], options: SpawnOptions): SpawnedProgram {
  const { cwd, env, input = "", detached = false, lifetimeMs = lifetimeMsDefault } = options;
  const child = spawn(process.execPath, [...argv], { cwd, env: { ...env }, detached });
  const lifetime = setTimeout(() => child.kill("SIGKILL"), lifetimeMs);
  // It may end before it has read everything.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const output = { stdout: "", stderr: "" };
  const news = new EventTarget();
  let isOver = false;
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (piece: string) => {
      output[name] += piece;
      news.dispatchEvent(new Event("said"));
    });
  }
  const ended = once(child, "close").then((): ProgramEnd => {
    isOver = true;
    clearTimeout(lifetime);
    news.dispatchEvent(new Event("said"));
    return { exitCode: child.exitCode, signal: child.signalCode, ...output };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    output: () => ({ ...output }),
    signal: (name) => void child.kill(name),
    async waitFor(what, find) {
      const late = AbortSignal.timeout(patienceMs);
      for (;;) {
        const found = find(output);
        if (found !== undefined) return found;
        if (isOver || late.aborted) {
          const when = isOver ? "before it ended" : `within ${patienceMs} ms`;
          throw new Error(`No ${what} ${when}. It said:\n${output.stdout}\n${output.stderr}`);
        }
        await once(news, "said", { signal: late }).catch(() => undefined);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!isOver) child.kill("SIGKILL");
      await ended;
    },
  };
}
