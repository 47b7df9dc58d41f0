import { expect } from "bun:test";

import { definePipeline, type PhaseTransaction, type Pipeline } from "@leasehold/core";
import { z } from "zod";

import {
  inTime,
  type MatrixBench,
  patienceMs,
  resultOf,
  statementMs,
  waitForEnd,
} from "./matrix-bench.ts";
import type { Scenario } from "./scenario.ts";

/** Written each time it is asked for: a second effect shows. */
async function writeEffect(
  { database }: MatrixBench,
  transaction: PhaseTransaction,
  jobId: string,
): Promise<void> {
  const text = `insert into "${database.schema}".effect (job_id) values ($1)`;
  await transaction.query(text, [jobId]);
}

interface Life {
  readonly pipeline: Pipeline;
  /** How often the second phase was run. */
  readonly runs: () => number;
}

/** Two phases; the first adds a job, and the second has an effect, which fails when it is told to. */
function lifeOf(bench: MatrixBench, fails: (tries: number) => boolean): Life {
  const output = z.unknown();
  let runs = 0;
  let tries = 0;
  const pipeline: Pipeline = definePipeline({
    type: "essay",
    version: 1,
    input: z.unknown(),
    phases: [
      {
        name: "draft",
        output,
        async run(_, context) {
          context.enqueue(later, {}, { delayMs: 86_400_000 });
          return resultOf("draft");
        },
      },
      {
        name: "grade",
        output,
        run: async () => resultOf((runs += 1)),
        async effect(transaction, { jobId }) {
          tries += 1;
          await writeEffect(bench, transaction, jobId);
          if (fails(tries)) throw new Error("Planted.");
        },
      },
    ],
  });
  return { pipeline, runs: () => runs };
}

const later = definePipeline({
  type: "later",
  version: 1,
  input: z.unknown(),
  phases: [{ name: "run", output: z.unknown() }],
});

/** A statement in the end of a phase: what is written with it is there once, whatever became of the connection. */
function withEffect(
  statement: RegExp,
  { fails = () => false }: { readonly fails?: (tries: number) => boolean } = {},
): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const { pipeline } = lifeOf(bench, fails);
      const { worker, recorder } = bench.addWorker(pipeline);
      await worker.start();
      const fault = bench.proxy.arm({ statement, kind });
      const { id } = await bench.observer.enqueue(pipeline, {});

      const settled = recorder.waitFor(
        ({ name }) => name === "job.completed" || name === "job.released" || name === "job.retried",
        { timeoutMs: 2 * patienceMs },
      );
      await inTime(fault, statementMs.work, settled);
      // What could not be charged in time is tried again at once, with everything else.
      const failures = fails(1) && kind !== "cut-before" ? 1 : 0;
      if (failures > 0) await bench.database.advance(20_000);
      const job = await waitForEnd(bench, id);

      expect(job).toMatchObject({ state: "completed", failures, losses: 0 });
      expect(await bench.countEffects(id)).toBe(1);
      const added = await bench.database.query(`select from :"schema".job where type = 'later'`);
      expect(added).toHaveLength(1);
    },
  };
}

/** A statement in the life of a job that waits, for its child and for a signal: it waits once for each, uncharged. */
function whileWaiting(statement: RegExp): Scenario {
  return {
    statement,
    async play(bench, kind) {
      const essay = waitingEssay();
      const { worker, recorder } = bench.addWorker(essay, { leaseSeconds: 6 });
      await worker.start();
      const fault = bench.proxy.arm({ statement, kind });
      const { id } = await bench.observer.enqueue(essay, { isParent: true });

      const done = recorder.waitFor("job.completed", { timeoutMs: 2 * patienceMs });
      const strike = inTime(fault, statementMs.work, done);
      const job = await waitForEnd(bench, id);
      await strike;

      expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0 });
      expect(job.attempts.filter(({ outcome }) => outcome === "waited").length).toBeWithin(1, 3);
      const families = await bench.database.query('select open, failed from :"schema".parent');
      expect(families).toEqual([{ open: 0, failed: 0 }]);
    },
  };
}

/** A parent adds one of its own kind as a child; it waits for that, and then for a signal that nobody sends in time. */
function waitingEssay(): Pipeline {
  const output = z.unknown();
  const pipeline: Pipeline = definePipeline({
    type: "essay",
    version: 1,
    input: z.looseObject({ isParent: z.boolean().optional() }),
    phases: [
      {
        name: "draft",
        output,
        async run({ input }, context) {
          const { isParent = false } = Object(input);
          if (isParent === true) context.enqueue(pipeline, {}, { child: true });
          return resultOf("draft");
        },
      },
      {
        name: "grade",
        output,
        async run(_, context) {
          const children = await context.waitForChildren();
          if (children.length === 0) return resultOf("child");
          const told = await context.waitFor("approval", { timeoutSeconds: 1 });
          return resultOf([children.length, told === undefined]);
        },
      },
    ],
  });
  return pipeline;
}

/** Every statement of a worker whose job writes more than its result, by its name. */
export const structureScenarios: Readonly<Record<string, Scenario>> = {
  "the begin of an effect": withEffect(/^begin/),
  hold_phase: withEffect(/\.hold_phase\(/),
  "follow-up jobs": withEffect(/^select .*\.enqueue_jobs\(/),
  "the host's statement in an effect": withEffect(/insert into .*effect/),
  complete_job: withEffect(/\.complete_job\(/),
  "the commit of an effect": withEffect(/^commit/),
  find_signal: whileWaiting(/\.find_signal\(/),
  list_children: whileWaiting(/\.list_children\(/),
  wait_job: whileWaiting(/\.wait_job\(/),
  wake_due: whileWaiting(/\.wake_due\(/),
  fail_effect: withEffect(/\.fail_effect\(/, { fails: (tries) => tries === 1 }),
};
