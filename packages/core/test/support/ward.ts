import type { JobCause } from "@leasehold/core";

import { type LimitedQueue, setupLimitedQueue } from "./limited-queue.ts";
import type { TestServer } from "./server.ts";

/** A queue whose first job is asked about. */
export interface Ward extends LimitedQueue {
  /** Registers a worker that runs both phases, so that nobody lacks one. */
  staff(account?: {
    readonly name?: string;
    readonly slots?: number;
    readonly types?: readonly string[];
    readonly resource?: string;
    readonly isOld?: boolean;
  }): Promise<void>;
  causes(id: string): Promise<readonly string[]>;
  /** Expects exactly one cause. */
  cause(id: string): Promise<JobCause>;
}

export async function setupWard(server: TestServer): Promise<Ward> {
  const queue = await setupLimitedQueue(server);
  return {
    ...queue,
    async staff({ name = "worker", slots = 5, types = ["essay/1"], resource, isOld } = {}) {
      const ids = types.includes("essay/1") ? await queue.lanes() : [];
      const lanes = Object.fromEntries(ids.map(({ laneId }) => [laneId, resource ?? null]));
      const about = { name, version: "1", types, slots, intervalMs: 3_600_000 };
      const whole = isOld === true ? about : { ...about, lanes };
      await queue.call("note_worker", crypto.randomUUID(), whole, 0, 0, false);
    },
    causes: async (id) => (await queue.client.explain(id)).map(({ cause }) => cause),
    async cause(id) {
      const causes = await queue.client.explain(id);
      const [first, ...others] = causes;
      if (first === undefined || others.length > 0) {
        throw new Error(`Not one cause but ${causes.map(({ cause }) => cause).join(", ")}.`);
      }
      return first;
    },
  };
}
