import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { parse } from "node:path";
import type { Readable, Writable } from "node:stream";

import { readCpuTime, readPeakMemory } from "./child-usage.ts";
import { encodeFrameHead, type Frame, readFrames } from "./frames.ts";

/** Why a child is no longer there. */
export type ChildEnd =
  | { readonly why: "closed" }
  | { readonly why: "aborted" }
  /** `starved`: it hardly got to compute, so the time says nothing about the document. */
  | { readonly why: "time_limit"; readonly starved: boolean }
  | { readonly why: "memory_limit" }
  | { readonly why: "garbled" }
  | { readonly why: "not_started"; readonly errno: string | undefined }
  | {
      readonly why: "exited";
      readonly exitCode: number | undefined;
      readonly signal: string | undefined;
    };

/** A request found no answer because the child ended. */
export class ChildEnded extends Error {
  readonly end: ChildEnd;

  constructor(end: ChildEnd) {
    super(`The media process ended: ${end.why}.`);
    this.name = "ChildEnded";
    this.end = end;
  }
}

export interface LimitedChildOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly memoryBytesMax: number;
  /** What the kernel allows; it also ends a child whose worker was killed. */
  readonly cpuSecondsMax: number;
  readonly replyBytesMax: number;
  /** Kills the child at once. */
  readonly signal: AbortSignal;
}

/** A process without secrets that can be killed at any time without loss. */
export interface LimitedChild {
  /** One at a time. Throws `ChildEnded`. */
  request(header: object, body: Uint8Array, timeoutMs: number): Promise<Frame>;
  /** Kills the child and waits until it is gone. Idempotent. */
  close(): Promise<void>;
}

const shell = "/bin/sh";
const memoryPollMs = 100;
/** A child that computed for less than this share of its time was kept waiting by the machine. */
const starvedShare = 0.25;

/**
 * No core file, because it would hold a learner's work; a limit of processor time; and the first in line when the
 * machine runs out of memory, so that the worker and its other jobs live on.
 */
const limitScript = [
  "ulimit -c 0",
  'ulimit -t "$1"',
  "{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null",
  "shift",
  'exec "$@"',
].join("\n");

/** Nothing of the worker's environment, and nothing of the runtime's own writing or telling. */
const environment = {
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  BUN_ENABLE_CRASH_REPORTING: "0",
  DO_NOT_TRACK: "1",
} as const;

/** Starts a child. A failure to start shows at the first request. */
export function startLimitedChild(options: LimitedChildOptions): LimitedChild {
  const { signal, memoryBytesMax, replyBytesMax } = options;
  const child = spawnLimited(options);
  const exited = waitForExit(child);
  const frames = readFrames(child.stdout, replyBytesMax);
  let firstEnd: ChildEnd | undefined;

  const kill = (end: ChildEnd): void => {
    firstEnd ??= end;
    child.kill("SIGKILL");
  };
  const onAbort = (): void => kill({ why: "aborted" });
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  void exited.then(() => signal.removeEventListener("abort", onAbort));
  // Writing to a child that has ended is no news: the end of its output tells.
  child.stdin.on("error", () => undefined);

  const nextFrame = async (): Promise<Frame> => {
    const next = await frames.next().catch(() => {
      kill({ why: "garbled" });
      return undefined;
    });
    if (next?.done === false && firstEnd === undefined) return next.value;
    // Output that ends before the process is as good as an end; killing a process that has ended does nothing.
    child.kill("SIGKILL");
    const end = await exited;
    throw new ChildEnded(firstEnd ?? end);
  };

  return {
    async request(header, body, timeoutMs) {
      if (firstEnd === undefined) {
        child.stdin.write(encodeFrameHead(header, body.length));
        child.stdin.write(body);
      }
      const watch = watchLimits({ pid: child.pid, timeoutMs, memoryBytesMax, onLimit: kill });
      try {
        return await nextFrame();
      } finally {
        watch.stop();
      }
    },
    async close() {
      kill({ why: "closed" });
      await exited;
      // Nobody reads what is left in the pipe.
      child.stdout.destroy();
    },
  };
}

function spawnLimited({
  command,
  cpuSecondsMax,
}: LimitedChildOptions): ChildProcessByStdio<Writable, Readable, null> {
  const [program = "", ...rest] = hasShell()
    ? [shell, "-c", limitScript, "leasehold-media", String(cpuSecondsMax), ...command]
    : command;
  return spawn(program, rest, {
    // A folder that nobody unprivileged can put a configuration file into.
    cwd: parse(program).root || "/",
    env: environment,
    // What a library prints may quote a document.
    stdio: ["pipe", "pipe", "ignore"],
    windowsHide: true,
  });
}

/** Minimal container images have none; the worker's own watch remains. */
function hasShell(): boolean {
  try {
    accessSync(shell, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function waitForExit(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once("exit", (exitCode, signal) => {
      resolve({ why: "exited", exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
    child.once("error", (error) => {
      if (child.pid !== undefined) return;
      const errno = "code" in error && typeof error.code === "string" ? error.code : undefined;
      resolve({ why: "not_started", errno });
    });
  });
}

interface Watch {
  stop(): void;
}

function watchLimits({
  pid,
  timeoutMs,
  memoryBytesMax,
  onLimit,
}: {
  readonly pid: number | undefined;
  readonly timeoutMs: number;
  readonly memoryBytesMax: number;
  readonly onLimit: (end: ChildEnd) => void;
}): Watch {
  if (pid === undefined) return { stop: () => undefined };
  const cpuBefore = readCpuTime(pid);

  const onTimeout = (): void => {
    const cpuAfter = readCpuTime(pid);
    const starved =
      cpuBefore !== undefined &&
      cpuAfter !== undefined &&
      cpuAfter - cpuBefore < timeoutMs * starvedShare;
    onLimit({ why: "time_limit", starved });
  };
  const onPoll = (): void => {
    const peak = readPeakMemory(pid);
    if (peak !== undefined && peak > memoryBytesMax) onLimit({ why: "memory_limit" });
  };

  const timer = setTimeout(onTimeout, timeoutMs);
  const poll = setInterval(onPoll, memoryPollMs);
  return {
    stop() {
      clearTimeout(timer);
      clearInterval(poll);
    },
  };
}
