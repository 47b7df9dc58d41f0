import { expect, test } from "bun:test";

import { waitForEvent } from "@leasehold/core/testing";

import { useServer } from "../support/server.ts";
import { aborted, essayOf, setupWorker } from "../support/worker.ts";

const server = useServer();

test("a worker ends jobs whose time is over, and stops the one that it runs itself", async () => {
  const stuck = essayOf({
    async draft(_, { signal }) {
      await aborted(signal);
      throw signal.reason;
    },
  });
  await using subject = await setupWorker(await server(), {
    pipelines: [stuck],
    concurrency: 1,
    leaseSeconds: 3,
  });
  const { id: running } = await subject.client.enqueue(stuck, {}, { deadlineMs: 60_000 });
  const { id: waiting } = await subject.client.enqueue(stuck, {}, { ttlMs: 60_000 });
  await subject.worker.start();
  await waitForEvent(subject.worker, "phase.started");

  // Leases are renewed in true time, so nothing lapses.
  const stopped = waitForEvent(subject.worker, "job.cancelled", { timeoutMs: 20_000 });
  await subject.database.query(
    `update :"schema".expiry set start_by = start_by - interval '1 hour', end_by = end_by - interval '1 hour',
       look_at = look_at - interval '1 hour'`,
  );
  const { jobId, code } = await stopped;
  const jobs = [await subject.client.waitForJob(waiting), await subject.client.waitForJob(running)];

  expect([jobId, code]).toEqual([running, "expired"]);
  expect(jobs).toMatchObject([
    { state: "dead", code: "expired", attempts: [] },
    { state: "dead", code: "expired", attempts: [{ outcome: "cancelled" }] },
  ]);
  const told = subject.recorder.events.filter(({ name }) => name === "job.dead");
  expect(told).toMatchObject([{ code: "expired" }, { code: "expired" }]);
});
