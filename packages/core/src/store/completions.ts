import { arrayLiteral, type Pool, type SqlValue } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { createCallGroups } from "./call-groups.ts";
import type { JobStore, LeaseKey, PhaseOutput, SettleAnswer } from "./job-store.ts";
import { type ClaimedRow, type CompletedRow, leaseRoutines as routines } from "./lease-routines.ts";
import { storable } from "./store-calls.ts";

export interface Completions extends Pick<JobStore, "completeJob"> {
  /**
   * Claims jobs in the transaction that completes others, where both are few. Answers undefined when nothing was claimed
   * and the claim has to go by itself.
   */
  claimAlong(limit: number, claim: readonly SqlValue[]): Promise<readonly ClaimedRow[] | undefined>;
}

interface Completion extends LeaseKey {
  /** As JSON. */
  readonly result: string;
}

/** Beyond that, claims and completions are better sent beside each other. */
const claimAlongMax = 16;
/** Where jobs wait at gates, or a completion for a lock, they will a moment later. */
const apartMs = 1_000;

/** Completions of jobs that end together cost one transaction, and none of their own where a claim takes them along. */
export function createCompletions(pool: Pool, claims: Pool): Completions {
  const groups = createCallGroups<Completion, SettleAnswer>({
    sizeMax: 500,
    waitMsMax: 5,
    async send(completions) {
      const ordered = inOrder(completions);
      return toAnswers(ordered, await pool.call(routines.completeJobs, toValues(ordered)));
    },
  });
  let apartUntil = 0;
  return {
    completeJob: ({ jobId, token }, result) =>
      groups.call({ jobId, token, result: toGroupedResult(result) }),
    async claimAlong(limit, claim) {
      if (limit > claimAlongMax || performance.now() < apartUntil) return undefined;
      return await groups.takeAlong(async (completions) => {
        const ordered = inOrder(completions);
        const values = [...toValues(ordered), ...claim];
        const rows = await claims.call(routines.completeAndClaim, values).catch((error) => {
          apartUntil = performance.now() + apartMs;
          throw isLocked(error) ? lockedOut(error) : error;
        });
        const completed = rows.flatMap((row) => row.completed ?? []);
        const isUnclaimed = rows.some((row) => row.isUnclaimed);
        if (isUnclaimed) apartUntil = performance.now() + apartMs;
        const claimed = isUnclaimed ? undefined : rows.flatMap((row) => row.claimed ?? []);
        return [toAnswers(ordered, completed), claimed];
      });
    },
  };
}

/** Somebody holds what a completion needs. All was undone, and each can wait by itself. */
function isLocked(error: unknown): boolean {
  return WorkerError.is(error) && error.adapterCode === "sqlstate_55p03";
}

function lockedOut(cause: unknown): WorkerError {
  return new WorkerError("statement_failed", "A completion has to wait for a lock.", { cause });
}

/** One order for all, so that two groups never wait for each other. */
function inOrder(completions: readonly Completion[]): readonly Completion[] {
  return completions.toSorted((one, other) => compareIds(one.jobId, other.jobId));
}

function compareIds(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : 1);
}

function toValues(completions: readonly Completion[]): readonly SqlValue[] {
  return [
    arrayLiteral(completions.map(({ jobId }) => jobId)),
    arrayLiteral(completions.map(({ token }) => token)),
    `[${completions.map(({ result }) => result).join(",")}]`,
  ];
}

function toAnswers(
  completions: readonly Completion[],
  rows: readonly CompletedRow[],
): ReadonlyMap<Completion, SettleAnswer> {
  const answers = new Map<Completion, SettleAnswer>();
  for (const { places, answer } of rows) {
    for (const place of places) {
      const completion = completions[place - 1];
      if (completion !== undefined) answers.set(completion, answer);
    }
  }
  return answers;
}

/** A last phase that returned nothing, and says nothing of where that comes from, leaves nothing to keep. */
function toGroupedResult(result: PhaseOutput): string {
  const [output, provenance] = storable(result);
  const isNothing = output === "null" && (provenance === "{}" || provenance === "null");
  return isNothing ? "null" : `{"output":${output},"provenance":${provenance}}`;
}
