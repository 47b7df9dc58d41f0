import { z } from "zod";

import type { Pool } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { toStorableJson, toStorableText } from "../json.ts";
import {
  afterRoutines as routines,
  type DeadLetterRecord,
  type RequeuedBatch,
  type RequeueFilter,
  type RequeueReport,
} from "./after-routines.ts";

export interface RequeueOptions {
  /** They are due at random times within so long from now, so that nobody is run over. Default: 0. */
  readonly spreadMs?: number;
  /** Default: all of them. */
  readonly limit?: number;
  /** Only counts. Default: `false`. */
  readonly dryRun?: boolean;
  /** Is told after each batch what was done so far. What it throws ends the call; batches that are done stay done. */
  readonly onBatch?: (soFar: RequeueReport) => void;
}

/**
 * `not_settled`: it is queued or leased. `unknown_phase`: it never came to this phase. `conflict`: another live job
 * holds its unique key.
 */
export type ReplayAnswer = "ok" | "not_found" | "not_settled" | "unknown_phase" | "conflict";

/** `existing`: somebody resolved it before. `not_failed`: it lives, has completed or was cancelled. */
export type ResolveAnswer = "ok" | "existing" | "not_found" | "not_failed";

/** New starts for jobs that have ended, and the end of the matter, as part of a client. */
export interface NewStarts {
  /** What ended badly, by queue, type, phase, state and code; the most first. */
  getDeadLetters(): Promise<readonly DeadLetterRecord[]>;
  /**
   * Gives the ended jobs that fit a filter a new start where they ended, in batches: each counts as done when the next
   * begins, so a call that throws may be made again. Throws `input_invalid` for a filter that is none.
   */
  requeueAll(filter: RequeueFilter, options?: RequeueOptions): Promise<RequeueReport>;
  /**
   * Gives an ended job, also a completed one, a new start from a phase. Its result, and those of the phases that came
   * after it, are deleted: read them first. Those of earlier phases stay.
   */
  replay(id: string, phase: string): Promise<ReplayAnswer>;
  /**
   * Says of a job that failed or is dead that it was settled by hand, and how, in at most 1,024 characters that tell
   * nothing of its content. It is cancelled with the code `resolved`, and no dead letter any more. Throws `input_invalid`.
   */
  resolve(id: string, reason: string): Promise<ResolveAnswer>;
}

/** Small, since the hook of each is called in a subtransaction of its own. */
const batchMax = 100;
const limitMax = 2_147_483_647;
const reasonCharactersMax = 1_024;

const optionalWord = z.string().optional();

const filterSchema = z.strictObject({
  queue: optionalWord,
  type: optionalWord,
  tenant: optionalWord,
  phase: optionalWord,
  code: optionalWord,
  state: z.enum(["failed", "dead", "cancelled"]).optional(),
  since: z.date().optional(),
  until: z.date().optional(),
  outage: z.boolean().optional(),
});

const optionsSchema = z.strictObject({
  spreadMs: z.number().min(0).max(315_360_000_000).transform(Math.ceil).default(0),
  limit: z.int().min(0).max(limitMax).default(limitMax),
  dryRun: z.boolean().default(false),
});

export function createNewStarts(pool: Pick<Pool, "call">): NewStarts {
  return {
    getDeadLetters: () => pool.call(routines.getDeadLetters, []),
    async requeueAll(filter, { onBatch, ...options } = {}) {
      const { spreadMs, limit, dryRun } = parse(optionsSchema, options);
      let next: string | undefined = toStorableJson(parse(filterSchema, filter));
      let report: RequeueReport = { matched: 0, requeued: 0, conflicted: 0, refused: 0 };
      while (next !== undefined && report.matched < limit) {
        const left = limit - report.matched;
        const size: number = dryRun ? left : Math.min(left, batchMax);
        const [batch]: readonly RequeuedBatch[] = await pool.call(routines.requeueJobs, [
          next,
          size,
          spreadMs,
          dryRun,
        ]);
        if (batch === undefined) {
          throw new WorkerError("statement_failed", "Postgres gave no answer to requeue_jobs.");
        }
        report = add(report, batch);
        next = batch.next;
        onBatch?.(report);
      }
      return report;
    },
    async replay(id, phase) {
      // As for every id from outside: one that is no uuid is the id of no job.
      if (!z.guid().safeParse(id).success) return "not_found";
      const [answer] = await pool.call(routines.replayJob, [id, phase, 0]);
      return answer ?? "not_found";
    },
    async resolve(id, reason) {
      // As Postgres counts: a character beyond the first 65,536 is one.
      const characters = Array.from(reason).length;
      if (characters < 1 || characters > reasonCharactersMax) {
        const message = `Not resolved: reason must have 1 to ${reasonCharactersMax} characters.`;
        throw new WorkerError("input_invalid", message);
      }
      if (!z.guid().safeParse(id).success) return "not_found";
      const [answer] = await pool.call(routines.resolveJob, [id, toStorableText(reason)]);
      return answer ?? "not_found";
    },
  };
}

function add(report: RequeueReport, batch: RequeuedBatch): RequeueReport {
  return {
    matched: report.matched + batch.matched,
    requeued: report.requeued + batch.requeued,
    conflicted: report.conflicted + batch.conflicted,
    refused: report.refused + batch.refused,
  };
}

function parse<Value>(schema: z.ZodType<Value>, given: unknown): Value {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "(top)"}: ${message}`,
  );
  throw new WorkerError("input_invalid", `Not requeued: ${problems.join("; ")}.`);
}
