import type { CheckpointAnswer, LeaseKey, PhaseOutput, StoredResults } from "../production.ts";
import type { Lease } from "./rows.ts";
import { type CheckpointStep, type Schema, type SchemaFunctions, SqlError } from "./schema.ts";
import { addAttempt, findLease, laneOf, sqlstateOf } from "./settling.ts";

/** The functions that keep what a phase did, and go from one to the next. */
export function createPhases(
  schema: Schema,
): Pick<
  SchemaFunctions,
  | "callHook"
  | "checkpointJob"
  | "holdLease"
  | "loadResults"
  | "passPhase"
  | "savePart"
  | "storeResult"
> {
  return {
    // hold_lease.sql
    holdLease: (key) => (findLease(schema, key) === undefined ? "lost" : "ok"),
    // save_part.sql
    savePart(key, part, { output, phase }) {
      if (part < 1) throw new SqlError("22023");
      const lease = findLease(schema, key);
      if (lease === undefined) return "lost";
      if (phase !== undefined && laneOf(schema, lease).phase !== phase) return "lost";
      schema.functions.storeResult(lease, part, output);
      return "ok";
    },
    loadResults: (key) => loadResults(schema, key),
    storeResult: (lease, part, output) => storeResult(schema, lease, { part, output }),
    checkpointJob: (key, step, result) => checkpointJob(schema, key, { step, result }),
    passPhase: (lease, step, output) => passPhase(schema, lease, { ...step, output }),
    // call_hook.sql
    callHook(call) {
      const { server, tables } = schema;
      const type = tables.job.get(call.jobId)?.type ?? "";
      if (tables.jobTypes.get(type)?.hasHook !== true) return;
      tables.hookCall.set(call.jobId, [...(tables.hookCall.get(call.jobId) ?? []), call]);
      const sqlstate = server.raises(call);
      if (sqlstate !== undefined) throw new SqlError(sqlstate);
    },
  };
}

/** load_results.sql, and how a store reads its rows. */
function loadResults(schema: Schema, key: LeaseKey): StoredResults {
  const results: Record<string, never> = {};
  const parts: Record<string, { part: number; output: never }[]> = {};
  if (findLease(schema, key) !== undefined) {
    const rows = schema.tables.result.get(Number(key.jobId)) ?? [];
    for (const { phase, part, output } of rows.toSorted((one, other) => one.part - other.part)) {
      // What is stored was JSON.
      const json = output as never;
      if (part === 0) results[phase] = json;
      else (parts[phase] ??= []).push({ part, output: json });
    }
  }
  return { results, parts };
}

/** store_result.sql */
function storeResult(
  schema: Schema,
  lease: Lease,
  { part, output }: { readonly part: number; readonly output: unknown },
): void {
  const { tables } = schema;
  const { phase } = laneOf(schema, lease);
  const rows = tables.result.get(lease.jobId) ?? [];
  if (rows.some((row) => row.phase === phase && row.part === part)) return;
  const { attempt } = lease;
  // Nothing is stored as null, by the store.
  tables.result.set(lease.jobId, [...rows, { phase, part, attempt, output: output ?? null }]);
}

/** checkpoint_job.sql */
function checkpointJob(
  schema: Schema,
  key: LeaseKey,
  { step, result }: { readonly step: CheckpointStep; readonly result: PhaseOutput },
): CheckpointAnswer {
  const { functions } = schema;
  const lease = findLease(schema, key);
  if (lease === undefined) return { ...functions.answerStale(key), attempt: undefined };
  if (laneOf(schema, lease).phase !== step.phase) {
    return { outcome: "already", state: "leased", delayMs: 0, attempt: lease.attempt };
  }
  functions.storeResult(lease, 0, result.output);
  try {
    const passed = schema.block(() => functions.passPhase(lease, step, result.output));
    return { outcome: "ok", delayMs: 0, ...passed };
  } catch (error) {
    const charged = functions.chargeEffect(lease, sqlstateOf(error));
    return { outcome: "effect_failed", ...charged, attempt: undefined };
  }
}

/** pass_phase.sql */
function passPhase(
  schema: Schema,
  lease: Lease,
  { nextPhase, yields, output }: Omit<CheckpointStep, "phase"> & { readonly output: unknown },
): { readonly state: "leased" | "queued"; readonly attempt: number } {
  const { functions, server, tables } = schema;
  const { jobId, attempt, token, worker, priority, solo } = lease;
  const now = server.clock();
  const lane = laneOf(schema, lease);
  const ended = { phase: lane.phase, attempt, token, worker, finishedAt: now };
  // A lease that never began cannot come here: its column would refuse it.
  if (lease.startedAt === undefined) throw new SqlError("23502");
  const { startedAt } = lease;
  addAttempt(schema, jobId, { ...ended, startedAt, outcome: "completed", code: undefined });
  const starts = startsOf(schema, jobId, nextPhase);
  const laneId = functions.findLane({ ...lane, phase: nextPhase, solo });
  if (yields) {
    tables.lease.delete(jobId);
    tables.ready.set(jobId, { jobId, laneId, priority, dueAt: now, attempt: starts });
    server.hint();
  } else {
    const next = { laneId, attempt: starts + 1, startedAt: now, until: now + lease.leaseMs };
    tables.lease.set(jobId, { ...lease, ...next });
  }
  const state = yields ? "queued" : "leased";
  const call = { jobId, from: "leased", phase: lane.phase, code: undefined, result: output };
  functions.callHook({ ...call, to: state });
  return { state, attempt: yields ? starts : starts + 1 };
}

/** How often a phase was started, over the whole life of the job. */
export function startsOf({ tables }: Schema, jobId: number, phase: string): number {
  const attempts = tables.attempt.get(jobId) ?? [];
  return attempts.reduce(
    (most, row) => (row.phase === phase ? Math.max(most, row.attempt) : most),
    0,
  );
}
