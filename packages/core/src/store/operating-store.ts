import type { Pool } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { toStorableText } from "../json.ts";
import {
  operatingRoutines as routines,
  type PauseRecord,
  type PauseScope,
  type RedactAnswer,
  type WorkerRecord,
} from "./operating-routines.ts";
import { callForOne } from "./store-calls.ts";
import type { PruneAnswer, Retention, WorkerUpkeep } from "./upkeep.ts";

export interface PauseOptions {
  /** The operator's own words, for the next one; 1,024 characters are kept. */
  readonly reason?: string;
}

/** What operators do, as part of a client. */
export interface Operating {
  /**
   * Stops claims of a queue or a type, for a tenant or for a resource, by every worker. Jobs that run go on; what is
   * enqueued waits. `already`: it was paused, and now has the new reason. That of a tenant moves what waits for him to a
   * gate, in some 5 s per 100,000; where somebody is writing to the queue for longer than 2 s, it is refused: ask again.
   */
  pause(scope: PauseScope, options?: PauseOptions): Promise<"ok" | "already">;
  /** Takes a pause back, named as it was set. */
  resume(scope: PauseScope): Promise<"ok" | "not_paused">;
  /** What is paused, the oldest first. */
  getPauses(): Promise<readonly PauseRecord[]>;
  /** Who works, or did within the last month; the newest first, 1,000 at most. */
  getWorkers(): Promise<readonly WorkerRecord[]>;
  /**
   * Deletes some of the jobs that ended so long ago, with everything that hangs on them; ask again while there is `more`.
   * Workers do it by themselves, see `keepCompletedDays`. Never one that waits or runs.
   */
  pruneJobs(retention: Retention): Promise<PruneAnswer>;
  /**
   * Erases a subject: what the jobs that were enqueued for it hold, returned and said, and who it was. Live ones are
   * cancelled first, with the code `redacted`. What is being enqueued at this moment is not seen.
   */
  redactSubject(subject: string): Promise<RedactAnswer>;
}

export function createOperating(pool: Pick<Pool, "call">): Operating {
  return {
    async pause(scope, { reason } = {}) {
      const [kind, name, ...part] = placeOf(scope);
      const words = reason === undefined ? null : toStorableText(reason);
      return await callForOne(pool, routines.pause, [kind, name, words, ...part]);
    },
    resume: async (scope) => await callForOne(pool, routines.resume, placeOf(scope)),
    getPauses: () => pool.call(routines.getPauses, []),
    getWorkers: () => pool.call(routines.getWorkers, []),
    pruneJobs: (retention) => callForOne(pool, routines.pruneJobs, keepOf(retention)),
    redactSubject: (subject) => callForOne(pool, routines.redactSubject, [toStorableText(subject)]),
  };
}

/** What a worker does for the schema beside its jobs. */
export function createUpkeep(pool: Pool): WorkerUpkeep {
  return {
    async noteWorker({ id, inFlight, abandoned, isStopped, ...about }) {
      const name = toStorableText(about.name);
      const values = [id, JSON.stringify({ ...about, name }), inFlight, abandoned, isStopped];
      await pool.call(routines.noteWorker, values);
    },
    pruneJobs: (retention) => callForOne(pool, routines.pruneJobs, keepOf(retention)),
  };
}

function keepOf(retention: Retention): readonly (number | null)[] {
  const { completedMs, failedMs, deadMs, cancelledMs } = retention;
  return [completedMs, failedMs, deadMs, cancelledMs].map((ms) => ms ?? null);
}

type Place = readonly [kind: ScopeKind, name: string, version: number | null, phase: string | null];

const scopeKinds = ["queue", "type", "tenant", "resource"] as const;
type ScopeKind = (typeof scopeKinds)[number];

function placeOf(scope: PauseScope): Place {
  // A type cannot keep a caller from naming two, which would mean less than either.
  const named: Partial<Record<ScopeKind | "phase", string>> & { readonly version?: number } = scope;
  const [kind, ...others] = scopeKinds.filter((each) => named[each] !== undefined);
  const name = kind === undefined ? undefined : named[kind];
  if (kind === undefined || name === undefined || others.length > 0) {
    const message = "Name either a queue, a type, a tenant or a resource to pause or resume.";
    throw new WorkerError("input_invalid", message);
  }
  if (kind !== "type") return [kind, name, null, null];
  return [kind, name, named.version ?? null, named.phase ?? null];
}
