import { spawn } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { platform } from "node:process";

import { EmbeddedPostgresError, errorCode } from "./errors.ts";

/** The account PostgreSQL runs under when we are root, since it refuses to be root itself. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the words of the operating system. */
  readonly started: string;
}

export interface CommandOptions {
  readonly account?: ServerAccount | undefined;
  /** An open file for the command, under the number 3. */
  readonly inherited?: number | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface CommandOutcome {
  /** `undefined` when the command never ran or a signal ended it. */
  readonly exitCode: number | undefined;
  /** Somebody ended it, which says nothing about the command. */
  readonly wasKilled: boolean;
  /** Both of its streams, cut at the end. */
  readonly output: string;
}

const nobody = 65_534;
const outputCharactersMax = 65_536;
const probeMs = 5_000;
// PF_EXITING in Linux: past the point of return, and its command line may be empty already.
const flagExiting = 4;

/** Dates in one language, since they are compared. */
function probeOptions(): CommandOptions {
  return {
    environment: { LC_ALL: "C", PATH: "/usr/bin:/bin" },
    signal: AbortSignal.timeout(probeMs),
  };
}

/** The account for the server: `undefined` means our own. Throws where we do not know how to run one. */
export function findServerAccount(): ServerAccount | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) {
    throw new EmbeddedPostgresError(
      "platform_unsupported",
      "The private PostgreSQL needs Unix sockets and does not run on Windows: give a database URL, or use WSL.",
    );
  }
  if (uid !== 0) return undefined;
  if (platform === "linux") return { uid: nobody, gid: nobody };
  throw new EmbeddedPostgresError(
    "platform_unsupported",
    "PostgreSQL refuses to run as root, and only on Linux do we change the account: use an ordinary one.",
  );
}

/** Our own user number. */
export function ownUid(): number {
  return process.getuid?.() ?? 0;
}

/** Runs a command to its end. Throws only the signal's reason; a command that is not there has no exit code. */
export async function runCommand(
  command: string,
  parameters: readonly string[],
  options: CommandOptions,
): Promise<CommandOutcome> {
  options.signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<CommandOutcome>();
  let output = "";
  const child = spawn(command, parameters, {
    ...options.account,
    // Another account may not be allowed to enter ours.
    cwd: "/",
    // Without an environment of our own the child inherits the whole of ours, PATH among it.
    ...(options.environment === undefined ? {} : { env: options.environment }),
    stdio: ["ignore", "pipe", "pipe", options.inherited ?? "ignore"],
  });
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(0, outputCharactersMax);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  child.once("error", (error) => {
    resolve({ exitCode: undefined, wasKilled: false, output: error.message });
  });
  child.once("close", (exitCode, signal) => {
    const wasKilled = signal === "SIGKILL" || signal === "SIGTERM" || signal === "SIGINT";
    resolve({ exitCode: exitCode ?? undefined, wasKilled, output });
  });
  const onAbort = (): void => {
    child.kill("SIGTERM");
  };
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const outcome = await promise;
    options.signal.throwIfAborted();
    return outcome;
  } finally {
    options.signal.removeEventListener("abort", onAbort);
  }
}

/** When the process started, or `undefined` if it no longer runs. One that is ending, or a zombie, does not run. */
export async function findProcessStart(pid: number): Promise<string | undefined> {
  if (platform === "linux") return await findStartInProc(pid);
  const { exitCode, output } = await runCommand(
    "ps",
    ["-o", "stat=,lstart=", "-p", String(pid)],
    probeOptions(),
  );
  const found = output.trim();
  return exitCode === 0 && found !== "" && !found.startsWith("Z")
    ? found.replace(/^\S+\s+/, "")
    : undefined;
}

async function findStartInProc(pid: number): Promise<string | undefined> {
  try {
    const [status, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      // Some sandboxes have none, and they do not outlive a boot either.
      readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    ]);
    // The second field is the program's name in brackets and may hold spaces and brackets itself.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    const [state, flags, ticks] = [fields[0], Number(fields[6]), fields[19]];
    if (state === "Z" || state === "X" || ticks === undefined) return undefined;
    if ((flags & flagExiting) !== 0) return undefined;
    // Ticks are counted from the start of the machine, so two boots may show the same number.
    return `${ticks}@${boot.trim().slice(0, 8)}`;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ESRCH") return undefined;
    throw error;
  }
}

/** Tells whether this very process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await findProcessStart(identity.pid)) === identity.started;
}

/** What identifies us to others. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { pid: process.pid, started: (await findProcessStart(process.pid)) ?? "unknown" };
}

/** One line of text for an identity. */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.started}`;
}

/** Reads what {@link formatIdentity} wrote. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [, pid, started] = /^(\d+) (.+)$/.exec(text.trim()) ?? [];
  return pid === undefined || started === undefined ? undefined : { pid: Number(pid), started };
}

/** The command lines of all processes that we may see. */
export async function listCommandLines(): Promise<readonly (readonly string[])[]> {
  if (platform === "linux") {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const lines = await Promise.all(pids.map((pid) => findCommandLine(Number(pid))));
    return lines.filter((words) => words !== undefined);
  }
  const { output } = await runCommand("ps", ["-axww", "-o", "command="], probeOptions());
  return output.split("\n").map((line) => line.split(" "));
}

/** The command line of a process, word by word, or `undefined` when it may not be read. */
export async function findCommandLine(pid: number): Promise<readonly string[] | undefined> {
  if (platform === "linux") {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined);
    return words?.split("\0");
  }
  const { exitCode, output } = await runCommand(
    "ps",
    ["-ww", "-o", "command=", "-p", String(pid)],
    probeOptions(),
  );
  return exitCode === 0 ? output.trim().split(" ") : undefined;
}

/** Tells whether a process stands in a folder, or `undefined` when that cannot be known. */
export async function standsIn(pid: number, folder: string): Promise<boolean | undefined> {
  try {
    const [there, here] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(folder)]);
    return there.dev === here.dev && there.ino === here.ino;
  } catch {
    return undefined;
  }
}
