import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

import type { WorkerOrders } from "./worker-program.ts";

/** One worker process. */
export interface FleetWorker {
  readonly name: string;
  /** Stopped by us, for a while. */
  isPaused(): boolean;
}

/** Workers, each in a process of its own. Whoever is killed or dismissed is replaced at once. */
export interface Fleet extends AsyncDisposable {
  /** Those that run and may go on, also the paused ones. */
  workers(): readonly FleetWorker[];
  /** SIGKILL. */
  kill(worker: FleetWorker): void;
  /** SIGSTOP, and SIGCONT after a while, unless it was killed meanwhile. */
  pause(worker: FleetWorker, forMs: number): void;
  /** SIGTERM. Resolves when the worker is gone. */
  dismiss(worker: FleetWorker): Promise<void>;
  /** Dismisses all of them, for good. Disposing kills whoever is still there. */
  disband(): Promise<void>;
  /** How long workers took to go that were dismissed, in milliseconds. */
  dismissals(): readonly number[];
}

/** An end that nobody ordered. */
export interface Crash {
  readonly name: string;
  readonly how: string;
  /** What it wrote last. */
  readonly complaint: string;
}

export interface FleetOptions {
  readonly size: number;
  /** The path of the program that the workers run. */
  readonly program: string;
  readonly seed: number;
  readonly orders: Omit<WorkerOrders, "name" | "seed">;
  /** How long a worker may take to go when it is told to. */
  readonly dismissMs: number;
  /** What a worker finds in its environment beside ours, by how many were hired before. Default: nothing. */
  readonly environmentOf?: ((number: number) => Readonly<Record<string, string>>) | undefined;
  /** A worker ended that nobody told to, or not in the way that it was told. */
  onCrash(crash: Crash): void;
}

interface Member extends FleetWorker {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  /** By which signal of ours it is about to end, if by one. */
  ordered: "SIGKILL" | "SIGTERM" | undefined;
  paused: boolean;
}

export function startFleet(options: FleetOptions): Fleet {
  const members = new Map<string, Member>();
  let hired = 0;
  let isOver = false;
  const hire = (): void => {
    hired += 1;
    const name = `worker-${hired}`;
    const environment = options.environmentOf?.(hired - 1) ?? {};
    const member = start(options, { name, seed: options.seed + hired }, environment);
    members.set(name, member);
    void member.ended.then(() => {
      members.delete(name);
      // Whoever comes after a worker that crashed by itself would crash, too.
      if (!isOver && endedAsOrdered(member)) hire();
    });
  };
  for (let count = 0; count < options.size; count += 1) hire();

  const dismissals: number[] = [];
  const dismiss = async (member: Member): Promise<void> => {
    const startedAt = performance.now();
    // Who was killed just now may be too slow in dying to have been missed.
    member.ordered ??= "SIGTERM";
    resume(member);
    member.child.kill("SIGTERM");
    // Too late is found out by the exit code.
    const late = setTimeout(() => member.child.kill("SIGKILL"), options.dismissMs);
    await member.ended;
    clearTimeout(late);
    dismissals.push(performance.now() - startedAt);
  };
  return {
    workers: () => [...members.values()].filter(({ ordered }) => ordered === undefined),
    kill({ name }) {
      const member = members.get(name);
      if (member === undefined) return;
      member.ordered = "SIGKILL";
      member.child.kill("SIGKILL");
    },
    pause({ name }, forMs) {
      const member = members.get(name);
      if (member === undefined) return;
      member.paused = true;
      member.child.kill("SIGSTOP");
      setTimeout(() => resume(member), forMs);
    },
    async dismiss({ name }) {
      const member = members.get(name);
      if (member !== undefined) await dismiss(member);
    },
    async disband() {
      isOver = true;
      await Promise.all([...members.values()].map(dismiss));
    },
    dismissals: () => dismissals,
    async [Symbol.asyncDispose]() {
      isOver = true;
      const left = [...members.values()];
      for (const { child } of left) child.kill("SIGKILL");
      await Promise.all(left.map(({ ended }) => ended));
    },
  };
}

function start(
  options: FleetOptions,
  hired: Pick<WorkerOrders, "name" | "seed">,
  environment: Readonly<Record<string, string>>,
): Member {
  const orders: WorkerOrders = { ...options.orders, ...hired };
  const child = spawn(process.execPath, [options.program, JSON.stringify(orders)], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const ended = once(child, "close").then(() => {
    if (endedAsOrdered(member)) return;
    const how = child.signalCode ?? `exit code ${child.exitCode}`;
    options.onCrash({ name: hired.name, how, complaint });
  });
  const member: Member = {
    name: hired.name,
    child,
    ended,
    ordered: undefined,
    paused: false,
    isPaused: () => member.paused,
  };
  return member;
}

function endedAsOrdered({ child, ordered }: Member): boolean {
  if (ordered === undefined) return false;
  // Who is told to go before it has begun to listen goes by the signal, and has nothing to put away.
  return child.signalCode === ordered || (ordered === "SIGTERM" && child.exitCode === 0);
}

function resume(member: Member): void {
  if (!member.paused) return;
  member.paused = false;
  member.child.kill("SIGCONT");
}
