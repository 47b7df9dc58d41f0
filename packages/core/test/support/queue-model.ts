// What a caller of the SQL functions may rely on, said once more in the plainest words: a list of jobs and a list of
// leases. There is no lane, no index and no row here, and nothing is shared with the product.

export type Phase = "draft" | "grade";
export type State = "queued" | "leased" | "completed" | "failed" | "dead" | "cancelled";
/** How a lease ends. */
export type Move =
  "complete" | "retry" | "fail" | "outage" | "shutdown" | "lapse" | "cancel" | "expire";

/** What the type of these jobs is registered with: small, so that short stories reach every end. */
export const policy = { retriesMax: 1, lossesMax: 2, backoffBaseMs: 1_000, backoffCapMs: 3_000 };

export interface ModelJob {
  readonly id: string;
  priority: number;
  readonly uniqueKey: string | undefined;
  readonly idempotencyKey: string | undefined;
  phase: Phase;
  state: State;
  /** Of a queued job, in milliseconds on the model's clock. */
  dueAt: number;
  /** It lost a worker, and runs alone from then on. */
  isAlone: boolean;
  lease: ModelLease | undefined;
  readonly starts: Record<Phase, number>;
  failures: Record<Phase, number>;
  outages: Record<Phase, number>;
  losses: number;
  lossesAlone: number;
  /** The code of the last thing that went wrong. */
  trouble: string | undefined;
  /** The code that a job ended with. */
  endCode: string | undefined;
  endedAt: number | undefined;
  /** Ended attempts, as `phase number outcome code ms`. */
  readonly attempts: string[];
  /** By when it must start and end, and when somebody looks at that next. */
  bounds: ModelBounds | undefined;
  readonly results: Map<Phase, object>;
  /** By `phase part`. */
  readonly parts: Map<string, object>;
}

export interface ModelBounds {
  readonly startBy: number | undefined;
  readonly endBy: number | undefined;
  lookAt: number;
}

/** A lease as its holder knows it, also after he lost it. */
export interface ModelLease {
  readonly job: ModelJob;
  /** The internal number. */
  readonly jobId: string;
  readonly token: string;
  readonly worker: string;
  readonly leaseMs: number;
  readonly leasedAt: number;
  until: number;
  isStarted: boolean;
  /** When the running attempt began. */
  startedAt: number;
  isCheckpointed: boolean;
  /** `holder`: a late call of his is told that it was done already. */
  endedBy: "holder" | "others" | undefined;
}

export interface QueueModel {
  now: number;
  /** In the order they were enqueued. */
  readonly jobs: ModelJob[];
  /** In the order they were claimed. */
  readonly leases: ModelLease[];
}

export interface JobRequest {
  readonly id?: string | undefined;
  readonly priority?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly uniqueKey?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly onConflict?: "keep" | "replace" | "supersede" | undefined;
  readonly ttlMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  /** It starts at `grade`, with a stored result for `draft`. */
  readonly skipsDraft?: boolean | undefined;
}

export const skippedOutput = { value: "skipped" };

export function createQueueModel(): QueueModel {
  return { now: 0, jobs: [], leases: [] };
}

export function isLive(job: ModelJob): boolean {
  return job.state === "queued" || job.state === "leased";
}

/** The job that is the same request. */
export function findSame({ jobs }: QueueModel, request: JobRequest): ModelJob | undefined {
  const { id, idempotencyKey } = request;
  return (
    jobs.find((job) => job.id === id) ??
    jobs.find((job) => idempotencyKey !== undefined && job.idempotencyKey === idempotencyKey)
  );
}

/** The live job that holds a unique key. */
export function findHolder(
  jobs: readonly ModelJob[],
  uniqueKey: string | undefined,
): ModelJob | undefined {
  return jobs.find((job) => uniqueKey !== undefined && job.uniqueKey === uniqueKey && isLive(job));
}

