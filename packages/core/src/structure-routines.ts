import { clientRoutines } from "./client-routines.ts";
import type { EnqueueAnswer } from "./client-routines.ts";
import type { Routine } from "./database.ts";
import type { CheckpointAnswer, SettleAnswer } from "./job-store.ts";
import { defineRoutine, heldAnswer, leaseRoutines, settledAnswer } from "./lease-routines.ts";

interface StructureRoutines {
  readonly holdLease: Routine<"ok" | "lost">;
  readonly holdPhase: Routine<"ok" | "lost">;
  readonly enqueueJobs: Routine<EnqueueAnswer>;
  readonly checkpointJob: Routine<CheckpointAnswer>;
  readonly completeJob: Routine<SettleAnswer>;
  readonly failEffect: Routine<SettleAnswer>;
}

const key = ["bigint", "uuid"] as const;
const json = "text::jsonb";

/** The functions that a worker calls for jobs that write more than their result. */
export const structureRoutines: StructureRoutines = {
  holdLease: leaseRoutines.holdLease,
  holdPhase: defineRoutine("hold_phase", [...key, "text"], heldAnswer),
  enqueueJobs: clientRoutines.enqueueJobs,
  checkpointJob: leaseRoutines.checkpointJob,
  completeJob: defineRoutine("complete_job", [...key, json, json], settledAnswer),
  failEffect: defineRoutine("fail_effect", [...key, "text", "text", json, json], settledAnswer),
};
