import type { LeaseKey, Reason, SettleAnswer } from "../production.ts";
import type { Attempt, AttemptOutcome, Lane, Lease } from "./rows.ts";
import {
  type Move,
  type MoveAnswer,
  type MoveRequest,
  type Schema,
  type SchemaFunctions,
  SqlError,
} from "./schema.ts";
import type { Tables } from "./tables.ts";

const outcomes: Readonly<Record<Move, AttemptOutcome>> = {
  complete: "completed",
  retry: "retried",
  outage: "released",
  shutdown: "released",
  fail: "failed",
  lapse: "lapsed",
  cancel: "cancelled",
  effect: "effect_failed",
};

const retryAfterMsMax = 86_400_000;

/** The functions that end a lease. */
export function createSettling(
  schema: Schema,
): Pick<
  SchemaFunctions,
  | "answerStale"
  | "chargeEffect"
  | "completeJob"
  | "endByEffect"
  | "failJob"
  | "moveLease"
  | "releaseJob"
  | "retryJob"
  | "settleLease"
> {
  const { functions } = schema;
  const settleOwn = (key: LeaseKey, request: MoveRequest): SettleAnswer => {
    const lease = findLease(schema, key);
    return lease === undefined ? functions.answerStale(key) : functions.settleLease(lease, request);
  };
  return {
    // complete_job.sql
    completeJob: (key, result) => settleOwn(key, { move: "complete", result }),
    // fail_job.sql
    failJob: (key, { code }) => settleOwn(key, { move: "fail", code }),
    // retry_job.sql
    retryJob: (key, reason) => settleOwn(key, { move: "retry", ...wordsOf(reason) }),
    // release_job.sql
    releaseJob(key, kind, reason) {
      const lease = findLease(schema, key);
      const words = wordsOf(reason);
      const answer = settleOwn(key, { move: kind, ...words });
      const isOutage = kind === "outage" && reason.code !== "database_unavailable";
      if (isOutage && lease?.resource !== undefined) {
        functions.reportOutage(lease, { code: reason.code, retryAfterMs: words.delayMs ?? 0 });
      }
      return answer;
    },
    answerStale: (key) => answerStale(schema, key),
    settleLease: (lease, request) => settleLease(schema, lease, request),
    moveLease: (lease, request) => moveLease(schema, lease, request),
    chargeEffect: (lease, sqlstate) => chargeEffect(schema, lease, sqlstate),
    endByEffect: (lease) => endByEffect(schema, lease),
  };
}

/** The fence of every function that writes for a lease: the row with this token, or none. */
export function findLease(schema: Schema, { jobId, token }: LeaseKey): Lease | undefined {
  const lease = schema.tables.lease.get(Number(jobId));
  return lease?.token === token ? lease : undefined;
}

/** The lane of a lease or a ready row. */
export function laneOf({ tables }: Schema, { laneId }: { readonly laneId: number }): Lane {
  const lane = tables.lanes[laneId - 1];
  if (lane === undefined) throw new Error(`There is no lane ${laneId}.`);
  return lane;
}

/** answer_stale.sql */
function answerStale({ tables }: Schema, { jobId, token }: LeaseKey): SettleAnswer {
  const attempts = tables.attempt.get(Number(jobId)) ?? [];
  const own = attempts.filter((attempt) => attempt.token === token);
  const isOwn = own.every(({ outcome }) => outcome !== "lapsed" && outcome !== "cancelled");
  if (own.length === 0 || !isOwn) return { outcome: "lost", state: undefined, delayMs: 0 };
  return { outcome: "already", state: stateOf(tables, Number(jobId)), delayMs: 0 };
}

/** Where a job is: what is in none of the small tables is completed. */
export function stateOf(tables: Tables, jobId: number): NonNullable<SettleAnswer["state"]> {
  if (tables.lease.get(jobId) !== undefined) return "leased";
  if (tables.ready.get(jobId) !== undefined) return "queued";
  return tables.stopped.get(jobId)?.state ?? "completed";
}

/** settle_lease.sql */
function settleLease(schema: Schema, lease: Lease, request: MoveRequest): SettleAnswer {
  const { functions, tables } = schema;
  if (request.result !== undefined) functions.storeResult(lease, 0, request.result.output);
  if (tables.jobTypes.get(laneOf(schema, lease).type)?.hasHook !== true) {
    return { outcome: "ok", ...functions.moveLease(lease, { ...request, withHook: false }) };
  }
  try {
    return { outcome: "ok", ...schema.block(() => functions.moveLease(lease, request)) };
  } catch (error) {
    const isLapse = request.move === "lapse";
    const charged = { ...lease, solo: lease.solo || isLapse };
    const answer = functions.chargeEffect(charged, sqlstateOf(error));
    // The holder did not end it: a late call of his must not look like success.
    if (isLapse) renameOutcome(schema, lease);
    return { outcome: "effect_failed", ...answer };
  }
}

