import type { CancelCode } from "@leasehold/core";

import type {
  CheckpointAnswer,
  ClaimedJob,
  ClaimRequest,
  DueLane,
  LaneIds,
  LapsedLease,
  LeaseKey,
  PartOutput,
  PhaseOutput,
  Reason,
  RenewalAnswer,
  ResourceClaim,
  ResourceClaimRequest,
  ResourceStanding,
  SettleAnswer,
  StoredResults,
} from "../production.ts";
import type { HookCall, JobType, Lease, Resource } from "./rows.ts";
import type { Tables } from "./tables.ts";

/** What the functions of a schema ask of their server, and what a test decides for them. */
export interface Server {
  /** clock.sql */
  readonly clock: () => number;
  /** pg_postmaster_start_time() */
  readonly startedAt: () => number;
  /** From half of a delay to all of it. */
  readonly jitter: (delayMs: number, jobId: number) => number;
  /** The same, of a resource's pause. */
  readonly pause: (pauseMs: number, resource: string) => number;
  /** Whether somebody else holds the job's row, so that it is skipped. */
  readonly isLocked: (jobId: number) => boolean;
  /** The SQLSTATE that the host's hook raises, if it does. */
  readonly raises: (call: HookCall) => string | undefined;
  /** hint_workers.sql, when the transaction commits. */
  readonly hint: () => void;
  /** hint_keepers.sql, when the transaction commits. */
  readonly hintKeepers: () => void;
}

/** An error that a function raised. */
export class SqlError extends Error {
  readonly sqlstate: string;

  constructor(sqlstate: string) {
    super(`SQLSTATE ${sqlstate}`);
    this.name = "SqlError";
    this.sqlstate = sqlstate;
  }
}

/** How a lease ends; see move_lease.sql. */
export type Move =
  "complete" | "retry" | "outage" | "shutdown" | "fail" | "lapse" | "cancel" | "effect";

/** The arguments of move_lease and settle_lease, beside the lease. */
export interface MoveRequest {
  readonly move: Move;
  readonly code?: string;
  readonly delayMs?: number;
  readonly result?: PhaseOutput;
  /** Of move_lease only. Default: `true`. */
  readonly withHook?: boolean;
}

/** Where a job is after its lease ended, and until when it waits there. */
export interface MoveAnswer {
  readonly state: "queued" | "completed" | "failed" | "dead" | "cancelled";
  readonly delayMs: number;
}

/** What an attempt cost its job; see charge_lease.sql. */
export interface Charge {
  readonly state: "queued" | "dead";
  readonly delayMs: number;
  readonly solo: boolean;
}

/** A job for enqueue_jobs. */
export interface NewJob {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly version: number;
  readonly phase: string;
  readonly priority: number;
  readonly payload: unknown;
  readonly delayMs?: number;
  readonly uniqueKey?: string;
  readonly idempotencyKey?: string;
  readonly skipped?: Readonly<Record<string, PhaseOutput>>;
}

export interface CheckpointStep {
  readonly phase: string;
  readonly nextPhase: string;
  readonly yields: boolean;
}

