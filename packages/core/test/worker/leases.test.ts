import { describe, expect, test } from "bun:test";

import { WorkerError, type WorkerErrorCode } from "@leasehold/core";
import { z } from "zod";

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

describe("time", () => {
  test("a phase that takes too long is aborted, and charged", async () => {
    let reason: unknown;
    const essay = essayOf({
      draft: async (_, { signal }) => {
        await aborted(signal);
        reason = signal.reason;
        throw new Error("stopped");
      },
    });
    const timeout = { pipelines: [essay], phaseTimeoutSeconds: 0.05 };
    await using subject = await setupWorker(await server(), timeout);
    await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const event = await subject.recorder.waitFor("job.retried");

    expect(event.code).toBe("deadline_exceeded");
    expect(WorkerError.is(reason, "deadline_exceeded")).toBe(true);
  });

  test("a phase's own timeout comes before the worker's, and is told to it", async () => {
    let leftMs = 0;
    const run: Run = async (_, { deadlineAt }) =>
      resultOf((leftMs = deadlineAt - performance.now()));
    const essay = essayOf(
      {},
      { phases: [{ name: "draft", output: z.unknown(), timeoutSeconds: 77, run }] },
    );
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.client.waitForJob(id);

    expect(leftMs).toBeWithin(70_000, 77_001);
  });

  test("an adapter that does not obey is left behind, and its slot given back", async () => {
    const hung = createGate();
    const essay = essayOf({
      draft: async (_, { attempt }) => {
        if (attempt === 1) await hung.opened;
        return resultOf(attempt);
      },
    });
    const settings = { concurrency: 1, phaseTimeoutSeconds: 0.05 };
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...settings });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);
    hung.open();

    expect(subject.recorder.names()).toContain("adapter.abandoned");
    expect(job).toMatchObject({ state: "completed", failures: 1 });
    expect(await subject.client.getResults(id)).toMatchObject([{ output: 2 }]);
  });

  test("a context is of no use after its attempt", async () => {
    const late = createGate();
    const refusals: unknown[] = [];
    const essay = essayOf({
      draft: async (_, context) => {
        void late.opened.then(async () => {
          context.progress({ stage: "saving" });
          for (const write of [context.savePart(1, 1, {}), context.commit([])]) {
            refusals.push(await write.catch((error: unknown) => error));
          }
        });
        return resultOf(context.attempt);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.client.waitForJob(id);

    late.open();
    while (refusals.length < 2) await new Promise((resolve) => void setTimeout(resolve));

    expect(refusals).toMatchObject([{ code: "aborted" }, { code: "aborted" }]);
    expect(subject.recorder.names()).not.toContain("phase.progressed");
    expect(await subject.database.query('select from :"schema".result where part > 0')).toEqual([]);
  });
});

describe("a lease", () => {
  test("is renewed for as long as its job runs", async () => {
    const release = createGate();
    const essay = essayOf({
      draft: async () => {
        await release.opened;
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      leaseSeconds: 1,
    });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();

    const [claimed] = await Promise.all([
      subject.recorder.waitFor("job.claimed"),
      new Promise((resolve) => void setTimeout(resolve, 2_500)),
    ]);
    release.open();

    expect(claimed.attempt).toBe(1);
    expect(await subject.client.waitForJob(id)).toMatchObject({ state: "completed", losses: 0 });
    const told = subject.recorder.names();
    expect(told).toContain("lease.renewed");
    expect(told.filter((name) => name === "renewal.started")).toHaveLength(1);
  });

  test("may be of any length", async () => {
    const essay = essayOf({ draft: async () => resultOf(1) });
    // In milliseconds this is 2009.9999999999998.
    const settings = { pipelines: [essay], leaseSeconds: 2.01 };
    await using subject = await setupWorker(await server(), settings);
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    expect((await subject.client.waitForJob(id)).state).toBe("completed");
  });

  test("that is lost aborts the work, and nothing is written", async () => {
    const codes: WorkerErrorCode[] = [];
    const essay = essayOf({
      draft: async (_, context) => {
        await aborted(context.signal);
        const refused = await context.savePart(1, 1, {}).catch((error: unknown) => error);
        if (WorkerError.is(refused)) codes.push(refused.code);
        return resultOf("too late");
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      leaseSeconds: 3,
      renewSeconds: 0.1,
    });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    await subject.client.cancel(id);
    await subject.recorder.waitFor("job.cancelled");

    expect(codes).toEqual(["cancelled"]);
    expect(await subject.client.getJob(id)).toMatchObject({ state: "cancelled" });
    expect(await subject.client.getResults(id)).toEqual([]);
    expect(subject.recorder.names()).not.toContain("job.completed");
  });

  test("that is lost is found out by a part or a commit, before any renewal", async () => {
    const ready = createGate();
    const cancelled = createGate();
    const answers: unknown[] = [];
    const essay = essayOf({
      draft: async (_, context) => {
        ready.open();
        await cancelled.opened;
        answers.push(await context.savePart(1, 1, {}).catch((error: unknown) => error));
        answers.push(context.signal.aborted);
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await ready.opened;

    await subject.client.cancel(id);
    cancelled.open();
    await subject.recorder.waitFor("job.cancelled");

    expect(answers).toMatchObject([{ code: "cancelled" }, true]);
  });
});

describe("commit", () => {
  test("writes under the lease, and not after it is lost", async () => {
    const first = createGate();
    const cancelled = createGate();
    const answers: unknown[] = [];
    let table = "";
    const essay = essayOf({
      draft: async (_, context) => {
        const text = `insert into ${table} (text) values ($1)`;
        await context.commit([{ text, parameters: ["one"] }]);
        first.open();
        await cancelled.opened;
        const late = context.commit([{ text, parameters: ["two"] }]);
        answers.push(await late.catch((error: unknown) => error));
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    table = `"${subject.database.schema}".note`;
    await subject.database.query(`create table ${table} (text text)`);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await first.opened;

    await subject.client.cancel(id);
    cancelled.open();
    await subject.recorder.waitFor("job.cancelled");

    expect(await subject.database.query(`select text from ${table}`)).toEqual([{ text: "one" }]);
    expect(answers).toMatchObject([{ code: "cancelled" }]);
  });

  test("of a statement that breaks a rule of the host's is no matter of size", async () => {
    let table = "";
    const essay = essayOf({
      draft: async (_, context) => {
        await context.commit([{ text: `insert into ${table} (points) values (-1)` }]);
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    table = `"${subject.database.schema}".grade`;
    await subject.database.query(`create table ${table} (points integer check (points >= 0))`);
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    const job = await subject.client.waitForJob(id);
    expect(job).toMatchObject({ state: "failed", code: "statement_failed" });
  });
});
