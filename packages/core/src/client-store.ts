import { clientRoutines as routines } from "./client-routines.ts";
import type { EnqueueAnswer, JobRecord, ResultRecord } from "./client-routines.ts";
import { type DatabaseConnection, openPool, routineText } from "./database.ts";
import { WorkerError } from "./errors.ts";

/**
 * A transaction of the host's own, as `postgres` and `Bun.sql` (`unsafe`) or `pg` (`query`) have it.
 *
 * What is enqueued through it is there when the host commits, and not when the host rolls back.
 */
export type Queryable =
  | { unsafe(text: string, parameters: string[]): PromiseLike<unknown> }
  | { query(text: string, parameters: string[]): PromiseLike<unknown> };

/** The calls of a client. */
export interface ClientStore {
  enqueueJobs(jobs: string): Promise<readonly EnqueueAnswer[]>;
  enqueueJobsIn(host: Queryable, jobs: string): Promise<readonly EnqueueAnswer[]>;
  getJob(id: string): Promise<JobRecord | undefined>;
  getResults(id: string): Promise<readonly ResultRecord[]>;
  cancelJob(id: string): Promise<"ok" | "not_found" | "settled">;
  requeueJob(id: string): Promise<"ok" | "not_found" | "not_settled" | "conflict">;
  end(): Promise<void>;
}

export function createClientStore(connection: DatabaseConnection, schema: string): ClientStore {
  const pool = openPool({
    connection,
    schema,
    name: "leasehold client",
    max: 4,
    deadlineMs: 10_000,
  });
  return {
    enqueueJobs: (jobs) => pool.call(routines.enqueueJobs, [jobs]),
    async enqueueJobsIn(host, jobs) {
      const text = routineText(schema, routines.enqueueJobs);
      const answer = "unsafe" in host ? host.unsafe(text, [jobs]) : host.query(text, [jobs]);
      return rowsOf(await answer).map(toEnqueueAnswer);
    },
    getJob: async (id) => (await pool.call(routines.getJob, [id]))[0],
    getResults: (id) => pool.call(routines.getResults, [id]),
    cancelJob: async (id) => (await pool.call(routines.cancelJob, [id]))[0] ?? "not_found",
    requeueJob: async (id) => (await pool.call(routines.requeueJob, [id]))[0] ?? "not_found",
    end: () => pool.end(),
  };
}

/** `pg` answers an object with rows; the others answer the rows. */
function rowsOf(answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  if (typeof answer === "object" && answer !== null && "rows" in answer) return rowsOf(answer.rows);
  return [];
}

/** The host's driver gives rows by name. */
function toEnqueueAnswer(row: unknown): EnqueueAnswer {
  if (typeof row === "object" && row !== null && "outcome" in row && "id" in row) {
    const { outcome, id } = row;
    if ((outcome === "created" || outcome === "existing") && typeof id === "string") {
      return { outcome, id };
    }
  }
  throw new WorkerError("schema_outdated", "The schema answers enqueue_jobs in an unknown shape.", {
    scope: "config",
  });
}
