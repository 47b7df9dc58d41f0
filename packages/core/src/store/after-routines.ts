import { z } from "zod";

import type { Routine } from "../database/database.ts";
import type { LapsedLease } from "./job-store.ts";
import { defineRoutine } from "./lease-routines.ts";

/** Which ended jobs are meant. What is absent does not matter. */
export interface RequeueFilter {
  readonly queue?: string;
  readonly type?: string;
  readonly tenant?: string;
  /** The phase they ended in. */
  readonly phase?: string;
  readonly code?: string;
  /** Default: `failed` and `dead`. */
  readonly state?: "failed" | "dead" | "cancelled";
  /** When they ended, with this moment. */
  readonly since?: Date;
  /** When they ended, without this moment. Default: now. */
  readonly until?: Date;
  /**
   * Only those that died of something that was down, as far as can be told: with a code of the backend's or of
   * Postgres, or because their time was over after they had met an outage.
   */
  readonly outage?: boolean;
}

export interface RequeueReport {
  /** Those that fit the filter. */
  readonly matched: number;
  readonly requeued: number;
  /** Another live job holds their unique key. */
  readonly conflicted: number;
  /** The hook of their type raised: they are left as they were. */
  readonly refused: number;
}

/** One call's share of them. */
export interface RequeuedBatch extends RequeueReport {
  /** The filter to go on with, as it came; undefined when there is nothing more. */
  readonly next: string | undefined;
}

/** What ended badly in one way. */
export interface DeadLetterRecord {
  readonly queue: string;
  readonly type: string;
  readonly phase: string;
  readonly state: "failed" | "dead";
  readonly code: string | undefined;
  readonly count: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** One of them, the newest. */
  readonly sampleId: string;
}

interface AfterRoutines {
  readonly requeueJobs: Routine<RequeuedBatch>;
  readonly replayJob: Routine<"ok" | "not_found" | "not_settled" | "unknown_phase" | "conflict">;
  readonly resolveJob: Routine<"ok" | "existing" | "not_found" | "not_failed">;
  readonly getDeadLetters: Routine<DeadLetterRecord>;
  readonly expireJobs: Routine<LapsedLease>;
}

const requeued: z.ZodType<RequeuedBatch> = z
  .tuple([z.int(), z.int(), z.int(), z.int(), z.unknown()])
  .transform(([matched, done, conflicted, refused, next]) => ({
    matched,
    requeued: done,
    conflicted,
    refused,
    next: next === null ? undefined : JSON.stringify(next),
  }));

const deadLetter: z.ZodType<DeadLetterRecord> = z
  .tuple([
    z.string(),
    z.string(),
    z.string(),
    z.enum(["failed", "dead"]),
    z
      .string()
      .nullable()
      .transform((code) => code ?? undefined),
    z.int(),
    z.date(),
    z.date(),
    z.string(),
  ])
  .transform(([queue, type, phase, state, code, count, ...rest]) => ({
    queue,
    type,
    phase,
    state,
    code,
    count,
    firstAt: rest[0],
    lastAt: rest[1],
    sampleId: rest[2],
  }));

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
  requeueJobs: defineRoutine(
    "requeue_jobs",
    ["text::jsonb", "integer", "bigint", "boolean"],
    requeued,
  ),
  replayJob: defineRoutine(
    "replay_job",
    ["uuid", "text", "bigint"],
    z
      .tuple([z.enum(["ok", "not_found", "not_settled", "unknown_phase", "conflict"])])
      .transform(([answer]) => answer),
  ),
  resolveJob: defineRoutine(
    "resolve_job",
    ["uuid", "text"],
    z
      .tuple([z.enum(["ok", "existing", "not_found", "not_failed"])])
      .transform(([answer]) => answer),
  ),
  getDeadLetters: defineRoutine("get_dead_letters", [], deadLetter),
  expireJobs: defineRoutine("expire_jobs", ["integer"], expired),
};
