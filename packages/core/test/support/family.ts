import type { ClaimedJob } from "../../src/store/job-store.ts";
import type { Queue, Session } from "./queue.ts";
import type { Answer } from "./rivalry.ts";
import { waitForChildren } from "./waiting.ts";

/** A parent that is leased or waits, and its children. */
export interface Family {
  readonly parent: ClaimedJob;
  readonly children: readonly ClaimedJob[];
}

/** A claimed parent with claimed children, youngest last. */
export async function claimFamily(queue: Queue, size: number): Promise<Family> {
  const id = await queue.enqueue({ priority: 0 });
  const parent = await queue.claimOne();
  const job = { type: "essay", version: 1, phase: "draft", payload: {}, parent: id };
  await queue.call(
    "enqueue_jobs",
    Array.from({ length: size }, () => job),
  );
  return { parent, children: await queue.claim({ limit: size }) };
}

/** The same, whose parent waits for them. */
export async function parkedFamily(queue: Queue, size: number): Promise<Family> {
  const family = await claimFamily(queue, size);
  await waitForChildren(queue, family.parent);
  return family;
}

/** Completes a job, in a session of one's own or not. */
export const complete = (on: Session | Queue, { jobId, token }: ClaimedJob): Promise<Answer> =>
  on.call("complete_job", jobId, token, null, null);
