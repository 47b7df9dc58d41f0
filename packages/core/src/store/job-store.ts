import type { Provenance, SavedPart } from "../adapter.ts";
import type { CancelCode } from "../errors.ts";
import type { JobState } from "../job-state.ts";
import type { Json } from "../json.ts";
import type { ChildRecord, FencedStatement, PhaseTransaction, Signal } from "../pipeline.ts";
import type { ToldProgress } from "../progress.ts";
import type { WorkerUpkeep } from "./upkeep.ts";

/** A job and the token that proves its lease: what every write after the claim must show. */
export interface LeaseKey {
  /** The internal number, as text: it may not fit a JavaScript number. */
  readonly jobId: string;
  readonly token: string;
}

export interface ClaimedJob extends LeaseKey {
  /** The uuid that everybody else knows the job by. */
  readonly publicId: string;
  readonly laneId: number;
  readonly attempt: number;
  /** Must run alone in this process, and is not started yet. */
  readonly solo: boolean;
  readonly payload: Json;
  /** The trace it was enqueued in, if any. */
  readonly trace?: string;
}

export interface LaneIds {
  readonly phase: string;
  readonly laneId: number;
  readonly soloLaneId: number;
}

/** What a settling call answers. `lost`: the lease is not ours, and nothing was written. */
export interface SettleAnswer {
  readonly outcome: "ok" | "already" | "lost" | "effect_failed";
  readonly state: JobState | undefined;
  readonly delayMs: number;
}

export interface CheckpointAnswer extends SettleAnswer {
  /** Number of the next phase's attempt, when the job goes on under the same lease. */
  readonly attempt: number | undefined;
}

/** A job that somebody other than its worker moved. */
export interface LapsedLease {
  readonly publicId: string;
  readonly type: string;
  readonly phase: string;
  readonly attempt: number;
  readonly state: "queued" | "dead";
  readonly code: string;
}

export interface StoredResults {
  readonly results: Readonly<Record<string, Json>>;
  /** Parts by phase. */
  readonly parts: Readonly<Record<string, readonly SavedPart[]>>;
}

export interface ClaimRequest {
  readonly worker: string;
  readonly token: string;
  readonly lanes: readonly number[];
  readonly soloLanes: readonly number[];
  readonly limit: number;
  readonly leaseMs: number;
}

/** A claim of jobs that need a resource, such as `host/model`. */
export interface ResourceClaimRequest extends ClaimRequest {
  readonly resource: string;
}

/** How a resource is, over all workers. */
export interface ResourceStanding {
  /** `open`: it is away. `half_open`: one job looks whether it is back. */
  readonly state: "closed" | "open" | "half_open";
  /** Why it is not closed. */
  readonly code: string | undefined;
  /** Until it is worth asking again. */
  readonly waitMs: number;
  /** How many more jobs it bears now; undefined: no bound. */
  readonly places: number | undefined;
}

export interface ResourceClaim extends ResourceStanding {
  readonly jobs: readonly ClaimedJob[];
}

/** A lane whose first job is due. */
export interface DueLane {
  readonly laneId: number;
  readonly waitedMs: number;
}

export interface PhaseOutput {
  /** Must have a JSON form; undefined is stored as null. */
  readonly output: unknown;
  readonly provenance: Provenance;
  /** Both as the JSON to be stored, where somebody has written it already. */
  readonly json?: StorableOutput;
}

export type StorableOutput = readonly [output: string, provenance: string];

/** A piece of a phase. */
export interface PartOutput extends PhaseOutput {
  /** The phase it is a piece of: a part that comes late, in a later phase, is refused. Default: the running one. */
  readonly phase?: string;
}

