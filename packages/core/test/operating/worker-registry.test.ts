import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { WorkerOptions, WorkerRecord } from "@leasehold/core";

import { coreVersion } from "../../src/version.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";
import { aborted, essayOf, resultOf, setupWorker, type WorkerSubject } from "../support/worker.ts";

const server = useServer();
const setup = async (options: Partial<WorkerOptions> = {}): Promise<WorkerSubject> =>
  setupWorker(await server(), {
    name: "first",
    concurrency: 3,
    pipelines: [essayOf({ draft: async () => resultOf("done") })],
    ...options,
  });

/** Waits until the database knows of workers what it should. */
async function waitForWorkers(
  { client }: WorkerSubject,
  isSo: (workers: readonly WorkerRecord[]) => boolean,
): Promise<readonly WorkerRecord[]> {
  const over = performance.now() + 20_000;
  for (;;) {
    const workers = await client.getWorkers();
    if (isSo(workers)) return workers;
    if (performance.now() > over) throw new Error(`It stays at ${JSON.stringify(workers)}.`);
    await Bun.sleep(10);
  }
}

const about = { name: "hand", version: "1", types: ["essay/1"], slots: 2, intervalMs: 10_000 };
const id = "00000000-0000-4000-8000-000000000001";

async function setupByHand(): Promise<Queue> {
  return await setupQueue(await server());
}

describe("a worker", () => {
  test("is seen from its start, with what it runs, and says that it stopped", async () => {
    await using subject = await setup();

    await subject.worker.start();
    const working = await waitForWorkers(subject, (workers) => workers.length > 0);
    await subject.worker.stop();
    const [stopped] = await subject.client.getWorkers();

    expect(working).toMatchObject([
      {
        name: "first",
        state: "live",
        version: coreVersion,
        types: ["essay/1"],
        slots: 3,
        inFlight: 0,
        abandoned: 0,
        stoppedAt: undefined,
      },
    ]);
    expect(stopped).toMatchObject({ state: "stopped", stoppedAt: expect.any(Date) });
  });

  test("tells how many jobs it holds, and how many adapters did not obey", async () => {
    const never = new Promise<never>(() => undefined);
    await using subject = await setup({
      leaseSeconds: 0.6,
      phaseTimeoutSeconds: 0.3,
      pipelines: [essayOf({ draft: () => never })],
    });
    await subject.worker.start();
    await subject.client.enqueue(essayOf({ draft: () => never }), {});

    const [worker] = await waitForWorkers(
      subject,
      ([first]) => (first?.abandoned ?? 0) > 0 && (first?.inFlight ?? 0) > 0,
    );

    expect(worker).toMatchObject({ name: "first", state: "live" });
  });

  test("is two workers when there are two of the same name", async () => {
    await using subject = await setup();
    const { worker: second } = subject.addWorker({});

    await subject.worker.start();
    await second.start();
    const workers = await waitForWorkers(subject, ({ length }) => length > 1);

    expect(workers.map(({ name }) => name)).toEqual(["first", "first"]);
    expect(new Set(workers.map((worker) => worker.id)).size).toBe(2);
  });

  test("works on, and says so, when it may not tell that it works", async () => {
    await using subject = await setup({
      pipelines: [
        essayOf({
          draft: async (_, { signal }) => {
            await aborted(signal);
            return resultOf("done");
          },
        }),
      ],
    });
    await subject.database.query('drop function :"schema".note_worker');

    await subject.worker.start();
    const failed = await subject.recorder.waitFor("database.failed");
    await subject.client.enqueue(essayOf({ draft: undefined }), {});
    await subject.recorder.waitFor("phase.started");

    expect(failed).toMatchObject({ operation: "note_worker", code: "schema_outdated" });
    await subject.worker.stop();
    expect(subject.worker.state()).toBe("stopped");
  });
});

describe("get_workers", () => {
  test("calls a worker silent that was not seen for three of its intervals", async () => {
    await using queue = await setupByHand();
    await queue.call("note_worker", id, about, 1, 0, false);

    await queue.database.advance(20_000);
    const [late] = await queue.client.getWorkers();
    await queue.database.advance(11_000);
    const [silent] = await queue.client.getWorkers();
    await queue.call("note_worker", id, about, 2, 1, false);
    const [back] = await queue.client.getWorkers();

    expect(late).toMatchObject({ state: "live" });
    expect(silent).toMatchObject({ state: "silent", inFlight: 1 });
    expect(back).toMatchObject({ state: "live", inFlight: 2, abandoned: 1 });
  });

  test("forgets who has not been seen for a month, when somebody new comes", async () => {
    await using queue = await setupByHand();
    await queue.call("note_worker", id, about, 0, 0, false);
    await queue.database.advance(31 * 86_400_000);

    await queue.call("note_worker", crypto.randomUUID(), { ...about, name: "new" }, 0, 0, false);

    expect(await queue.client.getWorkers()).toMatchObject([{ name: "new" }]);
  });

  test("keeps a worker stopped, when a call of it comes late", async () => {
    await using queue = await setupByHand();
    await queue.call("note_worker", id, about, 0, 0, true);

    await queue.call("note_worker", id, about, 3, 0, false);

    expect(await queue.client.getWorkers()).toMatchObject([{ state: "stopped" }]);
  });
});

describe("rivals", () => {
  test("a first word that comes twice makes one worker", async () => {
    await using queue = await setupByHand();
    await using rivalry = await rivalsIn(queue);
    await rivalry.first.call("note_worker", id, about, 0, 0, false);

    const again = await rivalry.overtaken((rival) =>
      rival.call("note_worker", id, about, 0, 0, false),
    );

    expect(again).toEqual([{ note_worker: "ok" }]);
    expect(await queue.client.getWorkers()).toHaveLength(1);
  });
});

test("the version is the manifest's", async () => {
  const text = await readFile(join(import.meta.dirname, "../../package.json"), "utf8");

  expect((JSON.parse(text) as { version: string }).version).toBe(coreVersion);
});