export function addJob(model: QueueModel, id: string, request: JobRequest): ModelJob {
  const job: ModelJob = {
    id,
    priority: request.priority ?? 5,
    uniqueKey: request.uniqueKey,
    idempotencyKey: request.idempotencyKey,
    phase: request.skipsDraft === true ? "grade" : "draft",
    state: "queued",
    dueAt: model.now + (request.delayMs ?? 0),
    isAlone: false,
    lease: undefined,
    starts: { draft: 0, grade: 0 },
    failures: { draft: 0, grade: 0 },
    outages: { draft: 0, grade: 0 },
    losses: 0,
    lossesAlone: 0,
    trouble: undefined,
    endCode: undefined,
    endedAt: undefined,
    attempts: [],
    bounds: toBounds(model.now + (request.delayMs ?? 0), request),
    results: new Map(request.skipsDraft === true ? [["draft", skippedOutput]] : []),
    parts: new Map(),
  };
  model.jobs.push(job);
  return job;
}

export function toBounds(
  dueAt: number,
  { ttlMs, deadlineMs }: Pick<JobRequest, "ttlMs" | "deadlineMs">,
): ModelBounds | undefined {
  const startBy = ttlMs === undefined ? undefined : dueAt + ttlMs;
  const endBy = deadlineMs === undefined ? undefined : dueAt + deadlineMs;
  const lookAt = Math.min(startBy ?? Infinity, endBy ?? Infinity);
  return lookAt === Infinity ? undefined : { startBy, endBy, lookAt };
}

export interface ClaimRequest {
  readonly phases: readonly Phase[];
  readonly limit: number;
  /** Whether it takes a job that must run alone. */
  readonly takesAlone: boolean;
}

/**
 * The jobs that a claim may take: one answer, or two when the first jobs of both phases came due at the same moment.
 *
 * A job that must run alone comes first and as the only one. Otherwise jobs go by priority; within one, the phase whose
 * first job waited longest empties first; within a phase, the job that waited longest.
 */
export function findClaimable(
  model: QueueModel,
  request: ClaimRequest,
): readonly (readonly ModelJob[])[] {
  if (request.limit < 1) return [[]];
  const due = model.jobs.filter(
    (job) => job.state === "queued" && job.dueAt <= model.now && request.phases.includes(job.phase),
  );
  const alone = due.filter((job) => job.isAlone);
  const others = due.filter((job) => !job.isAlone);
  const isOne = request.takesAlone && alone.length > 0;
  return (["draft", "grade"] as const).map((tieGoesTo) =>
    inClaimOrder(isOne ? alone : others, tieGoesTo).slice(0, isOne ? 1 : request.limit),
  );
}

function inClaimOrder(jobs: readonly ModelJob[], tieGoesTo: Phase): readonly ModelJob[] {
  const firstDueAt = (one: ModelJob): number =>
    Math.min(
      ...jobs
        .filter((job) => job.phase === one.phase && job.priority === one.priority)
        .map(({ dueAt }) => dueAt),
    );
  // The sort is stable, and jobs stand in the order they were enqueued in.
  return jobs.toSorted(
    (one, other) =>
      one.priority - other.priority ||
      firstDueAt(one) - firstDueAt(other) ||
      Number(other.phase === tieGoesTo) - Number(one.phase === tieGoesTo) ||
      one.dueAt - other.dueAt,
  );
}

export function leaseJob(
  model: QueueModel,
  job: ModelJob,
  given: Pick<ModelLease, "jobId" | "token" | "worker" | "leaseMs">,
): ModelLease {
  const lease: ModelLease = {
    ...given,
    job,
    leasedAt: model.now,
    until: model.now + given.leaseMs,
    isStarted: false,
    startedAt: model.now,
    isCheckpointed: false,
    endedBy: undefined,
  };
  job.state = "leased";
  job.lease = lease;
  model.leases.push(lease);
  if (!job.isAlone) startLease(model, lease);
  return lease;
}

/** Counts a start, once. */
export function startLease(model: QueueModel, lease: ModelLease): void {
  if (!lease.isStarted) {
    lease.job.starts[lease.job.phase] += 1;
    lease.startedAt = model.now;
    lease.isStarted = true;
  }
  renewLease(model, lease);
}

