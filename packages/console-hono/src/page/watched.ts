import type { QueueRecord } from "@leasehold/core";

/** How the backlog was when somebody looked. */
export interface Watched {
  readonly at: number;
  readonly due: number;
  readonly lagSeconds: number;
}

/** Remembers how the backlog was, as far as somebody looked: nobody asks the database for it when nobody does. */
export interface BacklogWatch {
  /** Takes what was read and answers what was seen lately, with it. */
  add(now: Date, queues: readonly QueueRecord[]): readonly Watched[];
}

const apartMs = 5_000;
/** Thirty minutes, when somebody looks all the time. */
const keptMax = 360;
/** After a gap like this, what was before tells nothing of what is. */
const gapMsMax = 5 * 60_000;

export function createBacklogWatch(): BacklogWatch {
  let kept: readonly Watched[] = [];
  return {
    add(now, queues) {
      const due = queues.filter(({ state }) => state === "due");
      const seen: Watched = {
        at: now.getTime(),
        due: due.reduce((sum, { count }) => sum + count, 0),
        lagSeconds: Math.max(0, ...due.map(({ oldestAgeSeconds = 0 }) => oldestAgeSeconds)),
      };
      const last = kept.at(-1);
      if (last !== undefined && (seen.at - last.at > gapMsMax || seen.at < last.at)) kept = [];
      const answer = [...kept, seen].slice(-keptMax);
      if (kept.length === 0 || seen.at - (kept.at(-1)?.at ?? 0) >= apartMs) kept = answer;
      return answer;
    },
  };
}