/** Why an attempt ended, in words that may be stored. */
export interface Reason {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** A phase that is done and has another after it. */
export interface CheckpointStep {
  readonly phase: string;
  readonly nextPhase: string;
  readonly yields: boolean;
}

/** What is written down together with a phase. */
export interface PhaseWrites {
  /** Jobs for `enqueue_jobs`, each as JSON. */
  readonly followUps: readonly string[];
  /** The host's own work. */
  readonly effect: ((transaction: PhaseTransaction) => Promise<void>) | undefined;
}

/** A phase that is done, and all that is written down with it or not at all. */
export interface PhaseSettlement extends PhaseWrites {
  /** Without `nextPhase` the job is done. */
  readonly step: CheckpointStep | Pick<CheckpointStep, "phase">;
  readonly result: PhaseOutput;
}

/** What a phase waits for. */
export type PhaseWait =
  | {
      readonly reason: "signal";
      readonly name: string;
      readonly timeoutMs: number | undefined;
    }
  | { readonly reason: "children"; readonly failsFast: boolean };

/** What ties a job to its host's own writes and to other jobs. A job that does without is none of its business. */
export interface StructureStore {
  /** Runs the host's work in one transaction that commits only while the lease is held. */
  commitWork(
    lease: LeaseKey,
    work: (transaction: PhaseTransaction) => Promise<void>,
  ): Promise<"ok" | "lost">;
  /** Completes or checkpoints a job together with its writes: all or nothing. */
  settlePhase(lease: LeaseKey, settlement: PhaseSettlement): Promise<CheckpointAnswer>;
  /** What the job was told under a name: `late` when it was waited for in vain, undefined when neither has happened. */
  findSignal(lease: LeaseKey, name: string): Promise<Signal | "late" | undefined>;
  listChildren(lease: LeaseKey): Promise<readonly ChildRecord[]>;
  /** Ends the attempt of a phase that cannot go on until something happens. */
  waitJob(lease: LeaseKey, phase: string, wait: PhaseWait): Promise<SettleAnswer>;
  /** Wakes jobs whose wait is over by time, at most so many. */
  wakeDue(limit: number): Promise<void>;
}

/** A lease to renew, and what is new of its job since the last renewal. */
export interface LeaseRenewal extends LeaseKey {
  readonly progress?: ToldProgress | undefined;
}

/**
 * What became of a lease that was to be renewed. `busy`: somebody is about to end it, and it was not renewed. `lost`: it
 * lapsed, and may have been taken.
 */
export type RenewalAnswer = "ok" | "busy" | "lost" | CancelCode;

/** Who listens. Hints carry nothing and may get lost. */
export interface HintListener {
  /** Jobs may be due. */
  readonly onDue: () => void;
  /** Leases may have been taken away on somebody's order. */
  readonly onOrder: () => void;
}

/** Every state change that a worker makes. The production store calls Postgres; a simulation has its own. */
export interface JobStore {
  declareLanes(request: {
    readonly queue: string;
    readonly type: string;
    readonly version: number;
    readonly phases: readonly string[];
  }): Promise<readonly LaneIds[]>;
  /** Says how many jobs a resource bears at once, unless an operator has said so. */
  declareResource(name: string, concurrency: number | undefined): Promise<void>;
  claimJobs(request: ClaimRequest): Promise<readonly ClaimedJob[]>;
  /** Claims no more than the resource bears, and nothing while it is away. */
  claimForResource(request: ResourceClaimRequest): Promise<ResourceClaim>;
  /** Which of these lanes have due jobs, the longest wait first. */
  peekLanes(lanes: readonly number[]): Promise<readonly DueLane[]>;
  /** Gives back what a claim took whose answer was lost. */
  abandonClaim(worker: string, token: string): Promise<void>;
  startJob(lease: LeaseKey): Promise<"ok" | "lost">;
  /** Answers by internal id; an id that is missing is lost. */
  renewLeases(leases: readonly LeaseRenewal[]): Promise<ReadonlyMap<string, RenewalAnswer>>;
  loadResults(lease: LeaseKey): Promise<StoredResults>;
  savePart(lease: LeaseKey, part: number, result: PartOutput): Promise<"ok" | "lost">;
  commit(lease: LeaseKey, statements: readonly FencedStatement[]): Promise<"ok" | "lost">;
  checkpointJob(
    lease: LeaseKey,
    step: CheckpointStep,
    result: PhaseOutput,
  ): Promise<CheckpointAnswer>;
  completeJob(lease: LeaseKey, result: PhaseOutput): Promise<SettleAnswer>;
  retryJob(lease: LeaseKey, reason: Reason): Promise<SettleAnswer>;
  releaseJob(lease: LeaseKey, kind: "shutdown" | "outage", reason: Reason): Promise<SettleAnswer>;
  failJob(lease: LeaseKey, reason: Reason): Promise<SettleAnswer>;
  lapseLeases(limit: number): Promise<readonly LapsedLease[]>;
  /** Ends jobs whose time is over. */
  expireJobs(limit: number): Promise<readonly LapsedLease[]>;
  readonly structure: StructureStore;
  /** Default: none, as in a simulation. */
  readonly upkeep?: WorkerUpkeep;
  schemaVersion(bundle: string): Promise<number | undefined>;
  listen(listener: HintListener): Promise<void>;
  /** Waits for answers that are on their way, but no longer than `waitMs`. Default: 1,000. */
  end(waitMs?: number): Promise<void>;
}
