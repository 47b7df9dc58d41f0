import type { Pool, Routine, SqlValue, Transaction } from "./database.ts";
import { WorkerError } from "./errors.ts";
import type { LeaseKey, PhaseOutput } from "./job-store.ts";
import { toStorableJson } from "./json.ts";

/** Calls a function that answers one row. */
export async function callForOne<Answer>(
  pool: Pick<Pool | Transaction, "call">,
  routine: Routine<Answer>,
  values: readonly SqlValue[],
): Promise<Answer> {
  const [answer] = await pool.call(routine, values);
  if (answer === undefined) {
    throw new WorkerError("statement_failed", `Postgres gave no answer to ${routine.name}.`);
  }
  return answer;
}

/** A lease, as the first two arguments of every fenced function. */
export const keyOf = (lease: LeaseKey): readonly string[] => [lease.jobId, lease.token];

/** A result, as two arguments of JSON. */
export function storable({
  output,
  provenance,
}: PhaseOutput): readonly [output: string, provenance: string] {
  // Nothing is stored as null: a phase that is done must be known as done, whatever it returned.
  return [toStorableJson(output ?? null), toStorableJson(provenance)];
}