/** The functions that a worker calls, each called as its .sql file. */
export interface LeasingFunctions {
  readonly declareLanes: (request: {
    readonly queue: string;
    readonly type: string;
    readonly version: number;
    readonly phases: readonly string[];
  }) => readonly LaneIds[];
  readonly claimJobs: (request: ClaimRequest) => readonly ClaimedJob[];
  readonly declareResource: (name: string, concurrency: number | undefined) => void;
  readonly claimForResource: (request: ResourceClaimRequest) => ResourceClaim;
  readonly peekLanes: (lanes: readonly number[]) => readonly DueLane[];
  readonly abandonClaim: (worker: string, token: string) => number;
  readonly startJob: (key: LeaseKey) => "ok" | "lost";
  readonly renewLeases: (keys: readonly LeaseKey[]) => ReadonlyMap<string, RenewalAnswer>;
  readonly holdLease: (key: LeaseKey) => "ok" | "lost";
  readonly loadResults: (key: LeaseKey) => StoredResults;
  readonly savePart: (key: LeaseKey, part: number, result: PartOutput) => "ok" | "lost";
  readonly checkpointJob: (
    key: LeaseKey,
    step: CheckpointStep,
    result: PhaseOutput,
  ) => CheckpointAnswer;
  readonly completeJob: (key: LeaseKey, result: PhaseOutput) => SettleAnswer;
  readonly retryJob: (key: LeaseKey, reason: Reason) => SettleAnswer;
  readonly releaseJob: (key: LeaseKey, kind: "shutdown" | "outage", reason: Reason) => SettleAnswer;
  readonly failJob: (key: LeaseKey, reason: Reason) => SettleAnswer;
  readonly lapseLeases: (limit: number) => readonly LapsedLease[];
}

/** The functions that a client calls. */
export interface JobFunctions {
  readonly registerType: (type: JobType) => void;
  readonly enqueueJobs: (jobs: readonly NewJob[]) => readonly ("created" | "existing")[];
  readonly cancelJob: (publicId: string) => "ok" | "not_found" | "settled";
  readonly requeueJob: (publicId: string) => "ok" | "not_found" | "not_settled" | "conflict";
  readonly setResource: (name: string, concurrency: number | undefined) => void;
  readonly openBreaker: (name: string, forMs: number | undefined) => "ok" | "not_found";
  readonly closeBreaker: (name: string) => "ok" | "not_found" | "closed";
}

/** See weigh_resource.sql. */
export type Weight = Omit<ResourceStanding, "code">;

/** The functions that only other functions call. */
export interface PrivateFunctions {
  readonly answerStale: (key: LeaseKey) => SettleAnswer;
  readonly backoffMs: (count: number, type: JobType, jobId: number) => number;
  readonly callHook: (call: HookCall) => void;
  readonly cancelCode: (key: LeaseKey) => CancelCode | undefined;
  readonly chargeEffect: (lease: Lease, sqlstate: string) => MoveAnswer;
  readonly chargeLease: (lease: Lease, move: Move, code: string | undefined) => Charge;
  readonly endByEffect: (lease: Lease) => MoveAnswer;
  readonly findExistingJob: (
    job: Pick<NewJob, "queue" | "uniqueKey" | "idempotencyKey"> & { readonly id?: string },
  ) => string | undefined;
  readonly findLane: (lane: {
    readonly queue: string;
    readonly type: string;
    readonly version: number;
    readonly phase: string;
    readonly solo: boolean;
  }) => number;
  readonly isServerTrouble: (sqlstate: string) => boolean;
  readonly moveLease: (lease: Lease, request: MoveRequest) => MoveAnswer;
  readonly passPhase: (
    lease: Lease,
    step: Omit<CheckpointStep, "phase">,
    output: unknown,
  ) => { readonly state: "leased" | "queued"; readonly attempt: number };
  readonly judgeProbe: (probe: NonNullable<Resource["probe"]>) => "answered" | "running" | "gone";
  readonly weighResource: (resource: Resource, now: number) => Weight;
  readonly reportOutage: (
    lease: Lease,
    reason: { readonly code: string | undefined; readonly retryAfterMs?: number },
  ) => void;
  readonly settleLease: (lease: Lease, request: MoveRequest) => SettleAnswer;
  readonly storeResult: (lease: Lease, part: number, output: unknown) => void;
}

export type SchemaFunctions = LeasingFunctions & JobFunctions & PrivateFunctions;

/** The model of one schema: its tables, and the functions that are all that changes them. */
export interface Schema {
  readonly tables: Tables;
  readonly server: Server;
  /** They call each other by name, as in Postgres: one that is replaced is replaced for all. */
  readonly functions: SchemaFunctions;
  /** A block with an exception clause: what it changed is undone when it raises. */
  block<Answer>(body: () => Answer): Answer;
}
