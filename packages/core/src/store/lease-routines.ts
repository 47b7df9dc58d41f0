import { z } from "zod";

import type { Routine } from "../database/database.ts";
import { jobStates } from "../job-state.ts";
import type { Json } from "../json.ts";
import type { ClaimMarks } from "./claim-marks.ts";
import type {
  CheckpointAnswer,
  ClaimedJob,
  LaneIds,
  LapsedLease,
  RenewalAnswer,
  SettleAnswer,
} from "./job-store.ts";

/** A result (part 0) or a saved part (from 1). */
export interface StoredResultRow {
  readonly phase: string;
  readonly part: number;
  readonly output: Json;
}

// A bigint arrives as text: it may not fit a JavaScript number.
const bigint = z.string();
/** What Postgres gives for jsonb is JSON by definition. */
const isJson = (column: unknown): column is Json => column !== undefined;
export const jsonColumn: z.ZodType<Json> = z.custom<Json>(isJson);
/** Of a function that is fenced and does one thing. */
export const heldAnswer: z.ZodType<"ok" | "lost"> = z
  .tuple([z.enum(["ok", "lost"])])
  .transform(([answer]) => answer);

const outcome = z.enum(["ok", "already", "lost", "effect_failed"]);
const state = z
  .enum(jobStates)
  .nullable()
  .transform((value) => value ?? undefined);
const delayMs = z
  .int()
  .nullable()
  .transform((value) => value ?? 0);

/** Of a function that ends a lease. */
export const settledAnswer: z.ZodType<SettleAnswer> = z
  .tuple([outcome, state, delayMs])
  .transform(([...columns]) => ({
    outcome: columns[0],
    state: columns[1],
    delayMs: columns[2],
  }));

/** Jobs of a group that fared alike. */
export interface CompletedRow {
  /** From 1. */
  readonly places: readonly number[];
  readonly answer: SettleAnswer;
}

// An array comes as text, since the driver is told of no types.
const completed: z.ZodType<CompletedRow> = z
  .tuple([z.string().regex(/^\{[\d,]*\}$/), outcome, state, delayMs])
  .transform(([places, ...columns]) => ({
    places: places.slice(1, -1).split(",").filter(Boolean).map(Number),
    answer: { outcome: columns[0], state: columns[1], delayMs: columns[2] },
  }));

const checkpointed: z.ZodType<CheckpointAnswer> = z
  .tuple([outcome, state, delayMs, z.int().nullable()])
  .transform(([...columns]) => ({
    outcome: columns[0],
    state: columns[1],
    delayMs: columns[2],
    attempt: columns[3] ?? undefined,
  }));

const lane: z.ZodType<LaneIds> = z
  .tuple([z.string(), z.int(), z.int()])
  .transform(([phase, laneId, soloLaneId]) => ({ phase, laneId, soloLaneId }));

/** A claimed job, and on some rows how far the claim came. */
export interface ClaimedRow extends Omit<ClaimedJob, "token"> {
  readonly marks: ClaimMarks | undefined;
}

/**
 * By hand: these rows come by the hundred, and a schema for each column would cost more than the rest of a job.
 */
export function readClaimed(columns: unknown): ClaimedRow {
  if (!Array.isArray(columns) || columns.length !== 8) throw unknownShape();
  const [jobId, publicId, laneId, attempt, solo, payload, marks, trace]: unknown[] = columns;
  const isKnown =
    typeof jobId === "string" &&
    typeof publicId === "string" &&
    typeof laneId === "number" &&
    typeof attempt === "number" &&
    typeof solo === "boolean" &&
    isJson(payload) &&
    (trace === null || typeof trace === "string");
  if (!isKnown) throw unknownShape();
  const marked = marks === null ? undefined : marksColumn.parse(marks);
  const row = { jobId, publicId, laneId, attempt, solo, payload, marks: marked };
  return trace === null ? row : { ...row, trace };
}

const marksColumn = z.record(z.string(), z.string());

/** Caught where rows are read, which knows what was called. */
function unknownShape(): TypeError {
  return new TypeError("The columns are not what they should be.");
}

/** A row of a call that does both. */
export interface CompletedOrClaimedRow {
  readonly completed?: CompletedRow;
  readonly claimed?: ClaimedRow;
  /** Jobs wait at gates: the claim has to go by itself. */
  readonly isUnclaimed?: true;
}

