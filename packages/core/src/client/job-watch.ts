import { WorkerError } from "../errors.ts";
import { systemRuntime, wait } from "../runtime.ts";
import type { JobRecord } from "../store/client-routines.ts";
import type { ClientStore } from "../store/client-store.ts";

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Default: 250. */
  readonly pollIntervalMs?: number;
}

export interface WatchOptions extends WaitOptions {
  /** Between two looks while nothing changes: they grow to it by half each time. Default: 5,000. */
  readonly pollIntervalMsMax?: number;
}

type JobReader = Pick<ClientStore, "getJob" | "getProgress">;

/** Where a job is, and how far if it runs. */
export async function readJob(store: JobReader, id: string): Promise<JobRecord | undefined> {
  const job = await store.getJob(id);
  if (job?.state !== "leased") return job;
  const progress = await store.getProgress(id);
  return progress === undefined ? job : { ...job, progress };
}

/** Resolves when the job has ended. */
export async function waitForEnd(
  store: JobReader,
  id: string,
  { signal, pollIntervalMs = 250 }: WaitOptions,
): Promise<JobRecord> {
  const over = signal ?? new AbortController().signal;
  for (;;) {
    over.throwIfAborted();
    const job = found(await store.getJob(id), id);
    if (job.finishedAt !== undefined) return job;
    await wait(systemRuntime, pollIntervalMs, over);
  }
}

/** Gives the job as it is, and again whenever it has changed, up to its end. */
export async function* watchJob(
  store: JobReader,
  id: string,
  { signal, pollIntervalMs = 250, pollIntervalMsMax = 5_000 }: WatchOptions,
): AsyncGenerator<JobRecord, void, undefined> {
  const over = signal ?? new AbortController().signal;
  let seen = "";
  let waitMs = pollIntervalMs;
  for (;;) {
    over.throwIfAborted();
    const job = found(await readJob(store, id), id);
    const sight = JSON.stringify(job);
    if (sight !== seen) {
      seen = sight;
      waitMs = pollIntervalMs;
      yield job;
      if (job.finishedAt !== undefined) return;
    }
    await wait(systemRuntime, waitMs, over);
    waitMs = Math.min(waitMs * 1.5, Math.max(pollIntervalMsMax, pollIntervalMs));
  }
}

function found(job: JobRecord | undefined, id: string): JobRecord {
  if (job === undefined) throw new WorkerError("not_found", `There is no job ${id}.`);
  return job;
}