function renameOutcome({ tables }: Schema, { jobId, token }: Lease): void {
  const rows = (tables.attempt.get(jobId) ?? []).map((row): Attempt =>
    row.token === token && row.outcome === "effect_failed" ? { ...row, outcome: "lapsed" } : row,
  );
  tables.attempt.set(jobId, rows);
}

/** charge_effect.sql */
function chargeEffect(schema: Schema, lease: Lease, sqlstate: string): MoveAnswer {
  const { functions } = schema;
  if (functions.isServerTrouble(sqlstate)) throw new SqlError(sqlstate);
  return functions.endByEffect(lease);
}

/** end_by_effect.sql */
function endByEffect(schema: Schema, lease: Lease): MoveAnswer {
  const { functions } = schema;
  const request: MoveRequest = { move: "effect", code: "effect_failed" };
  try {
    return schema.block(() => functions.moveLease(lease, request));
  } catch (error) {
    if (functions.isServerTrouble(sqlstateOf(error))) throw error;
    return functions.moveLease(lease, { ...request, withHook: false });
  }
}

/** move_lease.sql */
function moveLease(schema: Schema, lease: Lease, request: MoveRequest): MoveAnswer {
  const { functions, server, tables } = schema;
  const { move, code } = request;
  const now = server.clock();
  const lane = laneOf(schema, lease);
  const { state, delayMs, solo } = chargeMove(schema, lease, request);

  tables.lease.delete(lease.jobId);
  if (move === "cancel") server.hintKeepers();
  if (lease.startedAt !== undefined || move === "complete") {
    const { attempt, token, worker, startedAt = now } = lease;
    const ended = { phase: lane.phase, attempt, token, worker, startedAt, finishedAt: now };
    addAttempt(schema, lease.jobId, { ...ended, outcome: outcomes[move], code });
  }
  if (state === "queued") {
    tables.ready.set(lease.jobId, {
      jobId: lease.jobId,
      laneId: solo === lane.solo ? lane.id : functions.findLane({ ...lane, solo }),
      priority: lease.priority,
      dueAt: now + delayMs,
      attempt: lease.attempt - (lease.startedAt === undefined ? 1 : 0),
    });
    if (delayMs === 0) server.hint();
  } else {
    const { worker, startedAt } = lease;
    const stopped = { phase: lane.phase, code, worker, startedAt, finishedAt: now };
    if (state !== "completed") tables.stopped.set(lease.jobId, { ...stopped, state });
    freeUniqueKey(schema, lease.jobId);
  }
  if (request.withHook ?? true) {
    const { jobId } = lease;
    const result = request.result?.output;
    functions.callHook({ jobId, from: "leased", to: state, phase: lane.phase, code, result });
  }
  return { state, delayMs };
}

function chargeMove(
  { functions }: Schema,
  lease: Lease,
  { move, code, delayMs = 0 }: MoveRequest,
): MoveAnswer & { readonly solo: boolean } {
  if (move === "complete") return { state: "completed", delayMs: 0, solo: lease.solo };
  if (move === "fail") return { state: "failed", delayMs: 0, solo: lease.solo };
  if (move === "cancel") return { state: "cancelled", delayMs: 0, solo: lease.solo };
  const charge = functions.chargeLease(lease, move, code);
  return { ...charge, delayMs: Math.max(charge.delayMs, delayMs) };
}

/** An insert into `attempt`, whose key is (job, phase, attempt). */
export function addAttempt(
  { tables }: Schema,
  jobId: number,
  row: Parameters<typeof tables.attempt.set>[1][number],
): void {
  const rows = tables.attempt.get(jobId) ?? [];
  if (rows.some(({ phase, attempt }) => phase === row.phase && attempt === row.attempt)) {
    throw new SqlError("23505");
  }
  tables.attempt.set(jobId, [...rows, row]);
}

/** The job's unique key, if it has one and holds it, is free for another. */
export function freeUniqueKey({ tables }: Schema, jobId: number): void {
  const job = tables.job.get(jobId);
  if (job?.uniqueKey === undefined) return;
  const key = `${job.queue} ${job.uniqueKey}`;
  if (tables.uniqueKey.get(key) === jobId) tables.uniqueKey.delete(key);
}

/** What a function of the schema raised; anything else is a mistake of the model. */
export function sqlstateOf(error: unknown): string {
  if (error instanceof SqlError) return error.sqlstate;
  throw error;
}

function wordsOf({ code, retryAfterMs = 0 }: Reason): Pick<MoveRequest, "code" | "delayMs"> {
  if (Number.isNaN(retryAfterMs)) return { code };
  return { code, delayMs: Math.ceil(Math.min(Math.max(retryAfterMs, 0), retryAfterMsMax)) };
}
