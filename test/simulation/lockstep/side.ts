import type { NewJob } from "../model/schema.ts";
import type { JobStore, LaneIds } from "../production.ts";

/** What both sides answer to the same way: the model, and Postgres. */
export interface Side {
  readonly store: Pick<
    JobStore,
    | "abandonClaim"
    | "checkpointJob"
    | "claimForResource"
    | "claimJobs"
    | "commit"
    | "completeJob"
    | "declareResource"
    | "failJob"
    | "lapseLeases"
    | "loadResults"
    | "releaseJob"
    | "renewLeases"
    | "retryJob"
    | "savePart"
    | "startJob"
  >;
  /** By type and phase, as `essay/draft`. */
  readonly lanes: ReadonlyMap<string, LaneIds>;
  /** A statement of the host's own, of a job and a word. */
  readonly effect: string;
  enqueue(job: NewJob): Promise<string>;
  cancel(publicId: string): Promise<string>;
  requeue(publicId: string): Promise<string>;
  advance(ms: number): Promise<void>;
  /** The hook raises on transitions to a state, as `like` has it. */
  raise(to: string, sqlstate: string): Promise<void>;
  openBreaker(name: string, forMs: number | undefined): Promise<string>;
  closeBreaker(name: string): Promise<string>;
  look(): Promise<Sight>;
}

/** All that the tables say, job by job and resource by resource. */
export interface Sight {
  readonly jobs: readonly RowSight[];
  readonly resources: readonly RowSight[];
}

export interface RowSight {
  /** The public id of a job, the name of a resource. */
  readonly id: string;
  /** Everything but moments: rows as they are, in their order. */
  readonly rows: unknown;
  /** By name, in milliseconds since the server started. */
  readonly times: Readonly<Record<string, number>>;
}

/** The types that both sides know, in the order that commands number them. */
export const types = [
  { name: "essay", hasHook: true, phases: ["draft", "grade", "print"] },
  { name: "note", hasHook: false, phases: ["write", "send"] },
] as const;

/** Used up soon, so that forty commands can do it. */
export const limits = {
  retriesMax: 1,
  lossesMax: 2,
  backoffBaseMs: 2_000,
  backoffCapMs: 5_000,
} as const;

/** An uuid that is easily told from others. */
export function uuidOf(kind: "job" | "token", number: number): string {
  const tail = String(number).padStart(12, "0");
  return `00000000-0000-4000-${kind === "job" ? "8000" : "9000"}-${tail}`;
}
