import { expect, setDefaultTimeout, test } from "bun:test";

import { definePipeline } from "@leasehold/core";
import { createScheduler, defineSchedule } from "@leasehold/cron";
import { z } from "zod";

import { type Bench, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

/** Half a day away, so that no slot comes by itself while a test runs. */
const farAway = new Date(Date.now() + 43_200_000);

/** As a host defines it: no worker here runs it. */
const digest = defineSchedule({
  name: "digest",
  cron: `${farAway.getUTCMinutes()} ${farAway.getUTCHours()} * * *`,
  timeZone: "UTC",
  pipeline: definePipeline({
    type: "digest",
    version: 1,
    input: z.object({ of: z.string() }),
    phases: [{ name: "send", output: z.null() }],
  }),
  input: { of: "yesterday" },
});

async function addDigest({ database }: Bench): Promise<void> {
  await using scheduler = createScheduler({ connection: database.url });
  await scheduler.upsert([digest]);
}

/** Moves the next slot to a moment ago. */
async function makeDue({ sql }: Bench, interval: string): Promise<void> {
  await sql`
    update leasehold.cron_slot set slot_at = now() - ${interval}::interval
    where slot_at = (select min(slot_at) from leasehold.cron_slot where consumed_at is null)`;
}

test("a worker enqueues the jobs of schedules that a host defined, and says so", async () => {
  await using bench = await cluster.setup();
  await addDigest(bench);
  await makeDue(bench, "5 seconds");

  const worker = bench.startWorker();
  const line = await worker.waitForLog("slots.enqueued");
  worker.signal("SIGTERM");
  const { exitCode } = await worker.ended;

  expect(line).toMatchObject({ level: 30, count: 1 });
  expect(exitCode).toBe(0);
  expect(worker.log().map(({ msg }) => msg)).toContain("scheduler.stopped");
  expect(await bench.client.getQueue()).toMatchObject([{ type: "digest", state: "due", count: 1 }]);
});

test("with LEASEHOLD_SCHEDULER=off a worker leaves schedules alone, and the doctor finds out", async () => {
  await using bench = await cluster.setup();
  await addDigest(bench);
  await makeDue(bench, "5 minutes");
  const worker = bench.startWorker({ LEASEHOLD_SCHEDULER: "off" });
  await worker.waitForLog("worker.started");

  const sick = await bench.run(["doctor"]);
  const enqueued = await bench.run(["cron", "enqueue"]);
  const well = await bench.run(["doctor"]);

  expect(worker.log().map(({ msg }) => msg)).not.toContain("scheduler.started");
  expect(sick.stdout).toMatch(/^warn {2}schedules +Nobody enqueues the jobs of digest: start /m);
  expect(enqueued.stdout).toBe("1 job enqueued.\n");
  expect(well.stdout).toMatch(/^ok {4}schedules +Schedules: 1, all planned/m);
});

test("cron shows schedules, holds them and lets them go on", async () => {
  await using bench = await cluster.setup();
  await addDigest(bench);

  const shown = await bench.run(["cron"]);
  const paused = await bench.run(["cron", "pause", "digest"]);
  const listed = await bench.run(["cron", "list", "--json"]);
  const resumed = await bench.run(["cron", "resume", "digest", "--json"]);
  const unknown = await bench.run(["cron", "remove", "nothing"]);

  expect(shown.stdout).toMatch(
    /^digest +\d+ \d+ \* \* \* +UTC +digest +ok +\d{4}-\S+Z +\d{4}-\S+Z +last$/m,
  );
  expect(paused.stdout).toBe("digest: paused\n");
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: "digest", enabled: false, missed: "last", type: "digest", overdueCount: 0 },
  ]);
  expect(JSON.parse(resumed.stdout)).toEqual({ name: "digest" });
  expect([unknown.exitCode, unknown.stderr]).toEqual([
    1,
    "not_found: There is no schedule nothing: see `cron`.\n",
  ]);
});
