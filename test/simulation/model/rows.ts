/** A row of `job_type`. */
export interface JobType {
  readonly name: string;
  readonly hasHook: boolean;
  readonly retriesMax: number;
  readonly lossesMax: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

/** A row of `lane`. */
export interface Lane {
  readonly id: number;
  readonly queue: string;
  readonly type: string;
  readonly version: number;
  readonly phase: string;
  readonly solo: boolean;
}

/** A row of `job`. */
export interface Job {
  readonly id: number;
  readonly publicId: string;
  readonly queue: string;
  readonly type: string;
  readonly version: number;
  readonly priority: number;
  readonly uniqueKey: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly payload: unknown;
}

/** A row of `ready`. */
export interface Ready {
  readonly jobId: number;
  readonly laneId: number;
  readonly priority: number;
  readonly dueAt: number;
  /** Starts of this phase so far. */
  readonly attempt: number;
}

/** A row of `lease`. */
export interface Lease {
  readonly jobId: number;
  readonly token: string;
  readonly worker: string;
  readonly laneId: number;
  readonly priority: number;
  readonly attempt: number;
  readonly solo: boolean;
  readonly leaseMs: number;
  readonly leasedAt: number;
  /** Undefined: held for a run alone that has not begun. */
  readonly startedAt: number | undefined;
  readonly until: number;
  /** What the job was claimed for, if it needs anything. */
  readonly resource: string | undefined;
}

/** A row of `resource`. */
export interface Resource {
  readonly name: string;
  readonly concurrency: number | undefined;
  readonly isSet: boolean;
  readonly state: "closed" | "open" | "half_open";
  readonly openUntil: number | undefined;
  readonly outages: number;
  readonly code: string | undefined;
  readonly probe: { readonly jobId: number; readonly token: string } | undefined;
  readonly probedAt: number | undefined;
  readonly slowSince: number | undefined;
  readonly changedAt: number | undefined;
}

export type AttemptOutcome =
  "completed" | "retried" | "released" | "failed" | "lapsed" | "cancelled" | "effect_failed";

/** A row of `attempt`. */
export interface Attempt {
  readonly phase: string;
  readonly attempt: number;
  readonly token: string;
  readonly worker: string;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly outcome: AttemptOutcome;
  readonly code: string | undefined;
}

/** A row of `job_counter`. */
export interface Counter {
  readonly phase: string;
  readonly failures: number;
  readonly losses: number;
  readonly lossesAlone: number;
  readonly outages: number;
  readonly lastCode: string | undefined;
}

/** A row of `result`: of a phase (part 0) or of a part within it (from 1). */
export interface Result {
  readonly phase: string;
  readonly part: number;
  readonly attempt: number;
  readonly output: unknown;
}

/** A row of `stopped`; a job that completed has none. */
export interface Stopped {
  readonly state: "failed" | "dead" | "cancelled";
  readonly phase: string;
  readonly code: string | undefined;
  readonly worker: string | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number;
}

/** What a host's hook wrote down when it was called. */
export interface HookCall {
  readonly jobId: number;
  readonly from: string;
  readonly to: string;
  readonly phase: string;
  readonly code: string | undefined;
  readonly result: unknown;
}
