/**
 * A worker that does many small jobs and tells now and then what it holds of the machine, one JSON line each:
 * `soak-worker.ts <url> <jobs>`. It goes when that many are done.
 */
import { readdirSync } from "node:fs";

import { createWorker, definePipeline, type Pipeline } from "@leasehold/core";
import { z } from "zod";

/** What the process holds, after a certain number of jobs. */
export interface SoakSample {
  readonly jobs: number;
  /** Memory of the process that is in use, garbage removed. */
  readonly residentBytes: number;
  /** Of it, what JavaScript can reach. */
  readonly heapBytes: number;
  /** Open files and sockets. */
  readonly handles: number;
}

/** What a soak's job is told. */
export interface SoakInput {
  readonly text: string;
}

const soakInput: z.ZodType<SoakInput> = z.strictObject({ text: z.string() });
const soakOutput = z.strictObject({ length: z.int() });

/** Two phases and a part, like a pipeline that calls models, except that the model answers at once. */
export const soakPipeline: Pipeline<typeof soakInput> = definePipeline({
  type: "test.soak",
  version: 1,
  input: soakInput,
  phases: [
    {
      name: "read",
      output: soakOutput,
      async run({ input }, context) {
        const output = { length: input.text.length };
        await context.savePart(1, output, provenance);
        return { output, provenance };
      },
    },
    {
      name: "answer",
      output: soakOutput,
      run: async ({ input }) => ({ output: { length: input.text.length }, provenance }),
    },
  ],
});

const provenance = { adapter: "test" };
const sampleEvery = 5_000;

function takeSample(jobs: number): SoakSample {
  // Twice: what the first round sets free may hold something in its turn.
  Bun.gc(true);
  Bun.gc(true);
  const { rss, heapUsed } = process.memoryUsage();
  const handles = readdirSync("/proc/self/fd").length;
  return { jobs, residentBytes: rss, heapBytes: heapUsed, handles };
}

async function main(connection: string, jobs: number): Promise<void> {
  const pipelines = [soakPipeline];
  const worker = createWorker({ connection, pipelines, concurrency: 16, pollSeconds: 0.05 });
  const done = Promise.withResolvers<void>();
  let completed = 0;
  worker.subscribe(({ name }) => {
    if (name !== "job.completed") return;
    completed += 1;
    if (completed % sampleEvery === 0) {
      process.stdout.write(`${JSON.stringify(takeSample(completed))}\n`);
    }
    if (completed === jobs) done.resolve();
  });
  await worker.start();
  await done.promise;
  await worker.stop();
}

if (import.meta.main) {
  const [connection = "", jobs] = process.argv.slice(2);
  await main(connection, Number(jobs));
}
