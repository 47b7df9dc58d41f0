import { expect } from "bun:test";

import { WorkerError } from "@leasehold/core";

import {
  essayOf,
  inTime,
  type MatrixBench,
  patienceMs,
  resultOf,
  statementMs,
  waitForEnd,
} from "./matrix-bench.ts";
import { aborted, ended, graded, lifeOf, type Scenario, toCode } from "./scenario.ts";

/** A statement in the life of a job: the job completes all the same, once, and is charged for nothing. */
function inLife(statement: RegExp): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const { worker, recorder } = bench.addWorker(essayOf(lifeOf(bench)));
      await worker.start();
      const fault = bench.proxy.arm({ statement, kind });
      const { id } = await bench.observer.enqueue(essayOf(lifeOf(bench)), {});

      const settled = recorder.waitFor(
        ({ name }) => name === "job.completed" || name === "job.released",
        { timeoutMs: 2 * patienceMs },
      );
      await inTime(fault, statementMs.work, settled);
      const job = await waitForEnd(bench, id);

      expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0 });
      expect(await bench.countEffects(id)).toBe(1);
      expectNoGaps(job.attempts);
    },
  };
}

/** Attempts of a phase are numbered from 1, and a phase that is done is not begun again. */
function expectNoGaps(
  attempts: readonly { readonly phase: string; readonly attempt: number; outcome: string }[],
): void {
  for (const phase of new Set(attempts.map((attempt) => attempt.phase))) {
    const own = attempts.filter((attempt) => attempt.phase === phase);
    expect(own.map(({ attempt }) => attempt)).toEqual(own.map((_, index) => index + 1));
    expect(own.filter(({ outcome }) => outcome === "completed")).toHaveLength(1);
    expect(own.at(-1)?.outcome).toBe("completed");
  }
}

/** A statement that ends an attempt in its own way: the ending is written once. */
function atEnding(
  statement: RegExp,
  error: WorkerError,
  expected: Readonly<Record<string, unknown>>,
): Scenario {
  return {
    statement,
    async play(bench, kind) {
      let runs = 0;
      const essay = essayOf({
        ...lifeOf(bench),
        async draft() {
          runs += 1;
          if (runs === 1) throw error;
          return resultOf(runs);
        },
      });
      const { worker, recorder } = bench.addWorker(essay);
      await worker.start();
      const fault = bench.proxy.arm({ statement, kind });
      const { id } = await bench.observer.enqueue(essay, {});

      const settled = recorder.waitFor(
        ({ name }) => name === "job.retried" || name === "job.released" || name === "job.failed",
        { timeoutMs: 2 * patienceMs },
      );
      await inTime(fault, statementMs.work, settled);

      expect(await waitForEnd(bench, id)).toMatchObject(expected);
    },
  };
}

/** A job whose worker died: it is claimed by somebody who is not there, and its lease has run out. */
async function loseJob(bench: MatrixBench): Promise<string> {
  const { database, observer } = bench;
  const { id } = await observer.enqueue(essayOf(lifeOf(bench)), {});
  const lanes = await database.query(
    `select lane_id from :"schema".declare_lanes('default', 'essay', 1::smallint, array['draft'])`,
  );
  const claimed = await database.query(
    `select * from :"schema".claim_jobs('ghost', gen_random_uuid(), array[$1::integer], '{}', 1, 1000)`,
    [Number(lanes[0]?.["lane_id"])],
  );
  expect(claimed).toHaveLength(1);
  await database.advance(10_000);
  return id;
}

/** A statement about a job whose worker died: that one loss is counted, and no other. */
function afterLoss(statement: RegExp): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const id = await loseJob(bench);
      // Leases are looked at every sixth of their length.
      const { worker, recorder } = bench.addWorker(essayOf(lifeOf(bench)), { leaseSeconds: 6 });
      await worker.start();
      const fault = bench.proxy.arm({ statement, kind });

      const started = recorder.waitFor("phase.started", { timeoutMs: 2 * patienceMs });
      await inTime(fault, statementMs.work, started);
      const job = await waitForEnd(bench, id);

      expect(job).toMatchObject({
        state: "completed",
        failures: 0,
        losses: 1,
        attempts: [ended("draft", "lapsed"), ...graded],
      });
      expect(await bench.countEffects(id)).toBe(1);
    },
  };
}

const renewal: Scenario = {
  statement: /\.renew_leases_v2\(/,
  async play(bench, kind) {
    const fault = bench.proxy.arm({ statement: this.statement, kind });
    const renewedAgain = Promise.withResolvers<void>();
    const essay = essayOf({
      ...lifeOf(bench),
      async draft(_, context) {
        await Promise.race([renewedAgain.promise, aborted(context.signal)]);
        context.signal.throwIfAborted();
        await context.commit([bench.effectOf(context.jobId)]);
        return resultOf("draft");
      },
    });
    const { worker, recorder } = bench.addWorker(essay, { leaseSeconds: 15, renewSeconds: 1 });
    await worker.start();
    const { id } = await bench.observer.enqueue(essay, {});

    await fault.struck;
    await inTime(fault, statementMs.renewal, recorder.waitFor("lease.renewed"));
    renewedAgain.resolve();
    const job = await waitForEnd(bench, id);

    expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0, outages: 0 });
    expect(job.attempts).toMatchObject(graded);
    expect(await bench.countEffects(id)).toBe(1);
  },
};

