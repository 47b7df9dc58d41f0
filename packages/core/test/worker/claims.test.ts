import { describe, expect, test } from "bun:test";

import { definePipeline, WorkerError } from "@leasehold/core";
import { drain } from "@leasehold/core/testing";
import { z } from "zod";

import { type Runtime, systemRuntime } from "../../src/runtime.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import { parseWorkerSettings } from "../../src/worker/config.ts";
import { assembleWorker } from "../../src/worker/worker.ts";
import { setupWithStore } from "../support/changed-store.ts";
import { useServer } from "../support/server.ts";
import { adapterOf, createGate, essayOf, resultOf, setupWorker } from "../support/worker.ts";

const server = useServer();

const quick = essayOf({ draft: async () => resultOf(1) });

/** A second type of job, which needs nothing. */
const errand = definePipeline({
  type: "errand",
  version: 1,
  input: z.unknown(),
  phases: [{ name: "run", output: z.unknown(), run: async () => resultOf(1) }],
});

test("a worker has no more jobs at work than slots, and fills each that comes free", async () => {
  const concurrency = 3;
  let atWork = 0;
  const seen: number[] = [];
  const allBusy = createGate();
  const counting = essayOf({
    async draft() {
      atWork += 1;
      seen.push(atWork);
      if (atWork === concurrency) allBusy.open();
      await allBusy.opened;
      atWork -= 1;
      return resultOf(1);
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [counting], concurrency });
  await subject.client.enqueueMany(
    counting,
    Array.from({ length: 20 }, () => ({})),
  );

  await subject.worker.start();
  await drain(subject.database);

  expect(seen).toHaveLength(20);
  expect(Math.max(...seen)).toBe(concurrency);
});

test("a claim that may have left something is followed by the next before its jobs run", async () => {
  const told: string[] = [];
  await using subject = await setupWithStore(await server(), {
    draft: async () => resultOf(1),
    concurrency: 600,
    change: (store) => ({
      claimJobs(request) {
        told.push(`claim of ${request.limit}`);
        return store.claimJobs(request);
      },
    }),
  });
  subject.worker.subscribe(({ name }) => name === "phase.started" && told.push(name));
  await subject.client.enqueueMany(quick, Array.from({ length: 501 }).fill(1));

  await subject.worker.start();
  await drain(subject.database);

  expect(told.slice(0, 3)).toEqual(["claim of 500", "claim of 100", "phase.started"]);
  expect(told.filter((word) => word === "phase.started")).toHaveLength(501);
});

describe("a job that must run alone", () => {
  test("waits until the process is empty, and nothing else is claimed meanwhile", async () => {
    const long = createGate();
    const story: string[] = [];
    const essay = essayOf({
      draft: async ({ input }) => {
        story.push(`begin ${String(input)}`);
        if (input === "long") await long.opened;
        story.push(`end ${String(input)}`);
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      leaseSeconds: 3,
      renewSeconds: 0.1,
    });
    await subject.client.enqueue(essay, "solo");
    await subject.loseToCrash();
    await subject.database.query(
      'update :"schema".ready set due_at = due_at + interval $$1 hour$$',
    );
    await subject.client.enqueue(essay, "long");
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    await subject.database.advance(3_600_000);
    await subject.recorder.waitFor((event) => event.name === "job.claimed" && event.solo);
    await subject.client.enqueue(essay, "ordinary");
    // Both leases are held and renewed, so there was time enough to begin.
    await subject.recorder.waitFor((event) => event.name === "lease.renewed" && event.count === 2);
    story.push("release");
    long.open();
    await drain(subject.database);

    expect(story).toEqual([
      "begin long",
      "release",
      "end long",
      "begin solo",
      "end solo",
      "begin ordinary",
      "end ordinary",
    ]);
  });

  test("takes no neighbours along: all that one crash hit run one by one", async () => {
    let running = 0;
    let most = 0;
    const essay = essayOf({
      draft: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => void setTimeout(resolve));
        running -= 1;
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    await subject.client.enqueueMany(essay, [1, 2, 3]);
    await subject.loseToCrash();

    await subject.worker.start();
    await drain(subject.database);

    const claims = subject.recorder.events.filter(({ name }) => name === "job.claimed");
    expect(claims).toMatchObject([{ solo: true }, { solo: true }, { solo: true }]);
    expect(most).toBe(1);
  });

  test("that is cancelled while it waits makes room for the others", async () => {
    const long = createGate();
    const essay = essayOf({
      draft: async ({ input }) => {
        if (input === "long") await long.opened;
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      leaseSeconds: 3,
      renewSeconds: 0.1,
    });
    const solo = await subject.client.enqueue(essay, "solo");
    await subject.loseToCrash();
    await subject.database.query(
      'update :"schema".ready set due_at = due_at + interval $$1 hour$$',
    );
    await subject.client.enqueue(essay, "long");
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");
    await subject.database.advance(3_600_000);
    await subject.recorder.waitFor((event) => event.name === "job.claimed" && event.solo);

    await subject.client.cancel(solo.id);
    await subject.recorder.waitFor("job.cancelled");
    const { id } = await subject.client.enqueue(essay, "ordinary");
    const job = await subject.client.waitForJob(id);
    long.open();

    expect(job.state).toBe("completed");
  });
});

describe("an idle worker that looks once a minute", () => {
  const minute = { pollSeconds: 60, pollSecondsMax: 60 };

  test("is woken by a job that comes", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [quick], ...minute });
    await subject.worker.start();

    const states: string[] = [];
    for (let jobs = 0; jobs < 3; jobs += 1) {
      const { id } = await subject.client.enqueue(quick, {});
      states.push((await subject.client.waitForJob(id)).state);
    }

    expect(states).toEqual(["completed", "completed", "completed"]);
  });

  test("is woken by a job that is requeued", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [quick], ...minute });
    const { id } = await subject.client.enqueue(quick, {}, { delayMs: 3_600_000 });
    await subject.client.cancel(id);
    await subject.worker.start();
    const first = await subject.client.enqueue(quick, {});
    await subject.client.waitForJob(first.id);

    await subject.client.requeue(id);

    expect((await subject.client.waitForJob(id)).state).toBe("completed");
  });

  test("is woken by what another worker gives back", async () => {
    const held = createGate();
    const essay = essayOf({
      draft: async (_, { attempt, signal }) => {
        if (attempt === 1) held.open();
        if (attempt === 1)
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        if (attempt === 1) throw signal.reason;
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...minute });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await held.opened;
    const other = subject.addWorker({});
    await other.worker.start();

    await subject.worker.stop();

    expect((await subject.client.waitForJob(id)).state).toBe("completed");
  });
});