function readCompletedOrClaimed(columns: unknown): CompletedOrClaimedRow {
  if (!Array.isArray(columns) || columns.length !== 12) throw unknownShape();
  const [places, note, ...others]: unknown[] = columns;
  if (note === "unclaimed") return { isUnclaimed: true };
  return places === null
    ? { claimed: readClaimed(others.slice(2)) }
    : { completed: completed.parse(columns.slice(0, 4)) };
}

const renewed: z.ZodType<readonly [string, RenewalAnswer]> = z
  .tuple([
    bigint,
    z.enum(["ok", "busy", "cancelled", "lost"]),
    z.enum(["cancelled", "superseded", "expired"]).nullable(),
  ])
  .transform(([jobId, answer, code]) => [jobId, code ?? answer]);

const lapsed: z.ZodType<LapsedLease> = z
  .tuple([z.string(), z.string(), z.string(), z.int(), z.enum(["queued", "dead"]), z.string()])
  .transform(([publicId, type, phase, attempt, now, code]) => ({
    publicId,
    type,
    phase,
    attempt,
    state: now,
    code,
  }));

const stored: z.ZodType<StoredResultRow> = z
  .tuple([z.string(), z.int(), jsonColumn])
  .transform(([phase, part, output]) => ({ phase, part, output }));

/** Says once how a function of the schema is called and how its rows are read. */
export function defineRoutine<Answer>(
  name: string,
  casts: readonly string[],
  row: z.ZodType<Answer>,
): Routine<Answer> {
  return { name, casts, read: (columns) => row.parse(columns) };
}

const key = ["bigint", "uuid"] as const;
const json = "text::jsonb";
const reason = ["text", "text"] as const;

interface LeaseRoutines {
  readonly declareLanes: Routine<LaneIds>;
  readonly claimJobs: Routine<ClaimedRow>;
  readonly abandonClaim: Routine<number>;
  readonly startJob: Routine<"ok" | "lost">;
  readonly renewLeases: Routine<readonly [jobId: string, answer: RenewalAnswer]>;
  readonly holdLease: Routine<"ok" | "lost">;
  readonly loadResults: Routine<StoredResultRow>;
  readonly savePart: Routine<"ok" | "lost">;
  readonly checkpointJob: Routine<CheckpointAnswer>;
  readonly completeJobs: Routine<CompletedRow>;
  readonly completeAndClaim: Routine<CompletedOrClaimedRow>;
  readonly retryJob: Routine<SettleAnswer>;
  readonly releaseJob: Routine<SettleAnswer>;
  readonly failJob: Routine<SettleAnswer>;
  readonly lapseLeases: Routine<LapsedLease>;
  readonly schemaVersion: Routine<number | null>;
}

const first = <Value>(column: z.ZodType<Value>): z.ZodType<Value> =>
  z.tuple([column]).transform(([value]) => value);

const claimed = [
  "text",
  "uuid",
  "text::integer[]",
  "text::integer[]",
  "integer",
  "integer",
  json,
] as const;
const group = ["text::bigint[]", "text::uuid[]", json] as const;

/** The functions that a worker calls. */
export const leaseRoutines: LeaseRoutines = {
  declareLanes: defineRoutine("declare_lanes", ["text", "text", "smallint", "text::text[]"], lane),
  claimJobs: {
    name: "claim_jobs_v2",
    casts: claimed,
    read: readClaimed,
  },
  abandonClaim: defineRoutine("abandon_claim", ["text", "uuid"], first(z.int())),
  startJob: defineRoutine("start_job", key, heldAnswer),
  renewLeases: defineRoutine("renew_leases_v2", ["text::bigint[]", "text::uuid[]", json], renewed),
  holdLease: defineRoutine("hold_lease", key, heldAnswer),
  loadResults: defineRoutine("load_results", key, stored),
  savePart: defineRoutine("save_part", [...key, "smallint", json, json, "text"], heldAnswer),
  checkpointJob: defineRoutine(
    "checkpoint_job",
    [...key, "text", "text", json, json, "boolean"],
    checkpointed,
  ),
  completeJobs: defineRoutine("complete_jobs", group, completed),
  completeAndClaim: {
    name: "complete_and_claim",
    casts: [...group, ...claimed],
    read: readCompletedOrClaimed,
  },
  retryJob: defineRoutine("retry_job", [...key, ...reason, "integer"], settledAnswer),
  releaseJob: defineRoutine("release_job", [...key, "text", ...reason, "integer"], settledAnswer),
  failJob: defineRoutine("fail_job", [...key, ...reason], settledAnswer),
  lapseLeases: defineRoutine("lapse_leases", ["integer"], lapsed),
  schemaVersion: defineRoutine("schema_version", ["text"], first(z.int().nullable())),
};
