import { type Client, WorkerError } from "@leasehold/core";

import { createChaosPipeline } from "./pipeline.ts";

/** Enqueues jobs as a careful host does: with ids of its own, and again until it has an answer. */
export interface Feeder {
  /** Ids of the jobs that Postgres has said it keeps. */
  acknowledged(): readonly string[];
  /** Enqueues until there are this many jobs. One call at a time. */
  feedTo(count: number): Promise<void>;
}

const atOnce = 8;
const retryMs = 50;

export function createFeeder(client: Client): Feeder {
  const pipeline = createChaosPipeline();
  const acknowledged: string[] = [];
  const enqueueOne = async (number: number): Promise<void> => {
    const id = crypto.randomUUID();
    for (;;) {
      try {
        await client.enqueue(pipeline, { number }, { id });
        acknowledged.push(id);
        return;
      } catch (error) {
        if (!WorkerError.is(error, "database_unavailable")) throw error;
      }
      await Bun.sleep(retryMs);
    }
  };
  return {
    acknowledged: () => acknowledged,
    async feedTo(count) {
      while (acknowledged.length < count) {
        const missing = Math.min(count - acknowledged.length, atOnce);
        const first = acknowledged.length;
        await Promise.all(Array.from({ length: missing }, (_, each) => enqueueOne(first + each)));
      }
    },
  };
}
