import { describe, expect, test } from "bun:test";

import type { ResourceRecord } from "@leasehold/core";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type ResourceQueue, setupResourceQueue } from "../support/resource-queue.ts";
import { useServer } from "../support/server.ts";

// How a resource that was away is taken up again.

const server = useServer();
const setup = async (): Promise<ResourceQueue> => setupResourceQueue(await server());

const shown = async (queue: ResourceQueue): Promise<ResourceRecord | undefined> =>
  (await queue.client.getResources())[0];

describe("a probe", () => {
  test("is one job, and nobody claims beside it", async () => {
    await using queue = await setup();
    await queue.openAndWait();
    const ids = await queue.enqueueMany(5);

    const probe = await queue.claimFor();
    const beside = await queue.claimFor({ worker: "another" });

    expect(probe).toMatchObject({ state: "half_open", code: "backend_unreachable" });
    expect(probe.jobs.map(({ publicId }) => publicId)).toEqual(ids.slice(0, 1));
    expect(beside).toMatchObject({ state: "half_open", jobs: [] });
    expect(beside.waitMs).toBeGreaterThan(0);
    expect(await shown(queue)).toMatchObject({ state: "half_open", probe: ids[0], leased: 1 });
  });

  const answers: readonly (readonly [
    string,
    (queue: ResourceQueue, job: ClaimedJob) => unknown,
  ])[] = [
    ["completes", (queue, job) => queue.complete(job)],
    [
      "fails by its own fault",
      (queue, job) => queue.store.failJob(job, { code: "input_corrupt", message: "" }),
    ],
    [
      "is to be tried again by its own fault",
      (queue, job) => queue.store.retryJob(job, { code: "output_invalid", message: "" }),
    ],
    [
      "goes on with its next phase",
      (queue, job) =>
        queue.store.checkpointJob(
          job,
          { phase: "draft", nextPhase: "grade", yields: false },
          { output: null, provenance: {} },
        ),
    ],
  ];

  test.each(answers)("that %s closes the breaker", async (_, settle) => {
    await using queue = await setup();
    await queue.openAndWait();
    await queue.enqueueMany(3);
    const probe = await queue.claimOneFor();

    await settle(queue, probe);
    const sight = await shown(queue);
    const claim = await queue.claimFor();

    expect(sight).toMatchObject({ state: "closed", code: undefined });
    expect(claim).toMatchObject({ state: "closed", code: undefined });
  });

  test("that meets the outage again opens it for longer", async () => {
    await using queue = await setup();
    await queue.openAndWait();
    await queue.enqueueMany(3);

    await queue.meetOutage(await queue.claimOneFor());

    expect(await shown(queue)).toMatchObject({ state: "open", outages: 2, probe: undefined });
  });

  const ends: readonly (readonly [string, (queue: ResourceQueue, job: ClaimedJob) => unknown])[] = [
    [
      "was lost with its worker",
      async (queue) => {
        await queue.database.advance(1_001);
        await queue.store.lapseLeases(10);
      },
    ],
    ["was cancelled", (queue, job) => queue.client.cancel(job.publicId)],
    ["was abandoned", (queue, job) => queue.store.abandonClaim("worker", job.token)],
    [
      "was given back by a worker that stops",
      (queue, job) =>
        queue.store.releaseJob(job, "shutdown", { code: "worker_stopping", message: "" }),
    ],
    [
      "was given back because our own database was away",
      (queue, job) => queue.meetOutage(job, { code: "database_unavailable" }),
    ],
  ];

  test.each(ends)("that %s makes way for another, 5 seconds after it", async (_, end) => {
    await using queue = await setup();
    await queue.openAndWait();
    await queue.enqueueMany(3);
    const probe = await queue.claimOneFor();

    await end(queue, probe);
    const tooSoon = await queue.claimFor();
    await queue.database.advance(5_000);
    const next = await queue.claimFor();

    expect(tooSoon).toMatchObject({ state: "half_open", jobs: [] });
    expect(next).toMatchObject({ state: "half_open" });
    expect(next.jobs).toHaveLength(1);
  });

  test("whose phase was done before shows nothing", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const first = await queue.claimOneFor();
    // As a phase leaves it whose effect failed: the result is there, and the job waits again.
    await queue.query(
      `insert into :"schema".result select $1::text::bigint, 'draft', 0, 1, '1', '{}', clock_timestamp()`,
      first.jobId,
    );
    await queue.meetOutage(first);
    await queue.database.advance(10_000);
    const probe = await queue.claimOneFor();

    await queue.complete(probe);

    expect(probe.publicId).toBe(id);
    expect(await shown(queue)).toMatchObject({ state: "half_open" });
  });

  test("that was given back, and whose hook raised over it, shows nothing", async () => {
    await using queue = await setup();
    await queue.query(`create function :"schema".refuse(
        uuid, text, text, text, text, text, jsonb
      ) returns void language plpgsql as $$ begin raise 'no'; end $$`);
    await queue.openAndWait();
    await queue.enqueueMany(2);
    await queue.query(
      `select :"schema".register_type('essay',
        '${queue.schema}.refuse(uuid, text, text, text, text, text, jsonb)'::regprocedure)`,
    );
    const probe = await queue.claimOneFor();

    const answer = await queue.meetOutage(probe, { code: "database_unavailable" });

    expect(answer.outcome).toBe("effect_failed");
    expect(await shown(queue)).toMatchObject({ state: "half_open" });
  });

  test("waits for a place that a job from before the outage has still", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", 2);
    await queue.enqueueMany(4);
    const { jobs } = await queue.claimFor({ limit: 2, leaseMs: 100_000 });
    const [one, hanging] = jobs;
    if (one !== undefined) await queue.meetOutage(one);
    await queue.client.setResource("host/model", { concurrency: 1 });
    await queue.database.advance(10_000);

    const full = await queue.claimFor();
    if (hanging !== undefined) await queue.client.cancel(hanging.publicId);
    const free = await queue.claimFor();

    expect([full.jobs.length, free.jobs.length]).toEqual([0, 1]);
  });

  test("is not touched by what jobs from before the outage tell", async () => {
    await using queue = await setup();
    await queue.enqueueMany(4);
    const { jobs } = await queue.claimFor({ limit: 2, leaseMs: 100_000 });
    const [one, late] = jobs;
    if (one !== undefined) await queue.meetOutage(one);
    await queue.database.advance(10_000);
    await queue.claimOneFor();

    if (late !== undefined) await queue.meetOutage(late);

    expect(await shown(queue)).toMatchObject({ state: "half_open", outages: 1 });
  });
});

test("after an outage jobs go one at a time at first, then twice as many every 5 seconds", async () => {
  await using queue = await setup();
  await queue.store.declareResource("host/model", 6);
  await queue.openAndWait();
  await queue.enqueueMany(12);
  await queue.complete(await queue.claimOneFor({ leaseMs: 100_000 }));

  const counts: number[] = [];
  for (let step = 0; step < 5; step += 1) {
    counts.push((await queue.claimFor({ leaseMs: 100_000 })).jobs.length);
    await queue.database.advance(5_000);
  }

  // One, and then as many more as two, four and six leave.
  expect(counts).toEqual([1, 1, 2, 2, 0]);
  expect(await shown(queue)).toMatchObject({ leased: 6, places: 0 });
});
