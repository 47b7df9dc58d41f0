import { z } from "zod";

import type { PhaseProgress } from "../adapter.ts";
import type { Routine } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { type JobState, jobStates } from "../job-state.ts";
import type { Json } from "../json.ts";
import { defineRoutine, jsonColumn } from "./lease-routines.ts";

/** One ended attempt. */
export interface AttemptRecord {
  readonly phase: string;
  readonly attempt: number;
  readonly outcome: string;
  /** Why it did not complete. */
  readonly code: string | null;
  readonly ms: number;
}

/** What a job waits for. */
export interface WaitRecord {
  /** `signal`, `children`. */
  readonly reason: string;
  /** Of a signal. */
  readonly name: string | undefined;
  /** When it goes on in any case. */
  readonly until: Date | undefined;
}

/** How far a running job is, as its worker told with the last renewal of its lease. */
export interface JobProgress extends PhaseProgress {
  readonly toldAt: Date;
}

/** Where a job is and what it went through, without content. */
export interface JobRecord {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  readonly phase: string;
  readonly attempt: number;
  /** The last trouble, also of a job that waits for its next try. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** Charged to the job. */
  readonly failures: number;
  /** Its worker died, or stopped renewing. */
  readonly losses: number;
  /** The backend was down; charged to nobody. */
  readonly outages: number;
  readonly createdAt: Date;
  /** Of a queued job: when it may be claimed. */
  readonly dueAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** Of a waiting job. */
  readonly waitsFor: WaitRecord | undefined;
  readonly attempts: readonly AttemptRecord[];
  /** Of a job that runs and told something. */
  readonly progress?: JobProgress;
}

export interface EnqueueAnswer {
  /**
   * `existing`: a job with this id or key was there before, and nothing was added. `replaced`: one that waited is this
   * one now.
   */
  readonly outcome: "created" | "existing" | "replaced";
  readonly id: string;
}

/** The backlog of one type in one state. */
export interface QueueRecord {
  readonly queue: string;
  readonly type: string;
  /** `delayed`: its time has not come. `due`: any worker may take it. `waiting`: for something else than its time. */
  readonly state: "due" | "delayed" | "leased" | "waiting";
  readonly count: number;
  /** Jobs with more than three charged failures. */
  readonly highRetryCount: number;
  /** Jobs that met a backend that was down. */
  readonly outageCount: number;
  /** Of due jobs. */
  readonly p95AgeSeconds: number | undefined;
  readonly oldestAgeSeconds: number | undefined;
}

export interface ResultRecord {
  readonly phase: string;
  readonly output: Json;
  readonly provenance: Json;
}

interface ClientRoutines {
  readonly enqueueJobs: Routine<EnqueueAnswer>;
  readonly getJob: Routine<JobRecord>;
  readonly getProgress: Routine<JobProgress>;
  readonly getResults: Routine<ResultRecord>;
  readonly getQueue: Routine<QueueRecord>;
  readonly cancelJob: Routine<"ok" | "not_found" | "settled">;
  readonly requeueJob: Routine<"ok" | "not_found" | "not_settled" | "conflict">;
  readonly signalJob: Routine<SignalAnswer>;
}

/**
 * `existing`: the job was told under this name before, and the first payload stays. `late`: its phase has been told that
 * it did not come. `settled`: the job has ended.
 */
export type SignalAnswer = "ok" | "existing" | "late" | "settled" | "not_found";

const optional = <Value>(column: z.ZodType<Value>): z.ZodType<Value | undefined> =>
  column.nullable().transform((value) => value ?? undefined);

function readEnqueued(columns: unknown): EnqueueAnswer {
  const [, outcome, id]: unknown[] = Array.isArray(columns) ? columns : [];
  return toEnqueueAnswer(outcome, id);
}

/** Throws when it is nothing that this version knows. */
export function toEnqueueAnswer(outcome: unknown, id: unknown): EnqueueAnswer {
  const isKnown = outcome === "created" || outcome === "existing" || outcome === "replaced";
  if (isKnown && typeof id === "string") return { outcome, id };
  throw new WorkerError("schema_outdated", "The schema answers enqueue_jobs in an unknown shape.", {
    scope: "config",
  });
}

