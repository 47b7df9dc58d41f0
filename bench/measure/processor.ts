import { readdirSync, readFileSync } from "node:fs";

/** Linux tells times in hundredths of a second on every platform that Bun runs on. */
const ticksPerSecond = 100;

/** Seconds of processor time since boot, as read at one moment. */
export interface ProcessorTimes {
  /** All that any process of the machine used. */
  readonly machine: number;
  /** The database server, with sessions that are over. */
  readonly server: number;
  /** This process and its children, with those that are over. */
  readonly ours: number;
}

/** Whose time is read. */
export interface ProcessorOwners {
  readonly serverPid: number;
  /** Our children that still run. */
  readonly children: readonly number[];
}

/** Reads processor times from /proc: needs Linux. */
export function readProcessorTimes({ serverPid, children }: ProcessorOwners): ProcessorTimes {
  return {
    machine: readMachine(),
    server: readServer(serverPid),
    ours: withEndedChildren(process.pid) + sum(children.map(readSelf)),
  };
}

/** The process that a process was started by. */
export function findParent(pid: number): number | undefined {
  const parent = Number(readStat(pid)?.[1]);
  return Number.isNaN(parent) ? undefined : parent;
}

function readMachine(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const [, user, nice, system, , , irq, softIrq] = line.split(/\s+/).map(Number);
  // The guest's time is in the user's already; idle, waiting and stolen time is nobody's work here.
  return sum([user, nice, system, irq, softIrq].map((ticks) => ticks ?? 0)) / ticksPerSecond;
}

/** A session that ends while we look is seen as running or as ended, or as neither: then we look again. */
function readServer(pid: number): number {
  for (;;) {
    const ended = withEndedChildren(pid);
    const running = sum(listChildren(pid).map(readRunTime));
    if (withEndedChildren(pid) === ended) return ended + running;
  }
}

function withEndedChildren(pid: number): number {
  const stat = readStat(pid);
  return sum([11, 12, 13, 14].map((index) => Number(stat?.[index] ?? 0))) / ticksPerSecond;
}

function readSelf(pid: number): number {
  const stat = readStat(pid);
  return sum([11, 12].map((index) => Number(stat?.[index] ?? 0))) / ticksPerSecond;
}

/** Of a process with one thread, such as a session of the server: in nanoseconds where the kernel counts them. */
function readRunTime(pid: number): number {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    return Number(nanoseconds) / 1e9;
  } catch {
    return readSelf(pid);
  }
}

function listChildren(parent: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => findParent(pid) === parent);
}

/** The fields after the program's name, from the state on; undefined when the process is gone. */
function readStat(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name may hold spaces and brackets, and ends at the last one.
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
