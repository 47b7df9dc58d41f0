import { describe, expect, setDefaultTimeout, test } from "bun:test";

import {
  essayOf,
  type MatrixBench,
  resultOf,
  setupMatrixBench,
  waitForEnd,
} from "./support/fault-matrix/matrix-bench.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

setDefaultTimeout(60_000);

const server = useThrowawayPostgres();

async function setup(): Promise<MatrixBench> {
  const name = `test_${crypto.randomUUID()}`;
  return await setupMatrixBench(await (await server()).createDatabase(name));
}

/** Ends the sessions in which such a statement runs or ran last, as a server does that is shut down. */
async function terminate(bench: MatrixBench, statement: string): Promise<number> {
  const rows = await bench.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where query like $1 and pid <> pg_backend_pid() and datname = current_database()`,
    [statement],
  );
  return rows.length;
}

describe("a connection that Postgres closes", () => {
  test("in the middle of a commit costs nothing but that attempt, however often", async () => {
    await using bench = await setup();
    let isSlow = true;
    const essay = essayOf({
      async draft(_, context) {
        const slow = isSlow ? [{ text: "select pg_sleep(20)" }] : [];
        await context.commit([bench.effectOf(context.jobId), ...slow]);
        return resultOf("draft");
      },
      grade: async () => resultOf("graded"),
    });
    // The pool has two connections, and each is closed more than once.
    const { worker, recorder } = bench.addWorker(essay, { concurrency: 1 });
    await worker.start();

    for (let round = 1; round <= 5; round += 1) {
      isSlow = true;
      const { id } = await bench.observer.enqueue(essay, {});
      while ((await terminate(bench, "select pg_sleep%")) === 0) await Bun.sleep(20);
      isSlow = false;

      expect(await waitForEnd(bench, id)).toMatchObject({
        state: "completed",
        failures: 0,
        losses: 0,
        outages: 1,
      });
      expect(await bench.countEffects(id)).toBe(1);
    }
    const troubles = recorder.events.filter(({ name }) => name === "database.failed");
    expect(troubles).toEqual([]);
  });

  test("is listened on again", async () => {
    await using bench = await setup();
    const essay = essayOf({ draft: async () => resultOf(1), grade: async () => resultOf(2) });
    const { worker, recorder } = bench.addWorker(essay, { pollSeconds: 50, pollSecondsMax: 50 });
    await worker.start();

    while ((await terminate(bench, "listen %")) === 0) await Bun.sleep(20);
    while (bench.proxy.countRuns(/^listen/) < 2) await Bun.sleep(20);
    await bench.observer.enqueue(essay, {});

    await recorder.waitFor("job.completed", { timeoutMs: 40_000 });
  });

  test("while it is being made costs the process nothing", async () => {
    await using bench = await setup();
    // What the driver may ask on a new connection before it does what it was told.
    bench.proxy.arm({ statement: /pg_type/, kind: "cut-before" });

    const answer = bench.client.getQueue();

    expect(await answer).toEqual([]);
  });
});
