import { type Client, createClient, type JobRecord, WorkerError } from "@leasehold/core";

import type { WorkerConfig } from "../config.ts";
import { openDatabase, openLearningStore } from "../database.ts";

/** Prints the backlog, or where one submission or job is. No content. */
export async function status(config: WorkerConfig, id: string | undefined): Promise<void> {
  await using database = await openDatabase(config);
  await using store = await openLearningStore(config, database.url);
  await using client = createClient({ connection: database.url, schema: config.schema });
  if (id === undefined) {
    await printQueue(client);
    return;
  }
  const submission = await store.readSubmission(id);
  const job = await client.getJob(submission?.jobId ?? id);
  if (submission === undefined && job === undefined) {
    throw new WorkerError("not_found", `There is no submission and no job ${id}.`);
  }
  if (submission !== undefined) {
    const code = submission.errorCode === undefined ? "" : ` (${submission.errorCode})`;
    console.log(`submission ${submission.id}: ${submission.status}${code}`);
  }
  if (job !== undefined) printJob(job);
}

async function printQueue(client: Client): Promise<void> {
  const rows = await client.getQueue();
  if (rows.length === 0) {
    console.log("Nothing waits and nothing runs.");
    return;
  }
  console.table(
    rows.map((row) => ({
      queue: row.queue,
      type: row.type,
      state: row.state,
      jobs: row.count,
      "oldest due":
        row.oldestAgeSeconds === undefined ? "" : `${Math.floor(row.oldestAgeSeconds)} s`,
      "many retries": row.highRetryCount,
      "met an outage": row.outageCount,
    })),
  );
  const outages = rows.reduce((sum, { outageCount }) => sum + outageCount, 0);
  if (outages > 0) {
    console.log(`${outages} jobs met a backend that was down; they are tried again, uncharged.`);
  }
}

function printJob(job: JobRecord): void {
  console.log(`job ${job.id}: ${job.state} at ${job.phase}, attempt ${job.attempt}`);
  console.log(`  ${job.failures} failures, ${job.losses} losses, ${job.outages} outages`);
  if (job.code !== undefined) console.log(`  last trouble: ${job.code}: ${job.message ?? ""}`);
  if (job.state === "queued" && job.dueAt !== undefined) {
    console.log(`  due ${job.dueAt.toISOString()}`);
  }
  for (const { phase, attempt, outcome, code, ms } of job.attempts) {
    console.log(`  ${phase} ${attempt}: ${outcome}${code === null ? "" : ` (${code})`}, ${ms} ms`);
  }
}
