import type { Pool } from "../database/database.ts";
import { isUuid } from "../job-id.ts";
import { explainJob, type JobCause } from "./explaining-routines.ts";

/** What tells why jobs do not run, as part of a client. */
export interface Explaining {
  /**
   * Why a job is not running at this moment: every cause that holds, and first the one that decides. At least one; a job
   * that nothing holds up is `due`.
   */
  explain(id: string): Promise<readonly JobCause[]>;
}

/** Of what is no id at all there is no job, either. */
const noId = "00000000-0000-0000-0000-000000000000";

export function createExplaining(pool: Pick<Pool, "call">): Explaining {
  return { explain: (id) => pool.call(explainJob, [isUuid(id) ? id : noId]) };
}
