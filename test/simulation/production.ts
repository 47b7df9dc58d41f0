// The one door of this folder to what core keeps to itself. The simulation runs the parts of a real
// worker and compares a model with the real functions; neither is anybody else's business.
export type {
  ClaimedJob,
  ClaimRequest,
  HintListener,
  JobStore,
} from "../../packages/core/src/store/job-store.ts";
export type {
  CheckpointAnswer,
  DueLane,
  LaneIds,
  LapsedLease,
  LeaseKey,
  PartOutput,
  PhaseOutput,
  Reason,
  RenewalAnswer,
  ResourceClaim,
  ResourceClaimRequest,
  ResourceStanding,
  SettleAnswer,
  StoredResults,
} from "../../packages/core/src/store/job-store.ts";
export { toDatabaseError } from "../../packages/core/src/database/database-errors.ts";
export { createPostgresStore } from "../../packages/core/src/store/postgres-store.ts";
export type { Runtime } from "../../packages/core/src/runtime.ts";
export { assembleWorker } from "../../packages/core/src/worker/worker.ts";
