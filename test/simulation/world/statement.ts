import type { CheckpointStep } from "../model/schema.ts";
import type {
  CheckpointAnswer,
  ClaimedJob,
  ClaimRequest,
  LapsedLease,
  LeaseKey,
  PartOutput,
  PhaseOutput,
  Reason,
  RenewalAnswer,
  ResourceClaimRequest,
  ResourceStanding,
  SettleAnswer,
} from "../production.ts";
import type { ProcessState } from "./process-state.ts";

/** Which claim gave a lease: a number that neither the model nor the worker acts on, only the checker. */
export interface Granted {
  readonly grant: number;
}

export type GrantedJob = ClaimedJob & Granted;
export type GrantedLease = LeaseKey & Granted;

/** What a statement did, as the server saw it: who asked for what, and what was answered. */
export type Statement = {
  /** Undefined: a person or the host, not a worker. */
  readonly process: ProcessState | undefined;
  /** The caller had given it up before it was carried out. */
  readonly isLate: boolean;
} & StatementBody;

export type StatementBody =
  /** Changes nothing that jobs are made of. */
  | { readonly name: "ask" }
  | {
      readonly name: "claimJobs";
      readonly request: ClaimRequest | ResourceClaimRequest;
      readonly jobs: readonly GrantedJob[];
      /** Of a claim for a resource. */
      readonly standing?: ResourceStanding;
    }
  | { readonly name: "peekLanes"; readonly lanes: readonly number[] }
  | { readonly name: "abandonClaim"; readonly token: string }
  | {
      readonly name: "renewLeases";
      readonly leases: readonly GrantedLease[];
      readonly answers: ReadonlyMap<string, RenewalAnswer>;
    }
  | { readonly name: "startJob"; readonly lease: GrantedLease; readonly answer: "ok" | "lost" }
  | { readonly name: "commit"; readonly lease: GrantedLease; readonly answer: "ok" | "lost" }
  | {
      readonly name: "savePart";
      readonly lease: GrantedLease;
      readonly part: number;
      readonly result: PartOutput;
      readonly answer: "ok" | "lost";
    }
  | {
      readonly name: "checkpointJob";
      readonly lease: GrantedLease;
      readonly step: CheckpointStep;
      readonly result: PhaseOutput;
      readonly answer: CheckpointAnswer;
    }
  | {
      readonly name: "completeJob";
      readonly lease: GrantedLease;
      readonly result: PhaseOutput;
      readonly answer: SettleAnswer;
    }
  | {
      readonly name: "retryJob" | "failJob" | "shutdown" | "outage";
      readonly lease: GrantedLease;
      readonly reason: Reason;
      readonly answer: SettleAnswer;
    }
  | { readonly name: "lapseLeases"; readonly lapsed: readonly LapsedLease[] }
  | {
      readonly name: "enqueueJobs";
      readonly publicId: string;
      readonly answer: "created" | "existing";
    }
  | {
      readonly name: "cancelJob" | "requeueJob";
      readonly publicId: string;
      readonly answer: string;
    };
