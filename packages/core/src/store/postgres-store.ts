import type { SavedPart } from "../adapter.ts";
import {
  arrayLiteral,
  type DatabaseConnection,
  openPool,
  type Pool,
  type Routine,
  type SqlValue,
} from "../database/database.ts";
import { type Json, toStorableText } from "../json.ts";
import { afterRoutines } from "./after-routines.ts";
import { createMarkedClaims } from "./claim-marks.ts";
import { type Completions, createCompletions } from "./completions.ts";
import type { JobStore, Reason, StoredResults } from "./job-store.ts";
import { leaseRoutines as routines, type StoredResultRow } from "./lease-routines.ts";
import { createUpkeep } from "./operating-store.ts";
import { createResourceCalls, type ResourceCalls } from "./resources-store.ts";
import { callForOne, keyOf, storable, whileHeld } from "./store-calls.ts";
import { createStructureStore } from "./structure-store.ts";

export interface PostgresStoreOptions {
  readonly connection: DatabaseConnection;
  readonly schema: string;
  readonly name: string;
  /** Connections for the work of jobs. Claims, renewals and hints have their own. */
  readonly connections: number;
}

const renewDeadlineMs = 5_000;
const workDeadlineMs = 10_000;

/**
 * The store of a real worker: small pools, so that a renewal never waits behind anything. Claims follow each other over
 * one connection: the driver goes round all that are free, and a session of Postgres that was just used is quicker by a
 * third than one that was not.
 */
export function createPostgresStore(options: PostgresStoreOptions): JobStore {
  const { connection, schema, name } = options;
  const open = (purpose: string, max: number, deadlineMs: number): Pool =>
    openPool({ connection, schema, name: `${name} ${purpose}`, max, deadlineMs });
  const control = open("control", 1, renewDeadlineMs);
  const claims = open("claims", 1, workDeadlineMs);
  const work = open("work", options.connections, workDeadlineMs);
  const hints = open("listen", 1, workDeadlineMs);
  const completions = createCompletions(work, claims);

  return {
    ...createClaims(work, claims, completions),
    ...createResourceCalls(claims),
    ...createSettlements(work, completions),
    structure: createStructureStore(work),
    upkeep: createUpkeep(work),
    async renewLeases(leases) {
      const ids = arrayLiteral(leases.map((lease) => lease.jobId));
      const tokens = arrayLiteral(leases.map((lease) => lease.token));
      const told = leases.flatMap(({ jobId, progress }) =>
        progress === undefined ? [] : [[jobId, progress] as const],
      );
      const progress = told.length === 0 ? null : JSON.stringify(Object.fromEntries(told));
      return new Map(await control.call(routines.renewLeases, [ids, tokens, progress]));
    },
    schemaVersion: async (bundle) =>
      (await control.call(routines.schemaVersion, [bundle]))[0] ?? undefined,
    async listen({ onDue, onOrder }) {
      const onHint = (word: string): void => (word === "order" ? onOrder() : onDue());
      const onReady = (): void => {
        onDue();
        onOrder();
      };
      await hints.listen("leasehold", onHint, onReady);
    },
    async end(waitMs) {
      await Promise.all([control, claims, work, hints].map((pool) => pool.end(waitMs)));
    },
  };
}

type Claims = Pick<
  JobStore,
  | "declareLanes"
  | "claimJobs"
  | "abandonClaim"
  | "startJob"
  | "loadResults"
  | "lapseLeases"
  | "expireJobs"
>;

function createClaims(pool: Pool, claims: Pool, completions: Completions): Claims {
  const claimJobs = createMarkedClaims(async (request, marks) => {
    const { worker, token, lanes, soloLanes, limit, leaseMs } = request;
    const places = [arrayLiteral(lanes), arrayLiteral(soloLanes)];
    const values = [worker, token, ...places, limit, leaseMs, JSON.stringify(marks)];
    const claimed = await completions.claimAlong(limit, values);
    return claimed ?? (await claims.call(routines.claimJobs, values));
  });
  return {
    declareLanes: ({ queue, type, version, phases }) =>
      pool.call(routines.declareLanes, [queue, type, version, arrayLiteral(phases)]),
    async claimJobs(request) {
      const jobs = await claimJobs(request);
      return jobs.map((job) => ({ ...job, token: request.token }));
    },
    async abandonClaim(worker, token) {
      await pool.call(routines.abandonClaim, [worker, token]);
    },
    startJob: (lease) => callForOne(pool, routines.startJob, keyOf(lease)),
    loadResults: async (lease) =>
      toStoredResults(await pool.call(routines.loadResults, keyOf(lease))),
    lapseLeases: (limit) => pool.call(routines.lapseLeases, [limit]),
    expireJobs: (limit) => pool.call(afterRoutines.expireJobs, [limit]),
  };
}

type Settlements = Omit<
  JobStore,
  | keyof Claims
  | keyof ResourceCalls
  | "renewLeases"
  | "schemaVersion"
  | "listen"
  | "structure"
  | "upkeep"
  | "end"
>;

function createSettlements(pool: Pool, completions: Completions): Settlements {
  const ask = <Answer>(routine: Routine<Answer>, values: readonly SqlValue[]): Promise<Answer> =>
    callForOne(pool, routine, values);
  return {
    savePart: (lease, part, result) =>
      ask(routines.savePart, [...keyOf(lease), part, ...storable(result), result.phase ?? null]),
    commit: (lease, statements) =>
      whileHeld(pool, lease, async (transaction) => {
        for (const { text, parameters } of statements) {
          await transaction.run(text, parameters ?? []);
        }
      }),
    checkpointJob: (lease, { phase, nextPhase, yields }, result) =>
      ask(routines.checkpointJob, [...keyOf(lease), phase, nextPhase, ...storable(result), yields]),
    completeJob: completions.completeJob,
    retryJob: (lease, reason) =>
      ask(routines.retryJob, [...keyOf(lease), ...wordsOf(reason), waitOf(reason)]),
    releaseJob: (lease, kind, reason) =>
      ask(routines.releaseJob, [...keyOf(lease), kind, ...wordsOf(reason), waitOf(reason)]),
    failJob: (lease, reason) => ask(routines.failJob, [...keyOf(lease), ...wordsOf(reason)]),
  };
}

const wordsOf = (reason: Reason): readonly string[] => [
  reason.code,
  toStorableText(reason.message),
];

/** More is not honoured. What a backend asks for may be any number at all, and an integer must hold it. */
const retryAfterMsMax = 86_400_000;

function waitOf({ retryAfterMs }: Reason): number | null {
  if (retryAfterMs === undefined || Number.isNaN(retryAfterMs)) return null;
  return Math.ceil(Math.min(Math.max(retryAfterMs, 0), retryAfterMsMax));
}

function toStoredResults(rows: readonly StoredResultRow[]): StoredResults {
  const results: Record<string, Json> = {};
  const parts: Record<string, SavedPart[]> = {};
  for (const { phase, part, output } of rows) {
    if (part === 0) results[phase] = output;
    else (parts[phase] ??= []).push({ part, output });
  }
  return { results, parts };
}
