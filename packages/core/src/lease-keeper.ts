import { createAlarms } from "./alarms.ts";
import { abort, type Cancellation, createCancellation, throwIfOver } from "./cancellation.ts";
import { WorkerError } from "./errors.ts";
import type { EventHub } from "./events.ts";
import type { JobStore, LeaseKey } from "./job-store.ts";
import type { Runtime } from "./runtime.ts";

/** A lease this process believes it holds. */
export interface HeldLease extends LeaseKey {
  /**
   * Its work must end when the lease is lost or could not be renewed in time, and when the worker stops: then it is
   * still ours to give back.
   */
  readonly work: Cancellation;
  /** The database said that the lease is somebody else's. Whatever is written after is refused. */
  isLost: boolean;
  /** When its work ends, unless the lease is renewed before. */
  atMs: number;
}

export interface LeaseKeeper {
  /** Keeps a lease alive from now on. `claimedAt`: when its claim was sent, on the runtime's clock. */
  hold(key: LeaseKey, claimedAt: number): HeldLease;
  drop(lease: HeldLease): void;
  /** All that are held. */
  held(): Iterable<HeldLease>;
  start(): void;
  stop(): void;
}

export interface LeaseKeeperOptions {
  readonly store: Pick<JobStore, "renewLeases">;
  readonly runtime: Runtime;
  readonly events: EventHub;
  readonly leaseMs: number;
  readonly renewMs: number;
  /** Work stops this long before the lease can end, so that a slow clock cannot make two workers run one job. */
  readonly marginMs: number;
}

/** Renews all leases of a process in one statement, and aborts the work of those that are gone. */
export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { store, runtime, events, leaseMs, marginMs } = options;
  const leases = new Map<string, HeldLease>();
  const expiries = createAlarms<HeldLease>(runtime, ({ work }) => abort(work, unreachable));
  let cancelRenewal: (() => void) | undefined;
  let stopped = false;

  const endAt = (askedAt: number): number => askedAt + leaseMs - marginMs;

  const renew = async (): Promise<void> => {
    const held = [...leases.values()];
    if (held.length === 0) return;
    const sentAt = runtime.now();
    const answers = await store.renewLeases(held);
    if (stopped) return;
    let count = 0;
    for (const lease of held) {
      // A lease that was settled or dropped while the answer was on its way is nobody's loss.
      if (leases.get(lease.jobId) !== lease) continue;
      const answer = answers.get(lease.jobId);
      if (answer === undefined) loseLease(lease);
      if (answer !== "ok") continue;
      lease.atMs = endAt(sentAt);
      count += 1;
    }
    events.emit({ name: "lease.renewed", count });
  };

  const schedule = (ms: number): void => {
    // A renewal may be on its way when we stop: it must be the last.
    if (stopped) return;
    cancelRenewal = runtime.after(ms, () => {
      renew().then(
        () => schedule(options.renewMs),
        (error: unknown) => {
          const code = WorkerError.is(error) ? error.code : "statement_failed";
          events.emit({ name: "database.failed", operation: "renew_leases", code });
          // Sooner than usual: what is left of the lease may be short.
          schedule(Math.min(options.renewMs / 4, 1_000));
        },
      );
    });
  };

  return {
    hold(key, claimedAt) {
      const work = createCancellation();
      const lease: HeldLease = { ...key, work, isLost: false, atMs: endAt(claimedAt) };
      // Whoever is given a job anew has lost it before, and what still runs for the old lease must end.
      const old = leases.get(key.jobId);
      if (old !== undefined) {
        expiries.takeBack(old);
        loseLease(old);
      }
      leases.set(key.jobId, lease);
      expiries.set(lease);
      return lease;
    },
    drop(lease) {
      expiries.takeBack(lease);
      if (leases.get(lease.jobId) === lease) leases.delete(lease.jobId);
    },
    held: () => leases.values(),
    start: () => schedule(options.renewMs),
    stop() {
      stopped = true;
      cancelRenewal?.();
      expiries.stop();
    },
  };
}

/** Some call learned that the lease is gone. */
export function loseLease(lease: HeldLease): void {
  lease.isLost = true;
  abort(lease.work, lost);
}

/** A write under the lease of running work. Throws when the work is over, and when the answer is that the lease is. */
export async function fenced(
  lease: HeldLease,
  work: Cancellation,
  write: () => Promise<"ok" | "lost">,
): Promise<void> {
  throwIfOver(work);
  if ((await write()) === "ok") return;
  // What comes after the attempt is refused, also while the job goes on under the same lease.
  throwIfOver(work);
  loseLease(lease);
  throwIfOver(work);
}

function lost(): WorkerError {
  return new WorkerError("lease_lost", "The lease of this job is gone: somebody else has it.");
}

function unreachable(): WorkerError {
  return new WorkerError(
    "database_unavailable",
    "The lease could not be renewed in time: Postgres did not answer.",
    { scope: "backend", retryable: true },
  );
}
