import { spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long a command may take to end after it was asked to. */
const graceMs = 5_000;

/** Where a command runs, and what ends it early. */
export interface CommandOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
  /** Ends the command when it aborts. */
  readonly signal?: AbortSignal;
}

/** What became of a command. */
export interface CommandResult {
  /** Whether the command ended by itself and with exit code 0. */
  readonly ok: boolean;
  /** Everything it wrote, and why it ended if it did not exit by itself. */
  readonly output: string;
}

/**
 * Runs a command without a terminal, in a process group of its own, and waits for its end.
 *
 * It never throws for what the command did: a missing program, a crash and a timeout are results.
 */
export async function runCommand(
  argv: readonly [string, ...string[]],
  options: CommandOptions,
): Promise<CommandResult> {
  const directory = await mkdtemp(join(tmpdir(), "leasehold-run-"));
  try {
    // A file and not a pipe: a pipe stays open for as long as any grandchild holds it, and we
    // would wait for a forgotten server instead of for the command.
    const outputPath = join(directory, "output");
    const outputFile = await open(outputPath, "a");
    const ending = await waitForEnd(argv, outputFile, options).finally(() => outputFile.close());
    const output = await readFile(outputPath, "utf8");
    return ending === undefined
      ? { ok: true, output }
      : { ok: false, output: `${output.trimEnd()}\n(${ending})\n` };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Answers nothing when the command succeeded, and how it ended otherwise. */
async function waitForEnd(
  [program, ...args]: readonly [string, ...string[]],
  outputFile: FileHandle,
  { cwd, timeoutMs, signal }: CommandOptions,
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const limit = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  if (limit.aborted) return "not started: stopped";

  const child = spawn(program, args, {
    cwd,
    // Its own group, so that what it started ends with it.
    detached: true,
    stdio: ["ignore", outputFile.fd, outputFile.fd],
  });
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(child.pid, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(child.pid, "SIGKILL"), graceMs);
  };
  limit.addEventListener("abort", stop, { once: true });
  try {
    await once(child, "exit");
    if (timeout.aborted) return `stopped after ${timeoutMs / 1_000} s`;
    if (signal?.aborted === true) return "stopped";
    if (child.signalCode !== null) return `ended by ${child.signalCode}`;
    return child.exitCode === 0 ? undefined : `exit code ${child.exitCode}`;
  } catch (error) {
    return `could not start ${program}: ${String(error)}`;
  } finally {
    limit.removeEventListener("abort", stop);
    clearTimeout(killTimer);
    signalGroup(child.pid, "SIGKILL");
  }
}

function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // The group is gone already, which is what we wanted.
  }
}
