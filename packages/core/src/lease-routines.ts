import { z } from "zod";

import type { ClaimMarks } from "./claim-marks.ts";
import type { Routine } from "./database.ts";
import type {
  CheckpointAnswer,
  ClaimedJob,
  LaneIds,
  LapsedLease,
  SettleAnswer,
} from "./job-store.ts";
import type { Json } from "./json.ts";

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
const held = z.tuple([z.enum(["ok", "lost"])]).transform(([answer]) => answer);

const outcome = z.enum(["ok", "already", "lost", "effect_failed"]);
const state = z
  .enum(["queued", "leased", "completed", "failed", "dead", "cancelled"])
  .nullable()
  .transform((value) => value ?? undefined);
const delayMs = z
  .int()
  .nullable()
  .transform((value) => value ?? 0);

const settled: z.ZodType<SettleAnswer> = z
  .tuple([outcome, state, delayMs])
  .transform(([...columns]) => ({
    outcome: columns[0],
    state: columns[1],
    delayMs: columns[2],
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

// Rows of these two come by the hundred, and a schema for each column would cost more than the rest of a job. What the
// columns are is looked at on each row all the same, by hand.

function readClaimed(columns: unknown): ClaimedRow {
  if (!Array.isArray(columns) || columns.length !== 7) throw unknownShape();
  const [jobId, publicId, laneId, attempt, solo, payload, marks]: unknown[] = columns;
  const isKnown =
    typeof jobId === "string" &&
    typeof publicId === "string" &&
    typeof laneId === "number" &&
    typeof attempt === "number" &&
    typeof solo === "boolean" &&
    isJson(payload);
  if (!isKnown) throw unknownShape();
  const marked = marks === null ? undefined : marksColumn.parse(marks);
  return { jobId, publicId, laneId, attempt, solo, payload, marks: marked };
}

const marksColumn = z.record(z.string(), z.string());

function readCompleted(columns: unknown): SettleAnswer & { readonly place: number } {
  if (!Array.isArray(columns) || columns.length !== 4) throw unknownShape();
  const [place, ...answer]: unknown[] = columns;
  if (typeof place !== "number") throw unknownShape();
  if (answer[0] === "ok" && answer[1] === "completed") return { place, ...completed };
  return { place, ...settled.parse(answer) };
}

const completed: SettleAnswer = { outcome: "ok", state: "completed", delayMs: 0 };

/** Caught where rows are read, which knows what was called. */
function unknownShape(): TypeError {
  return new TypeError("The columns are not what they should be.");
}

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
  readonly renewLeases: Routine<readonly [jobId: string, outcome: "ok" | "busy"]>;
  readonly holdLease: Routine<"ok" | "lost">;
  readonly loadResults: Routine<StoredResultRow>;
  readonly savePart: Routine<"ok" | "lost">;
  readonly checkpointJob: Routine<CheckpointAnswer>;
  readonly completeJobs: Routine<SettleAnswer & { readonly place: number }>;
  readonly retryJob: Routine<SettleAnswer>;
  readonly releaseJob: Routine<SettleAnswer>;
  readonly failJob: Routine<SettleAnswer>;
  readonly lapseLeases: Routine<LapsedLease>;
  readonly schemaVersion: Routine<number | null>;
}

const first = <Value>(column: z.ZodType<Value>): z.ZodType<Value> =>
  z.tuple([column]).transform(([value]) => value);

/** The functions that a worker calls. */
export const leaseRoutines: LeaseRoutines = {
  declareLanes: defineRoutine("declare_lanes", ["text", "text", "smallint", "text::text[]"], lane),
  claimJobs: {
    name: "claim_jobs",
    casts: ["text", "uuid", "text::integer[]", "text::integer[]", "integer", "integer", json],
    read: readClaimed,
  },
  abandonClaim: defineRoutine("abandon_claim", ["text", "uuid"], first(z.int())),
  startJob: defineRoutine("start_job", key, held),
  renewLeases: defineRoutine(
    "renew_leases",
    ["text::bigint[]", "text::uuid[]"],
    z.tuple([bigint, z.enum(["ok", "busy"])]),
  ),
  holdLease: defineRoutine("hold_lease", key, held),
  loadResults: defineRoutine("load_results", key, stored),
  savePart: defineRoutine("save_part", [...key, "smallint", json, json, "text"], held),
  checkpointJob: defineRoutine(
    "checkpoint_job",
    [...key, "text", "text", json, json, "boolean"],
    checkpointed,
  ),
  completeJobs: {
    name: "complete_jobs",
    casts: ["text::bigint[]", "text::uuid[]", json],
    read: readCompleted,
  },
  retryJob: defineRoutine("retry_job", [...key, ...reason, "integer"], settled),
  releaseJob: defineRoutine("release_job", [...key, "text", ...reason, "integer"], settled),
  failJob: defineRoutine("fail_job", [...key, ...reason], settled),
  lapseLeases: defineRoutine("lapse_leases", ["integer"], lapsed),
  schemaVersion: defineRoutine("schema_version", ["text"], first(z.int().nullable())),
};
