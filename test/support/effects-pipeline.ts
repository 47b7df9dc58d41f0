import { setTimeout as wait } from "node:timers/promises";

import { definePipeline, type Pipeline } from "@leasehold/core";
import { z } from "zod";

/** What a job of {@link effectsPipeline} is told. */
export interface EffectInput {
  readonly number: number;
  readonly workMs: number;
}

const effectInput: z.ZodType<EffectInput> = z.strictObject({ number: z.int(), workMs: z.int() });

/**
 * Works for a moment and then leaves a line in a table that would take any number of them.
 *
 * It pays no heed to its abort signal, as a phase that is badly written would: the database has to keep it from
 * writing too late.
 */
export const effectsPipeline: Pipeline<typeof effectInput> = definePipeline({
  type: "test.effects",
  version: 1,
  input: effectInput,
  phases: [
    {
      name: "work",
      output: z.strictObject({ number: z.int() }),
      async run({ input: { number, workMs } }, context) {
        await wait(workMs);
        const text = "insert into public.line (job_id, attempt) values ($1, $2)";
        await context.commit([{ text, parameters: [context.jobId, context.attempt] }]);
        return { output: { number }, provenance: { by: "test" } };
      },
    },
  ],
});
