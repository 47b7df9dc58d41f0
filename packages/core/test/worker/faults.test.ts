import { describe, expect, test } from "bun:test";

import { WorkerError } from "@leasehold/core";
import { drain, type EventRecorder } from "@leasehold/core/testing";

import { setupWithStore } from "../support/changed-store.ts";
import { type Proxy, startProxy } from "../support/proxy.ts";
import { connectionOptions } from "../support/queue.ts";
import { endConnections, useServer } from "../support/server.ts";
import {
  aborted,
  createGate,
  essayOf,
  resultOf,
  setupWorker,
  type WorkerSubject,
} from "../support/worker.ts";

const server = useServer();

/** Lets the call through and loses its first answer, as a connection does that is cut at the wrong moment. */
function losingAnswer<Arguments extends readonly unknown[], Answer>(
  call: (...values: Arguments) => Promise<Answer>,
): (...values: Arguments) => Promise<Answer> {
  let calls = 0;
  return async (...values) => {
    const answer = await call(...values);
    calls += 1;
    if (calls > 1) return answer;
    throw new WorkerError("database_unavailable", "Postgres closed the connection.", {
      scope: "backend",
      retryable: true,
    });
  };
}

const essay = essayOf({ draft: undefined, grade: undefined });

describe("an answer that was lost on its way", () => {
  test("of a claim: what it took is given back and claimed again, at no cost", async () => {
    await using subject = await setupWithStore(await server(), {
      draft: async () => resultOf(1),
      change: (store) => ({ claimJobs: losingAnswer((request) => store.claimJobs(request)) }),
    });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(job).toMatchObject({ state: "completed", losses: 0, attempts: [{ attempt: 1 }] });
    expect(job.attempts).toHaveLength(1);
  });

  test("of a completion: the job is completed, once", async () => {
    await using subject = await setupWithStore(await server(), {
      draft: async () => resultOf(1),
      change: (store) => ({
        completeJob: losingAnswer((lease, result) => store.completeJob(lease, result)),
      }),
    });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.recorder.waitFor("job.completed");

    expect(await subject.client.getJob(id)).toMatchObject({ state: "completed", failures: 0 });
    expect(subject.recorder.names().filter((name) => name === "job.completed")).toHaveLength(1);
  });

  test("of a completion whose hook raised: nobody hears that the job is completed", async () => {
    await using subject = await setupWithStore(await server(), {
      draft: async () => resultOf(1),
      change: (store) => ({
        completeJob: losingAnswer((lease, result) => store.completeJob(lease, result)),
      }),
    });
    const { database } = subject;
    await database.query(`create function :"schema".refuse(uuid, text, text, text, text, text, jsonb)
      returns void language plpgsql as $$ begin raise exception 'no'; end $$`);
    const hook = `"${database.schema}".refuse(uuid, text, text, text, text, text, jsonb)`;
    await database.query('select :"schema".register_type($1, $2::regprocedure)', ["essay", hook]);
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.client.waitForJob(id);

    expect(await subject.client.getJob(id)).toMatchObject({ state: "dead", failures: 4 });
    expect(subject.recorder.names()).not.toContain("job.completed");
    expect(subject.recorder.names()).toContain("job.retried");
  });

  test("of a checkpoint: the job goes on, and the phase is not done again", async () => {
    const ran: string[] = [];
    await using subject = await setupWithStore(await server(), {
      draft: async () => resultOf(ran.push("draft")),
      grade: async () => resultOf(ran.push("grade")),
      change: (store) => ({
        checkpointJob: losingAnswer((...values) => store.checkpointJob(...values)),
      }),
    });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({ state: "completed" });
    expect(ran).toEqual(["draft", "grade"]);
  });

  test("of a retry: it is charged once", async () => {
    await using subject = await setupWithStore(await server(), {
      draft: async (_, { attempt }) => {
        if (attempt > 1) return resultOf(1);
        throw new WorkerError("backend_failed", "It broke.", { retryable: true });
      },
      change: (store) => ({
        retryJob: losingAnswer((lease, reason) => store.retryJob(lease, reason)),
      }),
    });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({ failures: 1 });
  });

  test("of a part: the part is kept, and the work goes on", async () => {
    await using subject = await setupWithStore(await server(), {
      draft: async (_, context) => {
        await context.savePart(1, "page 1", {});
        return resultOf(context.attempt);
      },
      change: (store) => ({
        savePart: losingAnswer((...values) => store.savePart(...values)),
      }),
    });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(job).toMatchObject({ state: "completed", outages: 0 });
    expect(job.attempts).toHaveLength(1);
  });

  test("of a renewal: the lease is renewed again, and the work goes on", async () => {
    const release = createGate();
    await using subject = await setupWithStore(await server(), {
      draft: async () => {
        await release.opened;
        return resultOf(1);
      },
      change: (store) => ({ renewLeases: losingAnswer((leases) => store.renewLeases(leases)) }),
      leaseSeconds: 6,
      renewSeconds: 0.1,
    });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();

    await subject.recorder.waitFor("lease.renewed");
    release.open();

    const job = await subject.client.waitForJob(id);
    expect(job).toMatchObject({ state: "completed", losses: 0, outages: 0 });
  });
});

