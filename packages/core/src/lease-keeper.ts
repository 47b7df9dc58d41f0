import { createAlarms } from "./alarms.ts";
import { type Cancellation, createCancellation } from "./cancellation.ts";
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
  isLost(): boolean;
  /** Some call learned that the lease is gone. */
  lose(): void;
}

export interface LeaseKeeper {
  /** Keeps a lease alive from now on. `claimedAt`: when its claim was sent, on the runtime's clock. */
  hold(key: LeaseKey, claimedAt: number): HeldLease;
  drop(lease: HeldLease): void;
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

interface Entry {
  readonly lease: HeldLease;
  cancelExpiry: () => void;
}

/** Renews all leases of a process in one statement, and aborts the work of those that are gone. */
export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { store, runtime, events, leaseMs, marginMs } = options;
  const entries = new Map<string, Entry>();
  const alarms = createAlarms(runtime);
  let cancelRenewal: (() => void) | undefined;
  let stopped = false;

  const armExpiry = (entry: Entry, renewedAt: number): void => {
    entry.cancelExpiry();
    const { lease } = entry;
    entry.cancelExpiry = alarms.set(renewedAt + leaseMs - marginMs, () =>
      lease.work.abort(unreachable),
    );
  };

  const renew = async (): Promise<void> => {
    const held = [...entries.values()];
    if (held.length === 0) return;
    const sentAt = runtime.now();
    const answers = await store.renewLeases(held.map(({ lease }) => lease));
    if (stopped) return;
    let count = 0;
    for (const entry of held) {
      // A lease that was settled or dropped while the answer was on its way is nobody's loss.
      if (entries.get(entry.lease.jobId) !== entry) continue;
      const answer = answers.get(entry.lease.jobId);
      if (answer === undefined) entry.lease.lose();
      if (answer !== "ok") continue;
      armExpiry(entry, sentAt);
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
      const lease = createHeldLease(key);
      // Whoever is given a job anew has lost it before, and what still runs for the old lease must end.
      const old = entries.get(key.jobId);
      old?.cancelExpiry();
      old?.lease.lose();
      const entry: Entry = { lease, cancelExpiry: () => undefined };
      entries.set(key.jobId, entry);
      armExpiry(entry, claimedAt);
      return lease;
    },
    drop(lease) {
      const entry = entries.get(lease.jobId);
      if (entry?.lease !== lease) return;
      entry.cancelExpiry();
      entries.delete(lease.jobId);
    },
    start: () => schedule(options.renewMs),
    stop() {
      stopped = true;
      cancelRenewal?.();
      alarms.stop();
    },
  };
}

function createHeldLease(key: LeaseKey): HeldLease {
  const work = createCancellation();
  let isLost = false;
  return {
    ...key,
    work,
    isLost: () => isLost,
    lose() {
      isLost = true;
      work.abort(lost);
    },
  };
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
