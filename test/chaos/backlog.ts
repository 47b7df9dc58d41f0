import { type Client, WorkerError } from "@leasehold/core";

/** Waits for the work of a run, by what a client can see. */
export interface Backlog {
  /** Resolves when no more than so many jobs have still to end: `true`. When none ended for a long time: `false`. */
  shrinkTo(count: number): Promise<boolean>;
}

const pollMs = 50;

export function watchBacklog(client: Client, stallMs: number): Backlog {
  const countLive = async (): Promise<number | undefined> => {
    try {
      return (await client.getQueue()).reduce((sum, { count }) => sum + count, 0);
    } catch (error) {
      // Postgres is down just now.
      if (WorkerError.is(error, "database_unavailable")) return undefined;
      throw error;
    }
  };
  return {
    async shrinkTo(count) {
      let live = Infinity;
      let movedAt = performance.now();
      while (live > count && performance.now() - movedAt < stallMs) {
        const now = (await countLive()) ?? live;
        if (now !== live) movedAt = performance.now();
        live = now;
        if (live > count) await Bun.sleep(pollMs);
      }
      return live <= count;
    },
  };
}
