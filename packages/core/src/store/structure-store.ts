import { toDatabaseError } from "../database/database-errors.ts";
import type { Pool, SqlRow, SqlValue, Transaction } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { toStorableText } from "../json.ts";
import type { PhaseTransaction } from "../pipeline.ts";
import { nameOf } from "../thrown.ts";
import type {
  CheckpointAnswer,
  LeaseKey,
  PhaseSettlement,
  PhaseWait,
  PhaseWrites,
  SettleAnswer,
  StructureStore,
} from "./job-store.ts";
import { callForOne, keyOf, storable, whileHeld } from "./store-calls.ts";
import { structureRoutines as routines } from "./structure-routines.ts";

export function createStructureStore(pool: Pool): StructureStore {
  return {
    commitWork: (lease, work) => commitWork(pool, lease, work),
    async settlePhase(lease, settlement) {
      try {
        return await settleTogether(pool, lease, settlement);
      } catch (error) {
        // Nothing of it has happened. What Postgres cannot do now, or must not do for want of a grant, is nobody's fault.
        if (!WorkerError.is(error) || error.scope !== "job") throw error;
        const answer = await failEffect(pool, lease, { ...settlement, message: error.message });
        return { ...answer, attempt: undefined };
      }
    },
    async findSignal(lease, name) {
      return (await pool.call(routines.findSignal, [...keyOf(lease), name]))[0];
    },
    listChildren: (lease) => pool.call(routines.listChildren, keyOf(lease)),
    waitJob: (lease, phase, wait) =>
      callForOne(pool, routines.waitJob, [...keyOf(lease), phase, ...valuesOf(wait)]),
    async wakeDue(limit) {
      await pool.call(routines.wakeDue, [limit]);
    },
  };
}

function valuesOf(wait: PhaseWait): readonly SqlValue[] {
  if (wait.reason === "children") return [wait.reason, null, null, wait.failsFast];
  return [wait.reason, wait.name, wait.timeoutMs ?? null, false];
}

async function commitWork(
  pool: Pool,
  lease: LeaseKey,
  work: (transaction: PhaseTransaction) => Promise<void>,
): Promise<"ok" | "lost"> {
  let refusal: { readonly thrown: unknown } | undefined;
  try {
    return await whileHeld(pool, lease, async (transaction) => {
      const opened = openTransaction(transaction);
      try {
        await work(opened);
      } catch (thrown) {
        refusal = { thrown };
        throw rolledBack();
      } finally {
        opened.close();
      }
    });
  } catch (error) {
    // What the host threw is the host's to see, as it was.
    throw refusal !== undefined && WorkerError.is(error, "aborted") ? refusal.thrown : error;
  }
}

function rolledBack(): WorkerError {
  return new WorkerError("aborted", "The host's work threw: its transaction is rolled back.");
}

/** Rejects when a part of it was refused. */
async function settleTogether(
  pool: Pool,
  lease: LeaseKey,
  settlement: PhaseSettlement,
): Promise<CheckpointAnswer> {
  const answers: CheckpointAnswer[] = [];
  await pool.transaction(async (transaction) => {
    const { phase } = settlement.step;
    const held = await callForOne(transaction, routines.holdPhase, [...keyOf(lease), phase]);
    // Otherwise an earlier try went through and its answer was lost, or the lease is gone: it is only asked which.
    if (held === "ok") await writeAll(transaction, settlement);
    const answer = await settleIn(transaction, lease, settlement);
    // The function has undone its own part only.
    if (held === "ok" && answer.outcome !== "ok")
      throw effectFailed("The hook of its type raised.");
    answers.push(answer);
  });
  const [answer] = answers;
  if (answer === undefined) throw new WorkerError("statement_failed", "Postgres gave no answer.");
  return answer;
}

async function settleIn(
  transaction: Transaction,
  lease: LeaseKey,
  { step, result }: PhaseSettlement,
): Promise<CheckpointAnswer> {
  const values = storable(result);
  if ("nextPhase" in step) {
    const { phase, nextPhase, yields } = step;
    const all = [...keyOf(lease), phase, nextPhase, ...values, yields];
    return await callForOne(transaction, routines.checkpointJob, all);
  }
  const all = [...keyOf(lease), ...values];
  return { ...(await callForOne(transaction, routines.completeJob, all)), attempt: undefined };
}

async function writeAll(
  transaction: Transaction,
  { followUps, effect }: PhaseWrites,
): Promise<void> {
  if (followUps.length > 0) {
    await transaction.call(routines.enqueueJobs, [`[${followUps.join(",")}]`, "{}"]);
  }
  if (effect === undefined) return;
  const opened = openTransaction(transaction);
  try {
    await inTime(effect(opened), opened);
  } catch (thrown) {
    // Postgres had trouble, whatever the effect made of that: nobody is charged, and all of it is done again.
    const isOurs = WorkerError.is(thrown, "effect_failed");
    throw opened.trouble() ?? (isOurs ? thrown : effectFailed(tell(thrown)));
  } finally {
    opened.close();
  }
}

function tell(thrown: unknown): string {
  return WorkerError.is(thrown) ? thrown.message : `It threw ${nameOf(thrown)}.`;
}

function effectFailed(what: string): WorkerError {
  return new WorkerError("effect_failed", `The effect of this phase failed. ${what}`);
}

/** Charges the job. What the phase returned is kept, where that is all there is to know of it. */
function failEffect(
  pool: Pool,
  lease: LeaseKey,
  { step, result, followUps, message }: PhaseSettlement & { readonly message: string },
): Promise<SettleAnswer> {
  const kept = followUps.length === 0 ? storable(result) : [null, null];
  const values = [...keyOf(lease), step.phase, toStorableText(message), ...kept];
  return callForOne(pool, routines.failEffect, values);
}

/** The host's side of a transaction, and what became of it. */
interface OpenTransaction extends PhaseTransaction {
  /** Whether Postgres owes an answer. */
  isAsking(): boolean;
  /** What kept Postgres from answering, if anything did. */
  trouble(): WorkerError | undefined;
  /** From here on it takes nothing. */
  close(): void;
}

function openTransaction(transaction: Transaction): OpenTransaction {
  let isOpen = true;
  let owed = 0;
  let trouble: WorkerError | undefined;
  return {
    isAsking: () => owed > 0,
    trouble: () => trouble,
    close() {
      isOpen = false;
    },
    async query(text: string, parameters: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
      if (!isOpen) throw new WorkerError("aborted", "This transaction is over: it takes nothing.");
      owed += 1;
      try {
        return await transaction.query(text, parameters);
      } catch (error) {
        const failure = toDatabaseError(error, "the host's statement");
        if (failure.code === "database_unavailable") trouble = failure;
        throw failure;
      } finally {
        owed -= 1;
      }
    },
  };
}

/** Less than a transaction may take, so that who waits for something else is known. */
const effectMsMax = 8_000;

/** A transaction that waits for anything but Postgres keeps its locks for nothing. */
async function inTime(work: Promise<void>, opened: OpenTransaction): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // What Postgres owes has a deadline of its own.
      if (opened.isAsking()) return;
      reject(effectFailed(`It did not end within ${effectMsMax / 1_000} s.`));
    }, effectMsMax);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
