import { describe, expect, test } from "bun:test";

import { useServer } from "../support/server.ts";
import {
  aborted,
  createGate,
  essayOf,
  resultOf,
  type Run,
  setupWorker,
} from "../support/worker.ts";

const server = useServer();

describe("adapters that do not obey", () => {
  const deaf: Run = async ({ input }, { signal }) => {
    if (input === "deaf") await new Promise(() => undefined);
    await aborted(signal);
    throw signal.reason;
  };

  test("exhaust a worker: it claims nothing more, lets the others end, and says why it stopped", async () => {
    const go = createGate();
    const essay = essayOf({
      draft: async (request, context) => {
        if (request.input === "good") {
          await go.opened;
          return resultOf(1);
        }
        return await deaf(request, context);
      },
    });
    const settings = { concurrency: 3, abandonedMax: 2, abandonSeconds: 0.05, graceSeconds: 60 };
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...settings });
    const good = await subject.client.enqueue(essay, "good");
    const bad = [
      await subject.client.enqueue(essay, "deaf"),
      await subject.client.enqueue(essay, "deaf"),
    ];
    await subject.worker.start();
    const isStarted = ({ name }: { readonly name: string }): boolean => name === "phase.started";
    await subject.recorder.waitFor(() => subject.recorder.events.filter(isStarted).length === 3);

    for (const { id } of bad) await subject.client.cancel(id);
    const exhausted = await subject.recorder.waitFor("worker.exhausted");
    const during = subject.worker.state();
    const late = await subject.client.enqueue(essay, "late");
    go.open();
    await subject.recorder.waitFor("worker.stopped");

    expect(exhausted).toMatchObject({ worker: subject.worker.name, count: 2 });
    expect([during, subject.worker.state()]).toEqual(["stopping", "exhausted"]);
    expect(await subject.client.getJob(good.id)).toMatchObject({ state: "completed", losses: 0 });
    expect(await subject.client.getJob(late.id)).toMatchObject({ state: "queued", attempts: [] });
  });

  test("never exhaust a worker that was told so, and not one that stops", async () => {
    const essay = essayOf({ draft: deaf });
    const settings = { concurrency: 2, abandonSeconds: 0.05 };
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      ...settings,
      abandonedMax: 0,
    });
    const { id } = await subject.client.enqueue(essay, "deaf");
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");
    await subject.client.cancel(id);
    await subject.recorder.waitFor("adapter.abandoned");
    const first = subject.worker.state();
    await subject.worker.stop();
    const { worker, recorder } = subject.addWorker({ abandonedMax: 1 });
    await subject.client.enqueue(essay, "deaf");
    await worker.start();
    await recorder.waitFor("phase.started");

    await worker.stop();

    expect([first, subject.worker.state(), worker.state()]).toEqual([
      "running",
      "stopped",
      "stopped",
    ]);
    expect(recorder.names()).toContain("adapter.abandoned");
    expect(recorder.names()).not.toContain("worker.exhausted");
  });

  test("keep a worker no longer than its grace, once somebody stops it meanwhile", async () => {
    const essay = essayOf({ draft: deaf });
    const settings = { concurrency: 2, abandonedMax: 1, abandonSeconds: 0.05, graceSeconds: 0 };
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...settings });
    const bad = await subject.client.enqueue(essay, "deaf");
    const slow = await subject.client.enqueue(essay, "slow");
    await subject.worker.start();
    const isStarted = ({ name }: { readonly name: string }): boolean => name === "phase.started";
    await subject.recorder.waitFor(() => subject.recorder.events.filter(isStarted).length === 2);
    await subject.client.cancel(bad.id);
    await subject.recorder.waitFor("worker.exhausted");

    await subject.worker.stop();

    expect(subject.worker.state()).toBe("exhausted");
    expect(await subject.client.getJob(slow.id)).toMatchObject({ state: "queued", losses: 0 });
  });
});
