import type { JobType, Stopped } from "../model/rows.ts";
import type { ProcessState } from "../world/process-state.ts";
import type { JobPlan } from "../world/workload.ts";

/** What the checker knows of one claim of one job. */
export interface GrantRecord {
  readonly number: number;
  readonly job: JobRecord;
  readonly process: ProcessState;
  readonly token: string;
  readonly leaseMs: number;
  readonly isSolo: boolean;
  /** What it was claimed for, if it needs anything. */
  readonly resource: string | undefined;
  /** Given to a process that no longer waited for it, and does not know that it holds it. */
  readonly isLate: boolean;
  /** Counted as a start. */
  isStarted: boolean;
  /** When the lease runs out, by the server's clock. */
  until: number;
  /** Who or what ended it; `own` is its holder. */
  ended: "own" | "lapsed" | "cancelled" | "abandoned" | undefined;
  /** Phases that were checkpointed under it. */
  readonly passed: Set<string>;
  hasRun: boolean;
}

export interface CounterRecord {
  failures: number;
  losses: number;
  lossesAlone: number;
  outages: number;
}

/** What was stored first, and stays. */
export interface ResultRecord {
  readonly output: unknown;
  readonly attempt: number;
}

/** Where a job must be, by what was answered so far. */
export interface JobRecord {
  readonly id: number;
  readonly plan: JobPlan;
  readonly type: JobType;
  state: "queued" | "leased" | "completed" | Stopped["state"];
  phase: string;
  /** Waits or runs alone. */
  isSolo: boolean;
  /** The one claim whose writes may be accepted. */
  grant: GrantRecord | undefined;
  /** Not before then. */
  dueAt: number;
  /** Starts by phase, over the job's whole life. */
  readonly starts: Map<string, number>;
  /** By phase, since the job was enqueued or requeued. */
  readonly counters: Map<string, CounterRecord>;
  /** By phase and part; see {@link resultKey}. */
  readonly results: Map<string, ResultRecord>;
  hookCalls: number;
  effects: number;
}

/** A change of state that the hook must have been told of. */
export interface Moved {
  readonly job: JobRecord;
  readonly from: string;
  readonly to: string;
  readonly phase: string;
  readonly code: string | undefined;
  readonly result: unknown;
  /** The hook raised, and this is what the job was charged with. */
  readonly isEffect: boolean;
}

/** The checker's own books. The model and the worker never see them. */
export interface Ledger {
  readonly jobs: ReadonlyMap<string, JobRecord>;
  job(publicId: string): JobRecord;
  add(job: JobRecord): void;
  grant(number: number): GrantRecord | undefined;
  addGrant(grant: GrantRecord): void;
  /** Grants of a claim, by its token. */
  grantsOf(process: ProcessState | undefined, token: string): readonly GrantRecord[];
}

export function createLedger(): Ledger {
  const jobs = new Map<string, JobRecord>();
  const grants = new Map<number, GrantRecord>();
  return {
    jobs,
    job(publicId) {
      const job = jobs.get(publicId);
      if (job === undefined) throw new Error(`The checker knows no ${publicId}.`);
      return job;
    },
    add: (job) => void jobs.set(job.plan.newJob.id, job),
    grant: (number) => grants.get(number),
    addGrant: (grant) => void grants.set(grant.number, grant),
    grantsOf: (process, token) =>
      [...grants.values()].filter((grant) => grant.process === process && grant.token === token),
  };
}

export function resultKey(phase: string, part: number): string {
  return `${phase}/${part}`;
}

/** Books a result that was accepted, unless there is one. */
export function keepResult(job: JobRecord, part: number, output: unknown): void {
  const key = resultKey(job.phase, part);
  const attempt = startsOf(job, job.phase);
  if (!job.results.has(key)) job.results.set(key, { output, attempt });
}

export function startsOf(job: JobRecord, phase: string): number {
  return job.starts.get(phase) ?? 0;
}

export function addStarts(job: JobRecord, phase: string, count: number): void {
  job.starts.set(phase, startsOf(job, phase) + count);
}

export function counterOf(job: JobRecord, phase: string): CounterRecord {
  const known = job.counters.get(phase);
  if (known !== undefined) return known;
  const counter = { failures: 0, losses: 0, lossesAlone: 0, outages: 0 };
  job.counters.set(phase, counter);
  return counter;
}
