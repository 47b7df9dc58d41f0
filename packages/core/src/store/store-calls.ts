import type { Pool, Routine, SqlValue, Transaction } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { toStorableJson } from "../json.ts";
import type { LeaseKey, PhaseOutput, StorableOutput } from "./job-store.ts";
import { leaseRoutines } from "./lease-routines.ts";

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

/** One transaction that commits only while a lease is held. Without it, nothing of the caller's own is asked. */
export async function whileHeld(
  pool: Pick<Pool, "transaction">,
  lease: LeaseKey,
  body: (transaction: Transaction) => Promise<void>,
): Promise<"ok" | "lost"> {
  let held: "ok" | "lost" = "lost";
  await pool.transaction(async (transaction) => {
    held = await callForOne(transaction, leaseRoutines.holdLease, keyOf(lease));
    if (held === "ok") await body(transaction);
  });
  return held;
}

/** A lease, as the first two arguments of every fenced function. */
export const keyOf = (lease: LeaseKey): readonly string[] => [lease.jobId, lease.token];

/** A result, as two arguments of JSON. Throws a `TypeError` when it has no such form. */
export function storable({ output, provenance, json }: PhaseOutput): StorableOutput {
  // Nothing is stored as null: a phase that is done must be known as done, whatever it returned.
  return json ?? [toStorableJson(output ?? null), toStorableJson(provenance)];
}
