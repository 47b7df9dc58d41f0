import { findContender } from "../contenders/contenders.ts";
import { nowMs } from "../measure/clock.ts";
import { toSeconds } from "./enqueuing.ts";
import type { Ask, HandledJobs, WorkTally } from "./messages.ts";

/** The workers of this process, and what they did so far. */
export interface Working {
  handled(): number;
  tally(): WorkTally;
  /** Stops them. */
  finish(): Promise<HandledJobs>;
}

/** Starts workers whose jobs do nothing but be counted. */
export async function startWorking(
  ask: Extract<Ask, { ask: "work" }>,
  onFirst: () => void,
): Promise<Working> {
  const { contender, url, mode, otherTypes, target } = ask;
  const numbers: number[] = [];
  const at: number[] = [];
  let cpuAtFirst: NodeJS.CpuUsage | undefined;
  let completed = 0;
  let reachedAt = 0;
  const onJob = (n: number): void => {
    if (cpuAtFirst === undefined) {
      cpuAtFirst = process.cpuUsage();
      onFirst();
    }
    numbers.push(n);
    at.push(nowMs());
  };
  const onCompleted = (): void => {
    completed += 1;
    if (completed === target) reachedAt = nowMs();
  };
  const running = await Promise.all(
    Array.from({ length: ask.workers }, () =>
      findContender(contender).startWorker({ url, mode, otherTypes, onJob, onCompleted }),
    ),
  );
  return {
    handled: () => numbers.length,
    tally: () => ({
      handled: numbers.length,
      firstAt: at[0] ?? 0,
      reachedAt,
      cpuSeconds: cpuAtFirst === undefined ? 0 : toSeconds(process.cpuUsage(cpuAtFirst)),
      tenthsAt: Array.from({ length: 10 }, (_, index) => {
        return at[Math.ceil((target * (index + 1)) / 10) - 1] ?? 0;
      }),
    }),
    async finish() {
      await Promise.all(running.map((worker) => worker[Symbol.asyncDispose]()));
      return { numbers, at };
    },
  };
}
