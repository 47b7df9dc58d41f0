import { WorkerError } from "../errors.ts";
import { toFollowUp } from "../new-job.ts";
import type { ChildRecord, FencedStatement, PhaseContext, PhaseTransaction } from "../pipeline.ts";
import { signalName } from "../signal.ts";
import type { JobStore, PhaseWait } from "../store/job-store.ts";
import { abort, type Cancellation, throwIfOver } from "./cancellation.ts";
import { fenced, type HeldLease } from "./lease-keeper.ts";
import type { Outbox } from "./outbox.ts";
import type { StallWatch } from "./stall-watch.ts";

/** The part of a phase's context that ties it to the host's tables and to other jobs. */
export type StructureContext = Pick<
  PhaseContext,
  "commit" | "enqueue" | "waitFor" | "waitForChildren"
>;

export interface StructureContextOptions {
  readonly store: Pick<JobStore, "commit" | "structure">;
  readonly jobId: string;
  /** Repeats a call until the database answers, or the phase is over. */
  readonly ask: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
  readonly lease: HeldLease;
  /** What the job was enqueued with, which its own jobs are, too. */
  readonly trace: string | undefined;
  readonly outbox: Outbox;
  readonly cancellation: Cancellation;
  readonly stalling: StallWatch;
}

/** Jobs that one phase may add. They are written in one transaction, which has 10 seconds. */
const followUpsMax = 1_000;

type Work<Answer> = (transaction: PhaseTransaction) => Promise<Answer>;

export function createStructureContext(options: StructureContextOptions): StructureContext {
  const { store, ask, jobId, lease, trace, outbox, cancellation, stalling } = options;
  const write = (call: () => Promise<"ok" | "lost">): Promise<void> =>
    fenced(lease, cancellation, () => stalling.during(call));
  function commit<Answer>(work: Work<Answer>): Promise<Answer>;
  function commit(statements: readonly FencedStatement[]): Promise<void>;
  async function commit(given: Work<unknown> | readonly FencedStatement[]): Promise<unknown> {
    if (typeof given !== "function") return await write(() => store.commit(lease, given));
    let answer: unknown;
    const work = async (transaction: PhaseTransaction): Promise<void> => {
      answer = await given(transaction);
    };
    await write(() => store.structure.commitWork(lease, work));
    return answer;
  }
  return {
    commit,
    enqueue(pipeline, input, { child = false, ...given } = {}) {
      throwIfOver(cancellation);
      const inherited = {
        ...(trace === undefined ? {} : { trace }),
        ...(child ? { parent: jobId } : {}),
      };
      const followUp = toFollowUp(pipeline, input, { ...inherited, ...given });
      if (outbox.followUps.length === followUpsMax) {
        const message = `A phase adds at most ${followUpsMax} jobs: add the others from those.`;
        throw new WorkerError("input_invalid", message);
      }
      outbox.followUps.push(followUp);
      outbox.hasChildren ||= child;
    },
    async waitFor(name, { timeoutSeconds } = {}) {
      throwIfOver(cancellation);
      const timeoutMs = timeoutSeconds === undefined ? undefined : Math.ceil(timeoutSeconds * 1000);
      checkSignal(name, timeoutMs);
      const told = await stalling.during(() => ask(() => store.structure.findSignal(lease, name)));
      if (told === undefined) return park(options, { reason: "signal", name, timeoutMs });
      throwIfOver(cancellation);
      return told === "late" ? undefined : told;
    },
    async waitForChildren({ failFast: failsFast = false } = {}) {
      throwIfOver(cancellation);
      if (outbox.hasChildren) {
        throw misused("The children that a phase adds are waited for in a later one.");
      }
      const children = await stalling.during(() => ask(() => store.structure.listChildren(lease)));
      const isOver = children.every(hasEnded) || (failsFast && children.some(hasFailed));
      if (!isOver) return park(options, { reason: "children", failsFast });
      throwIfOver(cancellation);
      return children;
    },
  };
}

/** Ends the phase, and with it what it still asks of others. */
function park({ outbox, cancellation }: StructureContextOptions, wait: PhaseWait): never {
  throwIfOver(cancellation);
  outbox.wait = wait;
  const error = new WorkerError("phase_waiting", "This phase waits, and runs again after.");
  abort(cancellation, () => error);
  throw error;
}

const timeoutMsMax = 315_360_000_000;

function checkSignal(name: string, timeoutMs: number | undefined): void {
  if (!signalName.test(name)) {
    throw misused(
      "The name of a signal must match [a-z][a-z0-9_.-]* and have at most 64 characters.",
    );
  }
  if (timeoutMs === undefined || (timeoutMs > 0 && timeoutMs <= timeoutMsMax)) return;
  throw misused("timeoutSeconds must be above 0 and at most ten years.");
}

function misused(message: string): WorkerError {
  return new WorkerError("config_invalid", message, { scope: "config" });
}

const hasEnded = ({ state }: ChildRecord): boolean =>
  state !== "queued" && state !== "leased" && state !== "waiting";
const hasFailed = (child: ChildRecord): boolean => hasEnded(child) && child.state !== "completed";