test("a settling call that Postgres refuses for good ends the attempt, not the worker", async () => {
  await using subject = await setupWithStore(await server(), {
    draft: async () => resultOf(1),
    change: () => ({
      async completeJob() {
        throw new WorkerError("statement_failed", "Postgres refused complete_job.");
      },
    }),
  });
  const { id } = await subject.client.enqueue(essay, {});

  await subject.worker.start();

  const job = await subject.client.waitForJob(id);
  expect(job).toMatchObject({ state: "failed", code: "statement_failed" });
  expect(subject.worker.inFlight()).toBe(0);
});

test("work goes on through connections that Postgres ends", async () => {
  const inside = createGate();
  const release = createGate();
  const pipeline = essayOf({
    draft: async (_, context) => {
      inside.open();
      await release.opened;
      await context.savePart(1, "after the cut", {});
      return resultOf(1);
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [pipeline] });
  const { id } = await subject.client.enqueue(pipeline, {});
  await subject.worker.start();
  await inside.opened;

  await endConnections(await server(), "application_name like 'leasehold worker%'");
  release.open();
  const job = await subject.client.waitForJob(id);
  const next = await subject.client.enqueue(pipeline, {});

  expect(job).toMatchObject({ state: "completed", losses: 0, failures: 0, outages: 0 });
  expect(job.attempts).toHaveLength(1);
  expect(await subject.client.waitForJob(next.id)).toMatchObject({ state: "completed" });
});

describe("a lease that cannot be renewed", () => {
  interface Unreachable extends AsyncDisposable {
    readonly subject: WorkerSubject;
    readonly proxy: Proxy;
    readonly id: string;
    readonly recorder: EventRecorder;
    /** Why and when the first attempt was aborted. */
    readonly ends: readonly { readonly reason: unknown; readonly atMs: number }[];
  }

  /** A worker behind a proxy, in the middle of its job. */
  async function setupUnreachable(): Promise<Unreachable> {
    const testServer = await server();
    const { path, ...login } = connectionOptions(testServer.url);
    const proxy = await startProxy(path);
    const ends: { reason: unknown; atMs: number }[] = [];
    const pipeline = essayOf({
      draft: async (_, { signal, attempt }) => {
        if (attempt > 1) return resultOf(attempt);
        await aborted(signal);
        ends.push({ reason: signal.reason, atMs: performance.now() });
        throw signal.reason;
      },
    });
    const subject = await setupWorker(testServer, { pipelines: [pipeline] });
    const { worker, recorder } = subject.addWorker({
      connection: { ...login, path: proxy.path },
      leaseSeconds: 4,
      marginSeconds: 2,
      renewSeconds: 0.5,
    });
    const { id } = await subject.client.enqueue(pipeline, {});
    await worker.start();
    await recorder.waitFor("lease.renewed");
    return {
      subject,
      proxy,
      id,
      recorder,
      ends,
      async [Symbol.asyncDispose]() {
        await subject[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
      },
    };
  }

  test("since Postgres refuses: the work ends in time, and is given back uncharged", async () => {
    await using unreachable = await setupUnreachable();
    const { subject, proxy, id, recorder, ends } = unreachable;

    proxy.mode("refuse");
    proxy.cut();
    await recorder.waitFor(() => ends.length > 0);
    proxy.mode("pass");
    await recorder.waitFor("job.released");

    expect(WorkerError.is(ends[0]?.reason, "database_unavailable")).toBe(true);
    const job = await subject.client.getJob(id);
    expect(job).toMatchObject({ state: "queued", failures: 0, losses: 0, outages: 1 });
  });

  test("since the connection fell silent: the work ends before the lease can", async () => {
    await using unreachable = await setupUnreachable();
    const { subject, proxy, id, recorder, ends } = unreachable;

    proxy.mode("silent");
    const silentAtMs = performance.now();
    await recorder.waitFor(() => ends.length > 0);
    proxy.mode("pass");
    proxy.cut();
    // Whether the lease was given back in time, or lapsed before, is chance here.
    await recorder.waitFor(({ name }) => name === "job.released" || name === "lease.lost");
    await subject.database.advance(60_000);
    const job = await subject.client.waitForJob(id);

    expect(WorkerError.is(ends[0]?.reason, "database_unavailable")).toBe(true);
    expect((ends[0]?.atMs ?? Infinity) - silentAtMs).toBeLessThan(4_000);
    expect(job).toMatchObject({ state: "completed", failures: 0 });
  });
});

test("an idle worker finds its way back after Postgres was silent", async () => {
  const { url } = await server();
  const { path, ...login } = connectionOptions(url);
  await using proxy = await startProxy(path);
  const pipeline = essayOf({ draft: async () => resultOf(1) });
  await using subject = await setupWorker(await server(), { pipelines: [pipeline] });
  const { worker } = subject.addWorker({ connection: { ...login, path: proxy.path } });
  await worker.start();

  proxy.mode("refuse");
  proxy.cut();
  const { id } = await subject.client.enqueue(pipeline, {});
  await new Promise((resolve) => void setTimeout(resolve, 200));
  const during = (await subject.client.getJob(id))?.state;
  proxy.mode("pass");

  expect(during).toBe("queued");
  expect((await subject.client.waitForJob(id)).state).toBe("completed");
  await drain(subject.database);
});