test("a job is found by looking when its hint was missed", async () => {
  await using subject = await setupWorker(await server(), { pipelines: [quick] });
  await subject.database.query(
    `create or replace function :"schema".hint_workers() returns void language sql as $$ select $$`,
  );
  await subject.worker.start();

  const { id } = await subject.client.enqueue(quick, {});

  expect((await subject.client.waitForJob(id)).state).toBe("completed");
});

describe("a backend that is down", () => {
  /** Time that runs fifty times as fast, so that a pause of seconds is none. */
  const fastRuntime: Runtime = {
    ...systemRuntime,
    now: () => systemRuntime.now() * 50,
    after: (ms, callback) => systemRuntime.after(ms / 50, callback),
  };

  test("is asked by one job at a time until it is back, and then by all", async () => {
    let isDown = true;
    let running = 0;
    const calls: number[] = [];
    const probe = createGate();
    const essay = essayOf({ draft: undefined });
    const adapter = adapterOf(async () => {
      running += 1;
      calls.push(running);
      try {
        if (isDown) {
          throw new WorkerError("backend_unreachable", "Nobody there.", { scope: "backend" });
        }
        await probe.opened;
        return resultOf(1);
      } finally {
        running -= 1;
      }
    });
    await using subject = await setupWorker(await server(), { pipelines: [errand] });
    const options = { pipelines: [essay, errand], adapters: [adapter], name: "fast" };
    const connection = (await server()).url;
    const settings = parseWorkerSettings({ concurrency: 3, pollSeconds: 1, pollSecondsMax: 1 });
    const worker = assembleWorker({ ...options, connection }, settings, {
      runtime: fastRuntime,
      openStore: () =>
        createPostgresStore({
          connection,
          schema: subject.database.schema,
          name: "fast worker",
          connections: 2,
        }),
    });
    const released: unknown[] = [];
    worker.subscribe((event) => event.name === "job.released" && released.push(event));
    await subject.client.enqueueMany(essay, [1, 2, 3, 4, 5, 6]);
    await worker.start();
    while (released.length < 3) await new Promise((resolve) => void setTimeout(resolve));
    isDown = false;
    calls.length = 0;

    // All are due now; the worker lets one of them ask. The errand shows that it goes on claiming meanwhile.
    await subject.database.advance(60_000);
    while (calls.length === 0) await new Promise((resolve) => void setTimeout(resolve));
    for (let errands = 0; errands < 3; errands += 1) {
      const { id } = await subject.client.enqueue(errand, {});
      await subject.client.waitForJob(id);
    }
    const during = [...calls];
    probe.open();
    await drain(subject.database);
    await worker.stop();

    expect(during).toEqual([1]);
    expect(calls).toHaveLength(6);
    const outages = await subject.database.query(
      'select count(*)::integer as jobs, sum(failures)::integer as failures from :"schema".job_counter',
    );
    expect(outages).toEqual([{ jobs: 3, failures: 0 }]);
  });
});