export function renewLease(model: QueueModel, lease: ModelLease): void {
  lease.until = model.now + lease.leaseMs;
}

/** The draft is done: the job goes on to `grade` under its lease, or waits for it. */
export function checkpointLease(model: QueueModel, lease: ModelLease, yields: boolean): void {
  const { job } = lease;
  writeAttempt(model, lease, "completed null");
  job.phase = "grade";
  lease.isCheckpointed = true;
  if (yields) {
    backToQueue(model, lease, "holder");
  } else {
    job.starts.grade += 1;
    lease.startedAt = model.now;
    renewLease(model, lease);
  }
}

function writeAttempt(model: QueueModel, { job, startedAt }: ModelLease, words: string): void {
  const number = job.starts[job.phase];
  job.attempts.push(`${job.phase} ${number} ${words} ${model.now - startedAt}`);
}

/** Undoes a claim as if it had never been. */
export function abandonLease(model: QueueModel, lease: ModelLease): void {
  backToQueue(model, lease, "others");
  if (lease.isStarted) lease.job.starts[lease.job.phase] -= 1;
  lease.job.dueAt = lease.leasedAt;
}

function backToQueue(
  model: QueueModel,
  lease: ModelLease,
  endedBy: NonNullable<ModelLease["endedBy"]>,
): void {
  lease.endedBy = endedBy;
  lease.job.lease = undefined;
  lease.job.state = "queued";
  lease.job.dueAt = model.now;
}

const outcomes: Readonly<Record<Move, string>> = {
  complete: "completed",
  retry: "retried",
  fail: "failed",
  outage: "released",
  shutdown: "released",
  lapse: "lapsed",
  cancel: "cancelled",
  expire: "cancelled",
};

export type DelayBounds = readonly [min: number, max: number];

/** Ends a lease. Answers how long the job must wait, if it waits; the caller adds what the product chose. */
export function endLease(
  model: QueueModel,
  lease: ModelLease,
  { move, code }: { readonly move: Move; readonly code: string | undefined },
): DelayBounds {
  const { job } = lease;
  const isOthers = move === "lapse" || move === "cancel" || move === "expire";
  backToQueue(model, lease, isOthers || !lease.isStarted ? "others" : "holder");
  if (lease.isStarted) writeAttempt(model, lease, `${outcomes[move]} ${code ?? null}`);
  if (move === "complete") return settle(model, job, { state: "completed", code });
  if (move === "fail") return settle(model, job, { state: "failed", code });
  if (move === "cancel") return settle(model, job, { state: "cancelled", code });
  if (move === "expire") return settle(model, job, { state: "dead", code });
  // A lease that was held and never begun costs nothing, and a worker that stops costs nobody anything.
  if (move === "shutdown" || (move === "lapse" && !lease.isStarted)) return [0, 0];
  job.trouble = code;
  if (move === "outage") {
    job.outages[job.phase] += 1;
    return backoff(job.outages[job.phase], 10_000, 60_000);
  }
  if (move === "retry") {
    job.failures[job.phase] += 1;
    if (job.failures[job.phase] <= policy.retriesMax) {
      return backoff(job.failures[job.phase], policy.backoffBaseMs, policy.backoffCapMs);
    }
    return settle(model, job, { state: "dead", code });
  }
  job.losses += 1;
  job.lossesAlone += Number(job.isAlone);
  job.isAlone = true;
  if (job.losses < policy.lossesMax || job.lossesAlone === 0) return [0, 0];
  return settle(model, job, { state: "dead", code });
}

export function settle(
  model: QueueModel,
  job: ModelJob,
  end: { readonly state: State; readonly code: string | undefined },
): DelayBounds {
  job.state = end.state;
  job.endCode = end.code;
  job.endedAt = model.now;
  return [0, Infinity];
}

function backoff(count: number, baseMs: number, capMs: number): DelayBounds {
  const full = Math.min(baseMs * 2 ** (count - 1), capMs);
  return [full / 2, full];
}
