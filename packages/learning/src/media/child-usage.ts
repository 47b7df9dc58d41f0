import { readFileSync } from "node:fs";

/** The clock ticks of `/proc`, which Linux fixes at a hundred per second for every program. */
const msPerTick = 10;

/**
 * The most memory a process ever held, in bytes; undefined where there is no `/proc`.
 *
 * The peak and not the present value, so that nothing slips through between two looks.
 */
export function readPeakMemory(pid: number): number | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, "status") ?? "")?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** How long a process has computed, in milliseconds; undefined where there is no `/proc`. */
export function readCpuTime(pid: number): number | undefined {
  const stat = readProc(pid, "stat");
  if (stat === undefined) return undefined;
  // The name in parentheses may hold spaces; the fields are counted from behind it: 14 is user time, 15 system time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

/** Synchronous on purpose: `/proc` is memory, and a limit must not wait behind files on a slow disk. */
function readProc(pid: number, file: "stat" | "status"): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return undefined;
  }
}
