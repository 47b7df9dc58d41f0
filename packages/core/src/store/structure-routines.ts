import { z } from "zod";

import type { Routine } from "../database/database.ts";
import { jobStates } from "../job-state.ts";
import type { ChildRecord, Signal } from "../pipeline.ts";
import { clientRoutines } from "./client-routines.ts";
import type { EnqueueAnswer } from "./client-routines.ts";
import type { CheckpointAnswer, SettleAnswer } from "./job-store.ts";
import {
  defineRoutine,
  heldAnswer,
  jsonColumn,
  leaseRoutines,
  settledAnswer,
} from "./lease-routines.ts";

interface StructureRoutines {
  readonly holdPhase: Routine<"ok" | "lost">;
  readonly enqueueJobs: Routine<EnqueueAnswer>;
  readonly checkpointJob: Routine<CheckpointAnswer>;
  readonly completeJob: Routine<SettleAnswer>;
  readonly failEffect: Routine<SettleAnswer>;
  readonly findSignal: Routine<Signal | "late">;
  readonly listChildren: Routine<ChildRecord>;
  readonly waitJob: Routine<SettleAnswer>;
  readonly wakeDue: Routine<number>;
}

const key = ["bigint", "uuid"] as const;
const json = "text::jsonb";

const signal: z.ZodType<Signal | "late"> = z
  .tuple([z.boolean(), jsonColumn])
  .transform(([isLate, payload]) => (isLate ? "late" : { payload }));

const child: z.ZodType<ChildRecord> = z
  .tuple([z.string(), z.string(), z.enum(jobStates), z.string().nullable()])
  .transform(([id, type, state, code]) => ({ id, type, state, code: code ?? undefined }));

/** The functions that a worker calls for jobs that write more than their result. */
export const structureRoutines: StructureRoutines = {
  holdPhase: defineRoutine("hold_phase", [...key, "text"], heldAnswer),
  enqueueJobs: clientRoutines.enqueueJobs,
  checkpointJob: leaseRoutines.checkpointJob,
  completeJob: defineRoutine("complete_job", [...key, json, json], settledAnswer),
  findSignal: defineRoutine("find_signal", [...key, "text"], signal),
  listChildren: defineRoutine("list_children", key, child),
  waitJob: defineRoutine(
    "wait_job",
    [...key, "text", "text", "text", "bigint", "boolean"],
    settledAnswer,
  ),
  wakeDue: defineRoutine(
    "wake_due",
    ["integer"],
    z.tuple([z.int()]).transform(([count]) => count),
  ),
  failEffect: defineRoutine("fail_effect", [...key, "text", "text", json, json], settledAnswer),
};
