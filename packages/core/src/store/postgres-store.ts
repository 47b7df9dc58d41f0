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
import { createCallGroups } from "./call-groups.ts";
import { createMarkedClaims } from "./claim-marks.ts";
import type {
  JobStore,
  LeaseKey,
  PhaseOutput,
  Reason,
  SettleAnswer,
  StoredResults,
} from "./job-store.ts";
import { leaseRoutines as routines, type StoredResultRow } from "./lease-routines.ts";
import { createUpkeep } from "./operating-store.ts";
import { createResourceCalls, type ResourceCalls } from "./resources-store.ts";
import { callForOne, keyOf, storable, whileHeld } from "./store-calls.ts";
import { createStructureStore } from "./structure-store.ts";

export interface PostgresStoreOptions {
  readonly connection: DatabaseConnection;
  readonly schema: string;
  readonly name: string;
  /** Connections for the work of jobs. Renewals and hints have their own. */
  readonly connections: number;
}

const renewDeadlineMs = 5_000;
const workDeadlineMs = 10_000;

/** The store of a real worker: three small pools, so that a renewal never waits behind anything. */
export function createPostgresStore(options: PostgresStoreOptions): JobStore {
  const { connection, schema, name } = options;
  const open = (purpose: string, max: number, deadlineMs: number): Pool =>
    openPool({ connection, schema, name: `${name} ${purpose}`, max, deadlineMs });
  const control = open("control", 1, renewDeadlineMs);
  const work = open("work", options.connections, workDeadlineMs);
  const hints = open("listen", 1, workDeadlineMs);

  return {
    ...createClaims(work),
    ...createResourceCalls(work),
    ...createSettlements(work),
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
      await Promise.all([control, work, hints].map((pool) => pool.end(waitMs)));
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

function createClaims(pool: Pool): Claims {
  const claimJobs = createMarkedClaims(
    ({ worker, token, lanes, soloLanes, limit, leaseMs }, marks) => {
      const places = [arrayLiteral(lanes), arrayLiteral(soloLanes)];
      const values = [worker, token, ...places, limit, leaseMs, JSON.stringify(marks)];
      return pool.call(routines.claimJobs, values);
    },
  );
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

function createSettlements(pool: Pool): Settlements {
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
    completeJob: createCompletions(pool),
    retryJob: (lease, reason) =>
      ask(routines.retryJob, [...keyOf(lease), ...wordsOf(reason), waitOf(reason)]),
    releaseJob: (lease, kind, reason) =>
      ask(routines.releaseJob, [...keyOf(lease), kind, ...wordsOf(reason), waitOf(reason)]),
    failJob: (lease, reason) => ask(routines.failJob, [...keyOf(lease), ...wordsOf(reason)]),
  };
}

/** Completions of jobs that end together cost one transaction. */
function createCompletions(pool: Pool): JobStore["completeJob"] {
  const complete = createCallGroups<Completion, SettleAnswer>({
    sizeMax: 500,
    waitMsMax: 5,
    async send(completions) {
      // In one order, so that two groups never wait for each other.
      const ordered = [...completions].toSorted((one, other) => compareIds(one.jobId, other.jobId));
      const rows = await pool.call(routines.completeJobs, [
        arrayLiteral(ordered.map(({ jobId }) => jobId)),
        arrayLiteral(ordered.map(({ token }) => token)),
        `[${ordered.map(({ result }) => result).join(",")}]`,
      ]);
      const answers = new Map<Completion, SettleAnswer>();
      for (const { places, answer } of rows) {
        for (const place of places) {
          const completion = ordered[place - 1];
          if (completion !== undefined) answers.set(completion, answer);
        }
      }
      return answers;
    },
  });
  return ({ jobId, token }, result) => complete({ jobId, token, result: toGroupedResult(result) });
}

interface Completion extends LeaseKey {
  /** As JSON. */
  readonly result: string;
}

function compareIds(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : 1);
}

/** A last phase that returned nothing, and says nothing of where that comes from, leaves nothing to keep. */
function toGroupedResult(result: PhaseOutput): string {
  const [output, provenance] = storable(result);
  const isNothing = output === "null" && (provenance === "{}" || provenance === "null");
  return isNothing ? "null" : `{"output":${output},"provenance":${provenance}}`;
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
