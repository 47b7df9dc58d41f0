import { toDatabaseError } from "../database/database-errors.ts";
import {
  type DatabaseConnection,
  openPool,
  type Pool,
  type Routine,
  routineText,
} from "../database/database.ts";
import { isUuid } from "../job-id.ts";
import type { NewJobs } from "../new-job.ts";
import { createNewStarts, type NewStarts } from "./after-store.ts";
import { clientRoutines as routines, toEnqueueAnswer } from "./client-routines.ts";
import type {
  EnqueueAnswer,
  JobProgress,
  JobRecord,
  QueueRecord,
  ResultRecord,
  SignalAnswer,
} from "./client-routines.ts";
import { createExplaining, type Explaining } from "./explaining-store.ts";
import { createLimiting, type Limiting } from "./limits-store.ts";
import { type ActionNote, createLooking, createNotedCalls, type Looking } from "./looking-store.ts";
import { createOperating, type Operating } from "./operating-store.ts";
import { createResources, type Resources } from "./resources-store.ts";
import { callForOne } from "./store-calls.ts";

/**
 * A transaction of the host's own, as `postgres` and `Bun.sql` (`unsafe`) or `pg` (`query`) have it.
 *
 * What is enqueued through it is there when the host commits, and not when the host rolls back.
 */
export type Queryable =
  | { unsafe(text: string, parameters: string[]): PromiseLike<unknown> }
  | { query(text: string, parameters: string[]): PromiseLike<unknown> };

/** The calls of a client that change what is there. */
export interface ActStore extends Operating, Resources, NewStarts, Limiting {
  cancelJob(id: string): Promise<"ok" | "not_found" | "settled">;
  requeueJob(id: string): Promise<"ok" | "not_found" | "not_settled" | "conflict">;
}

/** The calls of a client. */
export interface ClientStore extends ActStore, Explaining, Looking {
  /** The same acts, each in one transaction with the note of it. All that is called through one of these is one act. */
  noted(note: ActionNote): ActStore;
  enqueueJobs(jobs: NewJobs): Promise<readonly EnqueueAnswer[]>;
  /** All or none. The next of them is written while Postgres works on the one before. */
  enqueueAll(parts: Iterable<NewJobs>): Promise<readonly EnqueueAnswer[]>;
  enqueueJobsIn(host: Queryable, jobs: NewJobs): Promise<readonly EnqueueAnswer[]>;
  getJob(id: string): Promise<JobRecord | undefined>;
  getProgress(id: string): Promise<JobProgress | undefined>;
  getResults(id: string): Promise<readonly ResultRecord[]>;
  getQueue(): Promise<readonly QueueRecord[]>;
  /** The payload as JSON. */
  signalJob(id: string, name: string, payload: string): Promise<SignalAnswer>;
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
  const ask = <Answer>(routine: Routine<Answer>, id: string): Promise<readonly Answer[]> =>
    askAbout(pool, routine, id);
  return {
    ...createActs(pool),
    ...createExplaining(pool),
    ...createLooking(pool),
    noted: (note) => createActs(createNotedCalls(pool, note)),
    enqueueJobs: ({ jobs, shared }) => pool.call(routines.enqueueJobs, [jobs, shared]),
    async enqueueAll(parts) {
      const answers: EnqueueAnswer[] = [];
      await pool.transaction(async (transaction) => {
        let last: Promise<readonly EnqueueAnswer[]> = Promise.resolve([]);
        try {
          for (const { jobs, shared } of parts) {
            answers.push(...(await last));
            last = transaction.call(routines.enqueueJobs, [jobs, shared]);
          }
        } finally {
          // Also when a part could not be written: what is on its way must not fail unheard.
          answers.push(...(await last));
        }
      });
      return answers;
    },
    async enqueueJobsIn(host, { jobs, shared }) {
      const text = routineText(schema, routines.enqueueJobs);
      const values = [jobs, shared];
      try {
        const answer = "unsafe" in host ? host.unsafe(text, values) : host.query(text, values);
        return rowsOf(await answer).map(toNamedAnswer);
      } catch (error) {
        throw toDatabaseError(error, routines.enqueueJobs.name);
      }
    },
    getJob: async (id) => (await ask(routines.getJob, id))[0],
    getProgress: async (id) => (await ask(routines.getProgress, id))[0],
    getResults: (id) => ask(routines.getResults, id),
    getQueue: () => pool.call(routines.getQueue, []),
    async signalJob(id, name, payload) {
      if (!isUuid(id)) return "not_found";
      return await callForOne(pool, routines.signalJob, [id, name, payload]);
    },
    end: () => pool.end(),
  };
}

function createActs(pool: Pick<Pool, "call">): ActStore {
  return {
    ...createOperating(pool),
    ...createResources(pool),
    ...createNewStarts(pool),
    ...createLimiting(pool),
    cancelJob: async (id) => (await askAbout(pool, routines.cancelJob, id))[0] ?? "not_found",
    requeueJob: async (id) => (await askAbout(pool, routines.requeueJob, id))[0] ?? "not_found",
  };
}

/** Of what is no id at all there is no job. */
async function askAbout<Answer>(
  pool: Pick<Pool, "call">,
  routine: Routine<Answer>,
  id: string,
): Promise<readonly Answer[]> {
  return isUuid(id) ? await pool.call(routine, [id]) : [];
}

/** `pg` answers an object with rows; the others answer the rows. */
function rowsOf(answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  if (typeof answer === "object" && answer !== null && "rows" in answer) return rowsOf(answer.rows);
  return [];
}

/** The host's driver gives rows by name. */
function toNamedAnswer(row: unknown): EnqueueAnswer {
  const { outcome, id }: { readonly outcome?: unknown; readonly id?: unknown } = Object(row);
  return toEnqueueAnswer(outcome, id);
}