/** What a hint makes a worker ask: an answer that is lost delays the order, and another brings it. */
const orderedRenewal: Scenario = {
  statement: renewal.statement,
  async play(bench, kind) {
    const refusals: string[] = [];
    const essay = essayOf({
      ...lifeOf(bench),
      async draft(_, context) {
        await aborted(context.signal);
        refusals.push(toCode(context.signal.reason));
        await context.commit([bench.effectOf(context.jobId)]);
        return resultOf("draft");
      },
    });
    const { worker, recorder } = bench.addWorker(essay, { leaseSeconds: 60, renewSeconds: 2 });
    await worker.start();
    const { id } = await bench.observer.enqueue(essay, {});
    await recorder.waitFor("phase.started", { timeoutMs: patienceMs });
    const fault = bench.proxy.arm({ statement: this.statement, kind });

    await bench.observer.cancel(id);
    const cancelled = recorder.waitFor("job.cancelled", { timeoutMs: 2 * patienceMs });
    await inTime(fault, statementMs.renewal, cancelled);

    expect(refusals).toEqual(["cancelled"]);
    expect(await bench.observer.getJob(id)).toMatchObject({ state: "cancelled" });
    expect(await bench.countEffects(id)).toBe(0);
  },
};

/** The answer to a claim is lost first, so that there is something to give back. */
const givingBack: Scenario = {
  statement: /\.abandon_claim\(/,
  async play(bench, kind) {
    const { worker, recorder } = bench.addWorker(essayOf(lifeOf(bench)));
    await worker.start();
    bench.proxy.arm({ statement: /\.claim_jobs_v2\(/, kind: "cut-after" });
    const fault = bench.proxy.arm({ statement: this.statement, kind });
    const { id } = await bench.observer.enqueue(essayOf(lifeOf(bench)), {});

    const claimed = recorder.waitFor("job.claimed", { timeoutMs: 2 * patienceMs });
    await inTime(fault, statementMs.work, claimed);
    const job = await waitForEnd(bench, id);

    expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0, attempts: graded });
  },
};

/** A job whose time is over ends, though nobody who can run it is there and Postgres does not answer at once. */
const expiring: Scenario = {
  statement: /\.expire_jobs\(/,
  async play(bench, kind) {
    const { worker } = bench.addWorker(essayOf(lifeOf(bench)), { leaseSeconds: 3 });
    const letter = { ...essayOf(lifeOf(bench)), type: "letter" };
    const { id } = await bench.observer.enqueue(letter, {}, { ttlMs: 0 });
    const fault = bench.proxy.arm({ statement: this.statement, kind });
    await worker.start();

    const job = await inTime(fault, statementMs.work, waitForEnd(bench, id));

    expect(job).toMatchObject({ state: "dead", code: "expired", attempts: [] });
  },
};

/** What a worker says of one job, from the claim to the end. */
export const jobScenarios: Readonly<Record<string, Scenario>> = {
  claim_jobs_v2: inLife(/\.claim_jobs_v2\(/),
  abandon_claim: givingBack,
  start_job: afterLoss(/\.start_job\(/),
  renew_leases_v2: renewal,
  "renew_leases_v2 after an order": orderedRenewal,
  save_part: inLife(/\.save_part\(/),
  "the begin of a commit": inLife(/^begin/),
  hold_lease: inLife(/\.hold_lease\(/),
  "the host's statement in a commit": inLife(/insert into .*effect/),
  "the commit of a commit": inLife(/^commit/),
  checkpoint_job: inLife(/\.checkpoint_job\(/),
  load_results: inLife(/\.load_results\(/),
  complete_and_claim: inLife(/\.complete_and_claim\(/),
  retry_job: atEnding(
    /\.retry_job\(/,
    new WorkerError("output_invalid", "Planted.", { retryable: true }),
    {
      state: "completed",
      failures: 1,
      losses: 0,
      attempts: [ended("draft", "retried"), ...graded],
    },
  ),
  release_job: atEnding(
    /\.release_job\(/,
    new WorkerError("backend_unreachable", "Planted.", { scope: "backend", retryable: true }),
    {
      state: "completed",
      failures: 0,
      losses: 0,
      outages: 1,
      attempts: [ended("draft", "released"), ...graded],
    },
  ),
  fail_job: atEnding(/\.fail_job\(/, new WorkerError("input_invalid", "Planted."), {
    state: "failed",
    losses: 0,
    attempts: [ended("draft", "failed")],
  }),
  lapse_leases: afterLoss(/\.lapse_leases\(/),
  expire_jobs: expiring,
};
