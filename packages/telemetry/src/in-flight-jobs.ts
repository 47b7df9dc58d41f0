import type { AttemptRef, WorkerEvent, WorkerEventName } from "@leasehold/core";

/** The jobs that one worker runs now, told from its events. */
export interface InFlightJobs {
  readonly size: number;
  note(event: WorkerEvent): void;
}

/** What is known of a job between its claim and its end. */
interface Claim {
  /** The attempts made under this claim: the one it began with and one per further phase. */
  readonly attempts: Set<string>;
  /** Attempts of earlier claims of the same job. Their end, when it is told late, is not this claim's. */
  readonly superseded: ReadonlySet<string>;
}

const endings: ReadonlySet<WorkerEventName> = new Set([
  "job.completed",
  "job.yielded",
  "job.retried",
  "job.released",
  "job.failed",
  "job.dead",
  "job.cancelled",
  "lease.lost",
]);

/**
 * Follows the jobs of one worker by their ids.
 *
 * A counter of ups and downs would keep an error for ever; a set forgets a job however often its end is told.
 */
export function createInFlightJobs(): InFlightJobs {
  const claims = new Map<string, Claim>();

  return {
    get size() {
      return claims.size;
    },
    note(event) {
      // A worker that could not say goodbye to every job, because the database was gone, runs none of them now.
      if (event.name === "worker.stopped") claims.clear();
      if (!("jobId" in event)) return;
      const attempt = toAttemptKey(event);
      const claim = claims.get(event.jobId);
      if (event.name === "job.claimed") {
        claims.set(event.jobId, supersede(claim, attempt));
      } else if (claim === undefined || claim.superseded.has(attempt)) {
        return;
      } else if (event.name === "phase.started") {
        claim.attempts.add(attempt);
      } else if (endings.has(event.name)) {
        claims.delete(event.jobId);
      }
    },
  };
}

/**
 * Begins a claim, also of a job that still seems to run here.
 *
 * That happens when a worker was cut off until its lease lapsed and then claims the same job again: the first run
 * tells `lease.lost` only after the second has begun.
 */
function supersede(earlier: Claim | undefined, attempt: string): Claim {
  const superseded = new Set(earlier?.superseded);
  for (const old of earlier?.attempts ?? []) superseded.add(old);
  superseded.delete(attempt);
  return { attempts: new Set([attempt]), superseded };
}

function toAttemptKey(attempt: AttemptRef): string {
  return `${attempt.phase} ${attempt.attempt}`;
}
