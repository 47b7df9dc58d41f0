import type { ClaimedJob, ClaimRequest, LapsedLease, RenewalAnswer } from "../production.ts";
import type { Lease, Ready } from "./rows.ts";
import type { Schema, SchemaFunctions } from "./schema.ts";
import { findLease, laneOf, sqlstateOf } from "./settling.ts";

/** The functions that give leases, lengthen them and take them back. */
export function createLeasing(
  schema: Schema,
): Pick<
  SchemaFunctions,
  | "abandonClaim"
  | "cancelCode"
  | "claimJobs"
  | "declareLanes"
  | "findLane"
  | "lapseLeases"
  | "renewLeases"
  | "startJob"
> {
  const { functions, server, tables } = schema;
  return {
    // declare_lanes.sql
    declareLanes: ({ phases, ...lane }) =>
      phases.map((phase) => ({
        phase,
        laneId: functions.findLane({ ...lane, phase, solo: false }),
        soloLaneId: functions.findLane({ ...lane, phase, solo: true }),
      })),
    // find_lane.sql
    findLane({ queue, type, version, phase, solo }) {
      const known = tables.lanes.find(
        (lane) =>
          lane.type === type &&
          lane.version === version &&
          lane.phase === phase &&
          lane.queue === queue &&
          lane.solo === solo,
      );
      if (known !== undefined) return known.id;
      const id = tables.lanes.length + 1;
      tables.lanes.push({ id, queue, type, version, phase, solo });
      return id;
    },
    claimJobs: (request) => claimJobs(schema, request),
    // abandon_claim.sql
    abandonClaim(worker, token) {
      const gone = [...tables.lease.rows()].filter(
        (lease) => lease.token === token && lease.worker === worker,
      );
      for (const { jobId, laneId, priority, attempt, leasedAt } of gone) {
        tables.lease.delete(jobId);
        const ready = { jobId, laneId, priority, dueAt: leasedAt, attempt: attempt - 1 };
        tables.ready.set(jobId, ready);
      }
      return gone.length;
    },
    // start_job.sql
    startJob(key) {
      const lease = findLease(schema, key);
      if (lease === undefined) return "lost";
      const now = server.clock();
      const startedAt = lease.startedAt ?? now;
      tables.lease.set(lease.jobId, { ...lease, startedAt, until: now + lease.leaseMs });
      return "ok";
    },
    // cancel_code.sql
    cancelCode({ jobId, token }) {
      const id = Number(jobId);
      const own = (tables.attempt.get(id) ?? []).filter((attempt) => attempt.token === token);
      if (own.some(({ outcome }) => outcome === "cancelled")) return "cancelled";
      const stopped = tables.stopped.get(id);
      // A lease that was held for a run alone, and never began, left no attempt.
      const isHeldOnly = stopped?.worker !== undefined && stopped.startedAt === undefined;
      return own.length === 0 && isHeldOnly && stopped?.state === "cancelled"
        ? "cancelled"
        : undefined;
    },
    // renew_leases_v2.sql, without progress: nothing that happens to a job depends on it.
    renewLeases(keys) {
      const now = server.clock();
      const answers = new Map<string, RenewalAnswer>();
      for (const key of keys) {
        const lease = findLease(schema, key);
        if (lease === undefined) {
          answers.set(key.jobId, functions.cancelCode(key) ?? "lost");
          continue;
        }
        const isBusy = server.isLocked(lease.jobId);
        if (!isBusy) tables.lease.set(lease.jobId, { ...lease, until: now + lease.leaseMs });
        answers.set(key.jobId, isBusy ? "busy" : "ok");
      }
      return answers;
    },
    lapseLeases: (limit) => lapseLeases(schema, limit),
  };
}

/** claim_jobs_v2.sql */
function claimJobs(schema: Schema, request: ClaimRequest): readonly ClaimedJob[] {
  const { server } = schema;
  if (request.limit < 1) return [];
  const now = server.clock();
  const claimed: ClaimedJob[] = [];
  for (const { isSolo, rows } of listHeads(schema, request, now)) {
    const left = request.limit - claimed.length;
    const free = rows.filter(({ jobId }) => !server.isLocked(jobId));
    const taken = free.slice(0, isSolo ? 1 : left);
    for (const ready of taken) claimed.push(leaseJob(schema, request, { ready, isSolo, now }));
    if (claimed.length === request.limit || (isSolo && taken.length > 0)) break;
  }
  return claimed;
}

