import { type Cancellation, throwIfOver } from "./cancellation.ts";
import { WorkerError } from "./errors.ts";
import type { JobStore } from "./job-store.ts";
import { fenced, type HeldLease } from "./lease-keeper.ts";
import { toFollowUp } from "./new-job.ts";
import type { Outbox } from "./outbox.ts";
import type { FencedStatement, PhaseContext, PhaseTransaction } from "./pipeline.ts";

/** The part of a phase's context that ties it to the host's tables and to other jobs. */
export type StructureContext = Pick<PhaseContext, "commit" | "enqueue">;

export interface StructureContextOptions {
  readonly store: Pick<JobStore, "commit" | "structure">;
  readonly lease: HeldLease;
  /** What the job was enqueued with, which its own jobs are, too. */
  readonly trace: string | undefined;
  readonly outbox: Outbox;
  readonly cancellation: Cancellation;
}

/** Jobs that one phase may add. They are written in one transaction, which has 10 seconds. */
const followUpsMax = 1_000;

type Work<Answer> = (transaction: PhaseTransaction) => Promise<Answer>;

export function createStructureContext(options: StructureContextOptions): StructureContext {
  const { store, lease, trace, outbox, cancellation } = options;
  function commit<Answer>(work: Work<Answer>): Promise<Answer>;
  function commit(statements: readonly FencedStatement[]): Promise<void>;
  async function commit(given: Work<unknown> | readonly FencedStatement[]): Promise<unknown> {
    if (typeof given !== "function")
      return await fenced(lease, cancellation, () => store.commit(lease, given));
    let answer: unknown;
    const work = async (transaction: PhaseTransaction): Promise<void> => {
      answer = await given(transaction);
    };
    await fenced(lease, cancellation, () => store.structure.commitWork(lease, work));
    return answer;
  }
  return {
    commit,
    enqueue(pipeline, input, given = {}) {
      throwIfOver(cancellation);
      const inherited = trace === undefined ? {} : { trace };
      const followUp = toFollowUp(pipeline, input, { ...inherited, ...given });
      if (outbox.followUps.length === followUpsMax) {
        const message = `A phase adds at most ${followUpsMax} jobs: add the others from those.`;
        throw new WorkerError("input_invalid", message);
      }
      outbox.followUps.push(followUp);
    },
  };
}
