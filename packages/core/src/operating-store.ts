import type { Pool, Routine, SqlValue } from "./database.ts";
import { WorkerError } from "./errors.ts";
import { toStorableText } from "./json.ts";
import {
  operatingRoutines as routines,
  type PauseRecord,
  type PauseScope,
  type WorkerRecord,
} from "./operating-routines.ts";
import type { WorkerUpkeep } from "./upkeep.ts";

export interface PauseOptions {
  /** The operator's own words, for the next one; 1,024 characters are kept. */
  readonly reason?: string;
}

/** What operators do, as part of a client. */
export interface Operating {
  /**
   * Stops claims of a queue or a type, by every worker. Jobs that run go on; what is enqueued waits. `already`: it was
   * paused, and now has the new reason.
   */
  pause(scope: PauseScope, options?: PauseOptions): Promise<"ok" | "already">;
  /** Takes a pause back, named as it was set. */
  resume(scope: PauseScope): Promise<"ok" | "not_paused">;
  /** What is paused, the oldest first. */
  getPauses(): Promise<readonly PauseRecord[]>;
  /** Who works, or did within the last month; the newest first, 1,000 at most. */
  getWorkers(): Promise<readonly WorkerRecord[]>;
}

export function createOperating(pool: Pick<Pool, "call">): Operating {
  const ask = async <Answer>(
    routine: Routine<Answer>,
    values: readonly SqlValue[],
  ): Promise<Answer> => {
    const [answer] = await pool.call(routine, values);
    if (answer === undefined) {
      throw new WorkerError("statement_failed", `Postgres gave no answer to ${routine.name}.`);
    }
    return answer;
  };
  return {
    async pause(scope, { reason } = {}) {
      const [kind, name, ...part] = placeOf(scope);
      const words = reason === undefined ? null : toStorableText(reason);
      return await ask(routines.pause, [kind, name, words, ...part]);
    },
    resume: async (scope) => await ask(routines.resume, placeOf(scope)),
    getPauses: () => pool.call(routines.getPauses, []),
    getWorkers: () => pool.call(routines.getWorkers, []),
  };
}

/** What a worker does for the schema beside its jobs. */
export function createUpkeep(pool: Pick<Pool, "call">): WorkerUpkeep {
  return {
    async noteWorker({ id, inFlight, abandoned, isStopped, ...about }) {
      const name = toStorableText(about.name);
      const values = [id, JSON.stringify({ ...about, name }), inFlight, abandoned, isStopped];
      await pool.call(routines.noteWorker, values);
    },
  };
}

type Place = readonly [
  kind: "queue" | "type",
  name: string,
  version: number | null,
  phase: string | null,
];

function placeOf(scope: PauseScope): Place {
  // A type cannot keep a caller from naming both, which would mean less than either.
  if ("queue" in scope === "type" in scope) {
    throw new WorkerError("input_invalid", "Name either a queue or a type to pause or resume.");
  }
  if ("queue" in scope) return ["queue", scope.queue, null, null];
  return ["type", scope.type, scope.version ?? null, scope.phase ?? null];
}