/** The due jobs of one lane and priority, in their order. */
interface Head {
  readonly isSolo: boolean;
  readonly priority: number;
  /** Where its lane stands in the request. */
  readonly place: number;
  readonly rows: Ready[];
}

function listHeads(
  { tables }: Schema,
  { lanes, soloLanes }: ClaimRequest,
  now: number,
): readonly Head[] {
  const heads = new Map<number, Head>();
  for (const ready of tables.ready.rows()) {
    if (ready.dueAt > now) continue;
    const isSolo = soloLanes.includes(ready.laneId);
    if (!isSolo && !lanes.includes(ready.laneId)) continue;
    const { laneId, priority } = ready;
    const key = laneId * 10 + priority;
    const place = (isSolo ? soloLanes : lanes).indexOf(laneId);
    const head = heads.get(key);
    if (head === undefined) heads.set(key, { isSolo, priority, place, rows: [ready] });
    else head.rows.push(ready);
  }
  return [...heads.values()]
    .map((head) => ({ ...head, rows: head.rows.toSorted(byDueTime) }))
    .toSorted(
      (one, other) =>
        Number(other.isSolo) - Number(one.isSolo) ||
        one.priority - other.priority ||
        (one.rows[0]?.dueAt ?? 0) - (other.rows[0]?.dueAt ?? 0) ||
        // Postgres promises no order here, and has this one.
        one.place - other.place,
    );
}

function byDueTime(one: Ready, other: Ready): number {
  return one.dueAt - other.dueAt || one.jobId - other.jobId;
}

function leaseJob(
  { tables }: Schema,
  { token, worker, leaseMs }: ClaimRequest,
  { ready, isSolo, now }: { readonly ready: Ready; readonly isSolo: boolean; readonly now: number },
): ClaimedJob {
  const { jobId, laneId, priority } = ready;
  const job = tables.job.get(jobId);
  if (job === undefined) throw new Error(`There is no job ${jobId}.`);
  const attempt = ready.attempt + 1;
  const lease: Lease = {
    jobId,
    token,
    worker,
    laneId,
    priority,
    attempt,
    solo: isSolo,
    leaseMs,
    leasedAt: now,
    startedAt: isSolo ? undefined : now,
    until: now + leaseMs,
    resource: undefined,
  };
  tables.ready.delete(jobId);
  tables.lease.set(jobId, lease);
  const { publicId, payload } = job;
  return {
    jobId: String(jobId),
    token,
    publicId,
    laneId,
    attempt,
    solo: isSolo,
    // What is stored was JSON.
    payload: payload as ClaimedJob["payload"],
  };
}

/** lapse_leases.sql */
function lapseLeases(schema: Schema, limit: number): readonly LapsedLease[] {
  const { functions, server, tables } = schema;
  if (tables.lease.count() === 0) return [];
  const now = server.clock();
  const upMs = now - server.startedAt();
  const lapsing = [...tables.lease.rows()]
    .filter(({ until, leaseMs, jobId }) => {
      // Who started in the future has a clock that went back since.
      const isUp = upMs >= leaseMs || upMs < 0;
      return until < now && isUp && !server.isLocked(jobId);
    })
    .toSorted((one, other) => one.jobId - other.jobId)
    .slice(0, limit);
  return lapsing.flatMap((lease) => {
    const { type, phase } = laneOf(schema, lease);
    try {
      const { outcome, state } = schema.block(() =>
        functions.settleLease(lease, { move: "lapse", code: "worker_lost" }),
      );
      return {
        publicId: tables.job.get(lease.jobId)?.publicId ?? "",
        type,
        phase,
        attempt: lease.attempt,
        state: state === "dead" ? "dead" : "queued",
        code: outcome === "ok" ? "worker_lost" : outcome,
      };
    } catch (error) {
      // A cancelled statement ends altogether. After other trouble the next call looks again.
      if (sqlstateOf(error) === "57014") throw error;
      return [];
    }
  });
}
