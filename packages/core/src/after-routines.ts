import { z } from "zod";

import type { Routine } from "./database.ts";
import type { LapsedLease } from "./job-store.ts";
import { defineRoutine } from "./lease-routines.ts";

interface AfterRoutines {
  readonly expireJobs: Routine<LapsedLease>;
}

const expired: z.ZodType<LapsedLease> = z
  .tuple([z.string(), z.string(), z.string(), z.int(), z.literal("dead"), z.string()])
  .transform(([publicId, type, phase, attempt, state, code]) => ({
    publicId,
    type,
    phase,
    attempt,
    state,
    code,
  }));

/** The functions for what comes after a job's end, or after its time. */
export const afterRoutines: AfterRoutines = {
  expireJobs: defineRoutine("expire_jobs", ["integer"], expired),
};