const attempt: z.ZodType<AttemptRecord> = z.object({
  phase: z.string(),
  attempt: z.int(),
  outcome: z.string(),
  code: z.string().nullable(),
  ms: z.number(),
});

const job: z.ZodType<JobRecord> = z
  .tuple([
    z.string(),
    z.string(),
    z.string(),
    z.enum(jobStates),
    z.string(),
    z.int(),
    optional(z.string()),
    optional(z.string()),
    z.int(),
    z.int(),
    z.int(),
    z.date(),
    optional(z.date()),
    optional(z.date()),
    z.array(attempt),
    optional(z.string()),
    optional(z.string()),
    optional(z.date()),
  ])
  .transform(([id, type, queue, state, phase, number, code, message, ...rest]) => ({
    id,
    type,
    queue,
    state,
    phase,
    attempt: number,
    code,
    message,
    failures: rest[0],
    losses: rest[1],
    outages: rest[2],
    createdAt: rest[3],
    dueAt: rest[4],
    finishedAt: rest[5],
    attempts: rest[6],
    waitsFor:
      rest[7] === undefined ? undefined : { reason: rest[7], name: rest[8], until: rest[9] },
  }));

const progress: z.ZodType<JobProgress> = z
  .tuple([
    z.string().nullable(),
    z.int().nullable(),
    z.int().nullable(),
    // A bigint arrives as text; this one was cut to what a number holds.
    z.coerce.number().nullable(),
    z.number().nullable(),
    z.date(),
  ])
  .transform(([stage, partsDone, partsTotal, tokens, fraction, toldAt]) => ({
    ...(stage === null ? {} : { stage }),
    ...(partsDone === null ? {} : { partsDone }),
    ...(partsTotal === null ? {} : { partsTotal }),
    ...(tokens === null ? {} : { tokens }),
    ...(fraction === null ? {} : { fraction }),
    toldAt,
  }));

const result: z.ZodType<ResultRecord> = z
  .tuple([z.string(), jsonColumn, jsonColumn])
  .transform(([phase, output, provenance]) => ({ phase, output, provenance }));

const queue: z.ZodType<QueueRecord> = z
  .tuple([
    z.string(),
    z.string(),
    z.enum(["due", "delayed", "leased", "waiting"]),
    z.int(),
    z.int(),
    z.int(),
    optional(z.number()),
    optional(z.number()),
  ])
  .transform(([name, type, state, count, highRetryCount, outageCount, ...ages]) => ({
    queue: name,
    type,
    state,
    count,
    highRetryCount,
    outageCount,
    p95AgeSeconds: ages[0],
    oldestAgeSeconds: ages[1],
  }));

/** The functions that a client calls. */
export const clientRoutines: ClientRoutines = {
  // By hand: these rows come by the ten thousand.
  enqueueJobs: { name: "enqueue_jobs", casts: ["text::jsonb", "text::jsonb"], read: readEnqueued },
  getJob: defineRoutine("get_job_v2", ["uuid"], job),
  getProgress: defineRoutine("get_progress", ["uuid"], progress),
  getResults: defineRoutine("get_results", ["uuid"], result),
  getQueue: defineRoutine("get_queue_v2", [], queue),
  cancelJob: defineRoutine(
    "cancel_job",
    ["uuid"],
    z.tuple([z.enum(["ok", "not_found", "settled"])]).transform(([answer]) => answer),
  ),
  requeueJob: defineRoutine(
    "requeue_job",
    ["uuid"],
    z
      .tuple([z.enum(["ok", "not_found", "not_settled", "conflict"])])
      .transform(([answer]) => answer),
  ),
  signalJob: defineRoutine(
    "signal_job",
    ["uuid", "text", "text::jsonb"],
    z
      .tuple([z.enum(["ok", "existing", "late", "settled", "not_found"])])
      .transform(([answer]) => answer),
  ),
};
