import { definePipeline, type PhaseDefinition, type Pipeline } from "@leasehold/core";
import { z } from "zod";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import type { Queue, Session } from "./queue.ts";
import type { Answer } from "./rivalry.ts";
import { resultOf } from "./worker.ts";

/** What a test says of a phase. */
export type Phase = Pick<PhaseDefinition, "name"> & Partial<PhaseDefinition>;

/** A pipeline of these phases. What a phase says nothing of is left to what most tests want. */
export function pipelineOf(type: string, ...phases: readonly Phase[]): Pipeline {
  return definePipeline({
    type,
    version: 1,
    input: z.unknown(),
    phases: phases.map((phase) => ({
      output: z.unknown(),
      run: async () => resultOf("written"),
      ...phase,
    })),
  });
}

type Caller = Pick<Session | Queue, "call">;

/** Ends the attempt of a claimed draft, which waits for a signal. */
export function waitForSignal(
  caller: Caller,
  { jobId, token }: ClaimedJob,
  { name = "approval", timeoutMs }: { readonly name?: string; readonly timeoutMs?: number } = {},
): Promise<Answer> {
  return caller.call("wait_job", jobId, token, "draft", "signal", name, timeoutMs ?? null, false);
}

/** Ends the attempt of a claimed draft, which waits for its children. */
export function waitForChildren(
  caller: Caller,
  { jobId, token }: ClaimedJob,
  failsFast = false,
): Promise<Answer> {
  return caller.call("wait_job", jobId, token, "draft", "children", null, null, failsFast);
}

export function signal(caller: Caller, id: string, name = "approval"): Promise<Answer> {
  return caller.call("signal_job", id, name, { by: "Ada" });
}

/** How often a job may be claimed now; more than once would be a mistake. */
export async function countReady(queue: Queue, id: string): Promise<number> {
  const [row] = await queue.query(
    `select count(*)::integer as ct from :"schema".ready as r join :"schema".job as j on j.id = r.job_id
     where j.public_id = $1`,
    id,
  );
  return Number(row?.["ct"]);
}
