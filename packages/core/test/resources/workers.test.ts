import { expect, test } from "bun:test";

import { type AdapterV1, WorkerError, type WorkerOptions } from "@leasehold/core";

import { useServer } from "../support/server.ts";
import { adapterOf, createGate, essayOf, resultOf, setupWorker } from "../support/worker.ts";

// Workers beside each other, each with connections of its own: what they know of a resource is what the database says.

const server = useServer();
const essay = essayOf({ draft: undefined });

const away = (): WorkerError =>
  new WorkerError("backend_unreachable", "It is away.", { scope: "backend", retryable: true });

const withAdapter = (adapter: AdapterV1): Pick<WorkerOptions, "adapters" | "pipelines"> => ({
  pipelines: [essay],
  adapters: [adapter],
});

test("the outage that one worker meets stops another, and the job of one looks for all", async () => {
  let isAway = true;
  const calls = { met: 0, other: 0 };
  await using subject = await setupWorker(
    await server(),
    withAdapter(
      adapterOf(async () => {
        calls.met += 1;
        if (isAway) throw away();
        return resultOf(1);
      }),
    ),
  );
  const other = subject.addWorker(
    withAdapter(
      adapterOf(async () => {
        calls.other += 1;
        return resultOf(2);
      }),
    ),
  );
  await subject.worker.start();
  const { id } = await subject.client.enqueue(essay, {});
  await subject.recorder.waitFor("resource.opened");

  const second = await subject.client.enqueue(essay, {});
  await other.worker.start();
  const opened = await other.recorder.waitFor("resource.opened");
  const before = { ...calls };
  isAway = false;
  await subject.database.advance(10_000);
  await subject.client.waitForJob(id);
  await subject.client.waitForJob(second.id);

  expect(opened).toMatchObject({ resource: "host/model", code: "backend_unreachable" });
  expect(before).toEqual({ met: 1, other: 0 });
  expect(calls.met + calls.other).toBe(3);
  const probed = [...subject.recorder.events, ...other.recorder.events].filter(
    ({ name }) => name === "resource.probed",
  );
  expect(probed).toHaveLength(1);
  expect(await subject.client.getJob(id)).toMatchObject({ failures: 0, outages: 1 });
});

test("two workers together have no more jobs of a resource than its adapter says, and then an operator", async () => {
  let running = 0;
  const seen: number[] = [];
  const gate = createGate();
  const adapter: AdapterV1 = {
    ...adapterOf(async () => {
      running += 1;
      seen.push(running);
      await gate.opened;
      running -= 1;
      return resultOf(1);
    }),
    concurrency: () => 2,
  };
  await using subject = await setupWorker(await server(), withAdapter(adapter));
  const other = subject.addWorker({});
  await subject.worker.start();
  await other.worker.start();
  const started = async (count: number): Promise<void> => {
    while (seen.length < count) await new Promise((resolve) => void setTimeout(resolve, 5));
  };

  const added = await subject.client.enqueueMany(essay, [1, 2, 3, 4, 5, 6]);
  await started(2);
  const [declared] = await subject.client.getResources();
  await subject.client.setResource("host/model", { concurrency: 3 });
  await started(3);
  const [set] = await subject.client.getResources();
  gate.open();
  for (const { id } of added) await subject.client.waitForJob(id);

  expect(declared).toMatchObject({ concurrency: 2, leased: 2, places: 0 });
  expect(set).toMatchObject({ concurrency: 3, leased: 3, places: 0 });
  expect(Math.max(...seen)).toBe(3);
});

test("what is missing is waited for a minute, and told with its code", async () => {
  await using subject = await setupWorker(
    await server(),
    withAdapter(
      adapterOf(async () => {
        throw new WorkerError("model_missing", "Pull it.", { scope: "config" });
      }),
    ),
  );
  await subject.worker.start();
  await subject.client.enqueue(essay, {});

  const opened = await subject.recorder.waitFor("resource.opened");

  expect(opened).toMatchObject({ resource: "host/model", code: "model_missing" });
  const [resource] = await subject.client.getResources();
  expect(resource).toMatchObject({ state: "open", code: "model_missing" });
  const waitMs = (resource?.openUntil?.getTime() ?? 0) - Date.now();
  expect(waitMs).toBeWithin(50_000, 60_001);
});

test("a worker hears before long that an operator has closed the breaker", async () => {
  await using subject = await setupWorker(
    await server(),
    withAdapter(adapterOf(async () => resultOf(1))),
  );
  await subject.worker.start();
  await subject.client.openBreaker("host/model");
  const { id } = await subject.client.enqueue(essay, {});
  await subject.recorder.waitFor("resource.opened");

  await subject.client.closeBreaker("host/model");
  await subject.client.waitForJob(id);

  expect(await subject.client.getJob(id)).toMatchObject({ state: "completed", outages: 0 });
  expect(subject.recorder.events.map(({ name }) => name)).toContain("resource.closed");
});

test.each([0, 1.5, -1])("an adapter cannot say that a resource bears %p jobs", async (count) => {
  const adapter = { ...adapterOf(async () => resultOf(1)), concurrency: () => count };
  await using subject = await setupWorker(await server(), withAdapter(adapter));

  expect(subject.worker.start()).rejects.toMatchObject({ code: "config_invalid" });
});
