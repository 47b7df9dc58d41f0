import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import type { ProgramEnd } from "./support/spawned-program.ts";
import { type Bench, samples, useCluster, type Variables } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

const variables: Variables = {
  WORKER_CONCURRENCY: "4",
  WORKER_LEASE_SECONDS: "3",
  WORKER_POLL_INTERVAL: "0.1",
  LEASEHOLD_STUB_MARKERS: "on",
};

test("a job that kills its worker ends dead and alone, and its neighbours complete", async () => {
  await using bench = await cluster.setup();
  // It dies when its neighbours are in the middle of their work.
  const texts = ["[[stub: slow 300, crash]]", ...[1, 2, 3].map((n) => `${n} [[stub: slow 500]]`)];
  const submitted = await Promise.all(
    texts.map((text) => bench.store.submit({ studentSub: "s", content: { kind: "text", text } })),
  );
  const [crashing = { id: "" }] = submitted;

  const crashes = await restartUntilSettled(
    bench,
    submitted.map(({ jobId }) => jobId),
  );
  const jobs = await Promise.all(submitted.map(({ jobId }) => bench.client.getJob(jobId)));
  const reports = await Promise.all(submitted.map(({ id }) => bench.store.readSubmission(id)));
  const status = await bench.run(["status", crashing.id]);

  expect(crashes.map(({ signal }) => signal)).toEqual(["SIGKILL", "SIGKILL", "SIGKILL"]);
  expect(jobs.map((job) => job?.state)).toEqual(["dead", "completed", "completed", "completed"]);
  // The neighbours lost the worker once, with it. From then on it died alone.
  expect(jobs.map((job) => job?.losses)).toEqual([3, 1, 1, 1]);
  expect(jobs.map((job) => job?.failures)).toEqual([0, 0, 0, 0]);
  expect(reports.map((report) => [report?.status, report?.errorCode])).toEqual([
    ["failed", "feedback_failed"],
    ["completed", undefined],
    ["completed", undefined],
    ["completed", undefined],
  ]);
  expect(status.stdout).toContain(": failed (feedback_failed)\n");
  expect(status.stdout).toContain(": dead at feedback, attempt 3\n");
  expect(status.stdout).toContain("  0 failures, 3 losses, 0 outages\n  last trouble: worker_lost");
});

test("a failure of feedback is tried again, and nobody reads the pages twice", async () => {
  await using bench = await cluster.setup();
  await hurry(bench);
  bench.startWorker(variables);
  const photo = join(samples, "photo.jpg");
  const { stdout: id } = await bench.run([
    "submit",
    photo,
    "--criterion",
    "Inhalt [[stub: transient 2]]",
    "--wait",
  ]);

  const status = await bench.run(["status", id.split("\n", 1).join()]);

  const attempts = status.stdout.match(/^ {2}(?:vision|feedback) .*(?=, \d+ ms$)/gm);
  expect(attempts).toEqual([
    "  vision 1: completed",
    "  feedback 1: retried (backend_failed)",
    "  feedback 2: retried (backend_failed)",
    "  feedback 3: completed",
  ]);
  expect(status.stdout).toContain(": completed\n");
});

test("a job whose failures are used up ends dead, with its submission", async () => {
  await using bench = await cluster.setup();
  await hurry(bench);
  const worker = bench.startWorker(variables);

  const end = await bench.run(["submit", "-", "--wait"], {}, "[[stub: transient]]");

  const released = worker.log().filter(({ msg }) => msg === "job.retried");
  expect(end.exitCode).toBe(1);
  expect(end.stdout).toEndWith("\nfailed: feedback_failed\n");
  expect(released).toHaveLength(3);
  await worker.waitForLog("job.dead", ({ attempt }) => attempt === 4);
});

/** Starts a worker again and again, as a supervisor does, until all jobs have ended. Answers how workers died. */
async function restartUntilSettled(
  bench: Bench,
  jobs: readonly string[],
): Promise<readonly ProgramEnd[]> {
  const settled = Promise.all(jobs.map((id) => bench.client.waitForJob(id)));
  const crashes: ProgramEnd[] = [];
  for (;;) {
    const worker = bench.startWorker(variables);
    const end = await Promise.race([worker.ended, settled.then(() => undefined)]);
    if (end === undefined) return crashes;
    crashes.push(end);
  }
}

/** Makes tries follow each other quickly. */
async function hurry({ sql }: Bench): Promise<void> {
  await sql`select leasehold.register_type('learning.submission', p_backoff_base_ms => 100)`;
}
