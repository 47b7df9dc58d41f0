import { findContender } from "../contenders/contenders.ts";
import { nowMs, pause } from "../measure/clock.ts";
import type { Ask, EnqueueTally } from "./messages.ts";
import { createPayloads } from "./payload.ts";

/** Adds jobs as fast as the contender takes them. */
export async function enqueue(ask: Extract<Ask, { ask: "enqueue" }>): Promise<EnqueueTally> {
  const { jobs, batch } = ask;
  const payload = createPayloads(ask.payloadBytes);
  await using enqueuer = await findContender(ask.contender).openEnqueuer(ask.url);
  let next = 0;
  const addUntilDone = async (): Promise<void> => {
    while (next < jobs) {
      const from = next;
      next = Math.min(jobs, from + batch);
      if (batch === 1) await enqueuer.addOne(payload(from));
      else {
        await enqueuer.addMany(
          Array.from({ length: next - from }, (_, index) => payload(from + index)),
        );
      }
    }
  };
  const cpuBefore = process.cpuUsage();
  const startedAt = nowMs();
  await Promise.all(Array.from({ length: ask.inFlight }, addUntilDone));
  return {
    seconds: (nowMs() - startedAt) / 1_000,
    cpuSeconds: toSeconds(process.cpuUsage(cpuBefore)),
    calledAt: [],
  };
}

/** Adds single jobs, one after another, with time between them to become idle again. */
export async function drip(ask: Extract<Ask, { ask: "drip" }>): Promise<EnqueueTally> {
  const [shortest, longest] = ask.gapMs;
  const payload = createPayloads(ask.payloadBytes);
  await using enqueuer = await findContender(ask.contender).openEnqueuer(ask.url);
  const cpuBefore = process.cpuUsage();
  const startedAt = nowMs();
  const calledAt: number[] = [];
  for (let n = 0; n < ask.jobs; n += 1) {
    calledAt.push(nowMs());
    await enqueuer.addOne(payload(n));
    // Random, so that nobody's poll can be in step with it.
    await pause(shortest + Math.random() * (longest - shortest));
  }
  return {
    seconds: (nowMs() - startedAt) / 1_000,
    cpuSeconds: toSeconds(process.cpuUsage(cpuBefore)),
    calledAt,
  };
}

export function toSeconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
