import { expect } from "bun:test";

import type { WorkerRecord } from "@leasehold/core";

import {
  essayOf,
  inTime,
  type MatrixBench,
  patienceMs,
  statementMs,
  waitForEnd,
} from "./matrix-bench.ts";
import { aborted, ended, lifeOf, type Scenario, toCode } from "./scenario.ts";

/** A statement of the start: it is refused in time, and the same worker starts at the second try. */
function atStart(statement: RegExp, deadlineMs: number): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const { worker } = bench.addWorker(essayOf(lifeOf(bench)));
      const fault = bench.proxy.arm({ statement, kind });

      const start = worker.start();
      const refusal = await inTime(fault, deadlineMs, start.then(failToRefuse, toCode));
      await worker.start();
      const { id } = await bench.observer.enqueue(essayOf(lifeOf(bench)), {});

      expect(refusal).toBe("database_unavailable");
      expect(await waitForEnd(bench, id)).toMatchObject({ state: "completed", outages: 0 });
    },
  };
}

const failToRefuse = (): string => "it was not refused";

/** What a worker says of itself: nothing depends on it, and it says so again. */
function inRegistry(statement: RegExp): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const { worker, recorder } = bench.addWorker(essayOf(lifeOf(bench)), { leaseSeconds: 3 });
      const fault = bench.proxy.arm({ statement, kind });
      await worker.start();
      const { id } = await bench.observer.enqueue(essayOf(lifeOf(bench)), {});

      await inTime(fault, statementMs.work, waitForEnd(bench, id));
      await recorder.waitFor(
        (event) => event.name === "database.failed" && event.operation === "note_worker",
        { timeoutMs: patienceMs },
      );
      const seen = await waitForWorker(bench);
      await worker.stop();

      expect(seen).toMatchObject([{ name: worker.name, types: ["essay/1"] }]);
      expect(await bench.observer.getWorkers()).toMatchObject([{ state: "stopped" }]);
    },
  };
}

async function waitForWorker({ observer }: MatrixBench): Promise<readonly WorkerRecord[]> {
  const deadline = AbortSignal.timeout(patienceMs);
  for (;;) {
    const workers = await observer.getWorkers();
    if (workers.some(({ state }) => state === "live")) return workers;
    await Bun.sleep(20);
    deadline.throwIfAborted();
  }
}

/** A worker that is told to stop gives its job back, though Postgres does not answer at once. */
const givingBackAtStop: Scenario = {
  statement: /\.release_job\(/,
  async play(bench, kind) {
    const essay = essayOf({
      ...lifeOf(bench),
      async draft(_, context) {
        await aborted(context.signal);
        throw context.signal.reason;
      },
    });
    const { worker, recorder } = bench.addWorker(essay);
    await worker.start();
    const { id } = await bench.observer.enqueue(essay, {});
    await recorder.waitFor("phase.started", { timeoutMs: patienceMs });
    const fault = bench.proxy.arm({ statement: this.statement, kind });

    await inTime(fault, statementMs.work, worker.stop());

    expect(await bench.observer.getJob(id)).toMatchObject({
      state: "queued",
      failures: 0,
      losses: 0,
      outages: 0,
      attempts: [ended("draft", "released")],
    });
  },
};

/** Hints save time and nothing else: without them a job waits for the next look at the queue. */
const listening: Scenario = {
  statement: /^listen /,
  async play(bench, kind) {
    const fault = bench.proxy.arm({ statement: this.statement, kind });
    const { worker, recorder } = bench.addWorker(essayOf(lifeOf(bench)), {
      pollSeconds: 2,
      pollSecondsMax: 2,
    });
    await worker.start();
    await fault.struck;

    const { id } = await bench.observer.enqueue(essayOf(lifeOf(bench)), {});
    await inTime(fault, statementMs.work, recorder.waitFor("job.claimed"));

    expect(await waitForEnd(bench, id)).toMatchObject({ state: "completed" });
  },
};

/** What a worker says of itself: at its start, while it waits and at its stop. */
export const workerScenarios: Readonly<Record<string, Scenario>> = {
  schema_version: atStart(/\.schema_version\(/, statementMs.renewal),
  declare_lanes: atStart(/\.declare_lanes\(/, statementMs.work),
  listen: listening,
  "release_job at the stop": givingBackAtStop,
  note_worker: inRegistry(/\.note_worker\(/),
};
