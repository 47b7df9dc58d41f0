import { z } from "zod";

import type { Routine } from "../database/database.ts";
import { defineRoutine } from "./lease-routines.ts";

/** One reason why a job is not running. */
export interface JobCause {
  /**
   * `not_found`; `completed`, `failed`, `dead`, `cancelled`; `leased`, `held_alone`, `lease_expired`; `waits_signal`,
   * `waits_children`, `waits`, `wait_over`; `delayed`, `backing_off`, `outage_wait`; `paused`; `no_worker`,
   * `workers_busy`, `runs_alone`; `breaker_open`, `breaker_probing`, `resource_full`, `resource_slow`; `limit_full`,
   * `rate_used_up`; `tenant_turn`, `waits_turn`; `due`. A newer schema may know more.
   */
  readonly cause: string;
  /** For people. It names things and never holds content. */
  readonly sentence: string;
  /** What is in the way, by name: a code, a worker, a queue, a signal, a job. */
  readonly blocker: string | undefined;
  /** When the cause ends, or is looked at again, where that is known. */
  readonly until: Date | undefined;
}

const cause: z.ZodType<JobCause> = z
  .tuple([z.int(), z.string(), z.string(), z.string().nullable(), z.date().nullable()])
  .transform(([, name, sentence, blocker, until]) => ({
    cause: name,
    sentence,
    blocker: blocker ?? undefined,
    until: until ?? undefined,
  }));

/** Why a job is not running. */
export const explainJob: Routine<JobCause> = defineRoutine("explain_job", ["uuid"], cause);
