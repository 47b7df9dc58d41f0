import { type CancelCode, WorkerError } from "../errors.ts";
import type { AttemptRef, EventHub } from "../events.ts";
import type { ToldProgress } from "../progress.ts";
import type { Runtime } from "../runtime.ts";
import type { JobStore, LeaseKey, LeaseRenewal, RenewalAnswer } from "../store/job-store.ts";
import { createAlarms } from "./alarms.ts";
import { abort, type Cancellation, createCancellation, throwIfOver } from "./cancellation.ts";
import { createRounds } from "./renewal-rounds.ts";

/** A lease this process believes it holds. */
export interface HeldLease extends LeaseRenewal {
  /**
   * Its work must end when the lease is lost or could not be renewed in time, and when the worker stops: then it is
   * still ours to give back.
   */
  readonly work: Cancellation;
  /** The database said that the lease is gone. Whatever is written after is refused. */
  isLost: boolean;
  /** On whose order it is gone, if on somebody's. */
  cancelCode: CancelCode | undefined;
  /** What was told since the last renewal: the next one stores it. */
  progress: ToldProgress | undefined;
  /** What it is held for now. */
  about: AttemptRef | undefined;
  isRenewed: boolean;
  /** Where to ask after it. */
  readonly store: Pick<JobStore, "renewLeases">;
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
  /** A lease may have been taken away: asks soon, and not only when it is time to renew. */
  hurry(): void;
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

  const endAt = (askedAt: number): number => askedAt + leaseMs - marginMs;

  const renew = async (isStopped: () => boolean): Promise<void> => {
    const held = [...leases.values()];
    if (held.length === 0) return;
    const sentAt = runtime.now();
    const told = held.map(({ progress }) => progress);
    const answers = await store.renewLeases(held);
    if (isStopped()) return;
    let count = 0;
    for (const [place, lease] of held.entries()) {
      // A lease that was settled or dropped while the answer was on its way is nobody's loss.
      if (leases.get(lease.jobId) !== lease) continue;
      const answer = answers.get(lease.jobId) ?? "lost";
      if (answer === "busy") continue;
      if (answer !== "ok") {
        loseLease(lease, toCancelCode(answer));
        continue;
      }
      lease.atMs = endAt(sentAt);
      // What was told meanwhile is for the next.
      if (lease.progress === told[place]) lease.progress = undefined;
      count += 1;
      tellFirst(events, lease);
    }
    events.emit({ name: "lease.renewed", count });
  };
  const rounds = createRounds(options, renew);

  return {
    hold(key, claimedAt) {
      const work = createCancellation();
      const lease: HeldLease = {
        ...key,
        work,
        store,
        isLost: false,
        cancelCode: undefined,
        progress: undefined,
        about: undefined,
        isRenewed: false,
        atMs: endAt(claimedAt),
      };
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
    start: () => rounds.start(),
    hurry() {
      if (leases.size > 0) rounds.hurry();
    },
    stop() {
      rounds.stop();
      expiries.stop();
    },
  };
}

function tellFirst(events: EventHub, lease: HeldLease): void {
  if (lease.isRenewed) return;
  lease.isRenewed = true;
  if (lease.about !== undefined) events.emit({ ...lease.about, name: "renewal.started" });
}

/** The lease is gone, and with it the work: on somebody's order, or without one. Only the first time counts. */
export function loseLease(lease: HeldLease, code?: CancelCode): void {
  if (lease.isLost) return;
  lease.isLost = true;
  lease.cancelCode = code;
  abort(lease.work, code === undefined ? lost : () => cancelled(code));
}

/** Some call was told that the lease is gone: asks why, and ends the work. Never rejects. */
export async function findOutLoss(lease: HeldLease): Promise<void> {
  if (lease.isLost) return;
  let answer: RenewalAnswer | undefined;
  try {
    answer = (await lease.store.renewLeases([lease])).get(lease.jobId);
  } catch {
    // Why it is gone is not worth waiting for.
  }
  loseLease(lease, toCancelCode(answer));
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
  await findOutLoss(lease);
  throwIfOver(work);
}

function toCancelCode(answer: RenewalAnswer | undefined): CancelCode | undefined {
  return answer === "cancelled" || answer === "superseded" || answer === "expired"
    ? answer
    : undefined;
}

function lost(): WorkerError {
  return new WorkerError("lease_lost", "The lease of this job is gone: somebody else has it.");
}

const orders: Readonly<Record<CancelCode, string>> = {
  cancelled: "The job was cancelled.",
  superseded: "A newer job with the same unique key took the place of this one.",
  expired: "The job's time to live is over.",
};

function cancelled(code: CancelCode): WorkerError {
  return new WorkerError(code, orders[code]);
}

function unreachable(): WorkerError {
  return new WorkerError(
    "database_unavailable",
    "The lease could not be renewed in time: Postgres did not answer.",
    { scope: "backend", retryable: true },
  );
}
