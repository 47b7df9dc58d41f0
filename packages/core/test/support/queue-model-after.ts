import {
  endLease,
  findHolder,
  isLive,
  type JobRequest,
  type ModelJob,
  type Phase,
  type QueueModel,
  settle,
  skippedOutput,
  toBounds,
} from "./queue-model.ts";

// What a caller may rely on when a job gives way to another, is over its time, or starts anew.

/** Ends a live job on somebody's order, wherever it is. */
export function cancelJob(model: QueueModel, job: ModelJob, code: string): void {
  if (job.lease !== undefined) endLease(model, job.lease, { move: "cancel", code });
  settle(model, job, { state: "cancelled", code });
}

/** Makes a waiting job another one, which begins anew. */
export function replaceJob(model: QueueModel, job: ModelJob, request: JobRequest): void {
  job.priority = request.priority ?? 5;
  startAnew(
    job,
    model.now + (request.delayMs ?? 0),
    request.skipsDraft === true ? "grade" : "draft",
  );
  job.bounds = toBounds(job.dueAt, request);
  job.results.clear();
  job.parts.clear();
  if (request.skipsDraft === true) job.results.set("draft", skippedOutput);
}

/** A new start at the phase where it ended. Attempts, results and parts stay. */
export function requeueJob(model: QueueModel, job: ModelJob, delayMs: number): void {
  startAnew(job, model.now + delayMs, job.phase);
}

/** A new start from a phase. What it and those after it returned or saved is gone. */
export function replayJob(model: QueueModel, job: ModelJob, phase: Phase): void {
  startAnew(job, model.now, phase);
  const discarded: readonly Phase[] = phase === "draft" ? ["draft", "grade"] : ["grade"];
  for (const name of discarded) {
    job.results.delete(name);
    for (const part of job.parts.keys()) if (part.startsWith(name)) job.parts.delete(part);
  }
}

/** Whether a job came to a phase: it began it, ended in it, or has something of it. */
export function hasReached(job: ModelJob, phase: Phase): boolean {
  const isOfPhase = (words: string): boolean => words.startsWith(phase);
  return (
    job.attempts.some(isOfPhase) ||
    job.results.has(phase) ||
    [...job.parts.keys()].some(isOfPhase) ||
    (job.state !== "completed" && job.phase === phase)
  );
}

function startAnew(job: ModelJob, dueAt: number, phase: Phase): void {
  job.state = "queued";
  job.phase = phase;
  job.dueAt = dueAt;
  job.isAlone = false;
  job.failures = { draft: 0, grade: 0 };
  job.outages = { draft: 0, grade: 0 };
  job.losses = 0;
  job.lossesAlone = 0;
  job.trouble = undefined;
  job.endCode = undefined;
  job.endedAt = undefined;
  job.bounds = undefined;
}

/** What a new job with a unique key meets: the job that it means, or none when the key is its own. */
export function resolveConflict(model: QueueModel, request: JobRequest): ModelJob | undefined {
  const holder = findHolder(model.jobs, request.uniqueKey);
  if (holder === undefined) return undefined;
  if (request.onConflict === "supersede") {
    cancelJob(model, holder, "superseded");
    return undefined;
  }
  return holder;
}

/** Ends the jobs whose time is over, and answers them in order. */
export function expireJobs(model: QueueModel): readonly ModelJob[] {
  const due = model.jobs
    .filter(({ bounds }) => bounds !== undefined && bounds.lookAt <= model.now)
    .toSorted((one, other) => (one.bounds?.lookAt ?? 0) - (other.bounds?.lookAt ?? 0));
  return due.filter((job) => judgeBounds(model, job));
}

function judgeBounds(model: QueueModel, job: ModelJob): boolean {
  const { bounds, lease } = job;
  if (bounds === undefined) return false;
  const { startBy = Infinity, endBy } = bounds;
  const lookAgain = (at: number | undefined): false => {
    job.bounds = at === undefined ? undefined : { ...bounds, lookAt: at };
    return false;
  };
  if (!isLive(job)) return lookAgain(undefined);
  if ((endBy ?? Infinity) > model.now) {
    if (job.attempts.length > 0) return lookAgain(endBy);
    // Its first run has begun in time, or a little late.
    if (lease !== undefined && lease.leasedAt <= startBy + 60_000) {
      return lookAgain(Math.min(endBy ?? Infinity, model.now + 60_000));
    }
  }
  if (lease !== undefined) endLease(model, lease, { move: "expire", code: "expired" });
  settle(model, job, { state: "dead", code: "expired" });
  job.bounds = undefined;
  return true;
}
