import { describe, expect, setDefaultTimeout, test } from "bun:test";

import type { PruneAnswer, Retention } from "../../src/store/upkeep.ts";
import { parseWorkerSettings } from "../../src/worker/config.ts";
import { pruneDuty } from "../../src/worker/retention.ts";
import { useServer } from "../support/server.ts";
import { essayOf, resultOf, setupWorker } from "../support/worker.ts";

setDefaultTimeout(60_000);
const server = useServer();

const dayMs = 86_400_000;

describe("a worker", () => {
  test("deletes by itself what ended too long ago", async () => {
    const pipelines = [essayOf({ draft: async () => resultOf("done") })];
    await using subject = await setupWorker(await server(), {
      pipelines,
      leaseSeconds: 0.6,
      keepCompletedDays: 0.01,
    });
    await subject.worker.start();
    const { id } = await subject.client.enqueue(essayOf({ draft: undefined }), {});
    await subject.client.waitForJob(id);

    await subject.database.advance(dayMs);

    const over = performance.now() + 20_000;
    while ((await subject.client.getJob(id)) !== undefined) {
      if (performance.now() > over) throw new Error("It is still there.");
      await Bun.sleep(10);
    }
  });

  test("goes on at once while there is more, and looks seldom when there is not", async () => {
    const asked: Retention[] = [];
    const answers = [true, true, false, false];
    const pruneJobs = (retention: Retention): Promise<PruneAnswer> => {
      asked.push(retention);
      const more = answers.shift() ?? false;
      return Promise.resolve({ completed: 0, failed: 0, dead: 0, cancelled: 0, more });
    };
    const duty = pruneDuty({ pruneJobs }, parseWorkerSettings({ keepDeadDays: 7 }));

    const counts = [];
    for (let round = 0; round < 8; round += 1) {
      await duty.run();
      counts.push(asked.length);
    }

    expect(counts).toEqual([3, 3, 3, 3, 3, 3, 4, 4]);
    expect(asked[0]).toEqual({
      completedMs: 30 * dayMs,
      failedMs: 90 * dayMs,
      deadMs: 7 * dayMs,
      cancelledMs: 30 * dayMs,
    });
  });

  test("does only so much in one round", async () => {
    let calls = 0;
    const pruneJobs = (): Promise<PruneAnswer> => {
      calls += 1;
      return Promise.resolve({ completed: 500, failed: 0, dead: 0, cancelled: 0, more: true });
    };
    const duty = pruneDuty({ pruneJobs }, parseWorkerSettings({}));

    await duty.run();
    await duty.run();

    expect(calls).toBe(40);
  });
});
