import { describe, expect, test } from "bun:test";

import { type JobRecord, WorkerError } from "@leasehold/core";
import { z } from "zod";

import { endConnections, useServer } from "../support/server.ts";
import {
  aborted,
  createGate,
  essayOf,
  resultOf,
  type Run,
  setupWorker,
  type WorkerSubject,
} from "../support/worker.ts";

const server = useServer();

/** Waits for its abort, tries to write in spite of it, and tells what it met. */
function obedient(refusals: unknown[]): Run {
  return async (_, context) => {
    await aborted(context.signal);
    refusals.push(context.signal.reason);
    refusals.push(await context.savePart(1, 1, {}).catch((error: unknown) => error));
    refusals.push(await context.commit([]).catch((error: unknown) => error));
    return resultOf("too late");
  };
}

/** As behind a PgBouncer in transaction mode: no hint arrives. */
async function cutHints({ database }: WorkerSubject): Promise<void> {
  await database.query(
    `create or replace function :"schema".hint_keepers() returns void language sql as 'select'`,
  );
}

describe("a cancel reaches a running job", () => {
  test("through the hint, long before it is time to renew", async () => {
    const refusals: unknown[] = [];
    const essay = essayOf({ draft: obedient(refusals) });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    await subject.client.cancel(id);
    const cancelledAt = performance.now();
    // Renewals are twenty seconds apart.
    const event = await subject.recorder.waitFor("job.cancelled");
    const tookMs = Math.round(performance.now() - cancelledAt);
    process.stdout.write(`a hint ended the work after ${tookMs} ms\n`);

    expect(event).toMatchObject({ jobId: id, phase: "draft", attempt: 1, code: "cancelled" });
    expect(refusals).toMatchObject(Array.from({ length: 3 }, () => ({ code: "cancelled" })));
    expect(await subject.client.getJob(id)).toMatchObject({
      state: "cancelled",
      code: "cancelled",
    });
    expect(await subject.client.getResults(id)).toEqual([]);
    expect(subject.recorder.names()).not.toContain("lease.lost");
    expect(subject.recorder.names()).not.toContain("job.completed");
  });

  test("by the next renewal, when hints are cut", async () => {
    const refusals: unknown[] = [];
    const essay = essayOf({ draft: obedient(refusals) });
    const lease = { leaseSeconds: 3, renewSeconds: 0.2 };
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...lease });
    await cutHints(subject);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    await subject.client.cancel(id);
    await subject.recorder.waitFor("job.cancelled");

    expect(refusals[0]).toMatchObject({ code: "cancelled" });
  });

  test("and disturbs nobody else: his neighbour in the process and other workers go on", async () => {
    const go = createGate();
    const aborts: boolean[] = [];
    const essay = essayOf({
      draft: async ({ input }, { signal }) => {
        if (input === "cancelled") await aborted(signal);
        else await go.opened;
        aborts.push(signal.aborted);
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay], concurrency: 2 });
    const victim = await subject.client.enqueue(essay, "cancelled");
    const neighbour = await subject.client.enqueue(essay, "neighbour");
    await subject.worker.start();
    const isStarted = ({ name }: { readonly name: string }): boolean => name === "phase.started";
    await subject.recorder.waitFor(() => subject.recorder.events.filter(isStarted).length === 2);
    const { worker: other, recorder } = subject.addWorker({});
    await other.start();
    const third = await subject.client.enqueue(essay, "third");
    await recorder.waitFor("phase.started");

    await subject.client.cancel(victim.id);
    await subject.recorder.waitFor("job.cancelled");
    go.open();

    for (const { id } of [neighbour, third]) {
      expect(await subject.client.waitForJob(id)).toMatchObject({ state: "completed", losses: 0 });
    }
    expect(aborts).toEqual([true, false, false]);
  });

  test("that goes on with its next phase", async () => {
    const refusals: unknown[] = [];
    const essay = essayOf({ draft: async () => resultOf(1), grade: obedient(refusals) });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor((e) => e.name === "phase.started" && e.phase === "grade");

    await subject.client.cancel(id);
    const event = await subject.recorder.waitFor("job.cancelled");

    expect(event.phase).toBe("grade");
    expect(await subject.client.getResults(id)).toHaveLength(1);
  });

  test("whose worker was cut off from hints before: it asks when it listens again", async () => {
    const refusals: unknown[] = [];
    const essay = essayOf({ draft: obedient(refusals) });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");
    await cutHints(subject);
    await subject.client.cancel(id);

    await breakListening();
    const event = await subject.recorder.waitFor("job.cancelled");

    expect(event.jobId).toBe(id);
  });
});

/** The connection breaks, and with it what might have been heard. */
async function breakListening(): Promise<void> {
  const listening =
    "application_name = 'leasehold worker listen' and query ilike 'listen%' and state = 'idle'";
  for (;;) {
    if ((await endConnections(await server(), listening)) > 0) return;
  }
}

describe("a loss that is nobody's order", () => {
  test("is told as one", async () => {
    const refusals: unknown[] = [];
    const essay = essayOf({ draft: obedient(refusals) });
    // Long enough that a busy machine renews in time: it is the database that takes this lease away.
    const lease = { leaseSeconds: 6, renewSeconds: 0.5, marginSeconds: 0.1 };
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...lease });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    // As a server's clock that jumps ahead, and another worker's maintenance, which lets a server run for a lease first.
    await subject.database.query(
      `do $$ begin
         while pg_postmaster_start_time() > clock_timestamp() - interval '6 seconds' loop
           perform pg_sleep(0.1);
         end loop;
         update :"schema".lease set until = until - interval '1 hour';
         perform :"schema".lapse_leases(100);
       end $$`,
    );
    const event = await subject.recorder.waitFor("lease.lost");

    expect(event.jobId).toBe(id);
    expect(refusals[0]).toMatchObject({ code: "lease_lost" });
    expect(subject.recorder.names()).not.toContain("job.cancelled");
  });
});

describe("progress", () => {
  test("is written by the next renewal, and is gone when its phase is", async () => {
    const go = createGate();
    const essay = essayOf({
      draft: async (_, context) => {
        context.progress({ stage: "preparing" });
        context.progress({ stage: "reading", partsDone: 3, partsTotal: 12, tokens: 40 });
        await go.opened;
        return resultOf(1);
      },
    });
    const lease = { leaseSeconds: 3, renewSeconds: 0.1 };
    await using subject = await setupWorker(await server(), { pipelines: [essay], ...lease });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();

    const records: JobRecord[] = [];
    for await (const job of subject.client.watch(id, { pollIntervalMs: 10 })) {
      records.push(job);
      if (job.progress !== undefined) go.open();
    }

    const told = records.flatMap(({ progress }) => progress ?? []);
    expect(told[0]).toEqual({
      stage: "reading",
      partsDone: 3,
      partsTotal: 12,
      tokens: 40,
      toldAt: expect.any(Date),
    });
    expect(records.at(-1)).toMatchObject({ state: "completed" });
    expect(records.at(-1)?.progress).toBeUndefined();
  });

  test("that is a learner's text goes nowhere", async () => {
    const essay = essayOf({
      draft: async (_, context) => {
        const stray = { stage: "Ada wrote this", tokens: 5, note: "Ada wrote that" };
        context.progress(stray);
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const { progress } = await subject.recorder.waitFor("phase.progressed");

    expect(progress).toEqual({ tokens: 5 });
  });
});

describe("watch", () => {
  const quick = essayOf({ draft: async () => resultOf(1) });

  test("gives each state once, and ends with the job", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [quick] });
    const { id } = await subject.client.enqueue(quick, {});
    const states: string[] = [];

    for await (const job of subject.client.watch(id, { pollIntervalMs: 5 })) {
      states.push(job.state);
      if (job.state === "queued") await subject.worker.start();
    }

    expect(states.at(0)).toBe("queued");
    expect(states.at(-1)).toBe("completed");
    expect(new Set(states).size).toBe(states.length);
  });

  test("ends with the signal's reason, and with `not_found` for no job", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [quick] });
    const { id } = await subject.client.enqueue(quick, { never: "run" });
    const controller = new AbortController();
    const reason = new Error("Enough.");

    const watched = (async () => {
      for await (const _ of subject.client.watch(id, controller)) controller.abort(reason);
    })();
    const missing = subject.client.watch(crypto.randomUUID())[Symbol.asyncIterator]().next();
    // Heard together: whichever comes first has somebody who waits for it.
    const [end, refusal] = await Promise.allSettled([watched, missing]);

    expect(end).toEqual({ status: "rejected", reason });
    expect(refusal).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
  });
});

describe("a phase that says nothing", () => {
  const stalling = (run: Run): ReturnType<typeof essayOf> =>
    essayOf({}, { phases: [{ name: "draft", output: z.unknown(), stallSeconds: 0.1, run }] });

  test("for too long is aborted and charged to its job, and may be tried again", async () => {
    const reasons: unknown[] = [];
    const essay = stalling(async (_, { attempt, signal }) => {
      if (attempt > 1) return resultOf(attempt);
      await aborted(signal);
      reasons.push(signal.reason);
      throw new Error("stopped");
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(WorkerError.is(reasons[0], "stalled")).toBe(true);
    expect(job).toMatchObject({ state: "completed", failures: 1, outages: 0, code: "stalled" });
    expect(job.attempts).toMatchObject([{ outcome: "retried", code: "stalled" }, {}]);
  });

  test("because it waits for its backend is left to its adapter", async () => {
    const waited = createGate();
    const essay = stalling(async (_, context) => {
      context.progress({ stage: "prefill" });
      setTimeout(() => waited.open(), 500);
      await waited.opened;
      return resultOf(1);
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({ state: "completed", failures: 0 });
  });

  test("and saves no part in time: the deadline of all its parts ends it", async () => {
    let saved = 0;
    const essay = essayOf(
      {},
      {
        phases: [
          {
            name: "draft",
            output: z.unknown(),
            timeoutSeconds: 0.5,
            stallSeconds: 60,
            async run(_, context) {
              for (let part = 1; ; part += 1) {
                await context.savePart(part, part, {});
                saved = part;
              }
            },
          },
        ],
      },
    );
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const event = await subject.recorder.waitFor("job.retried");
    await subject.worker.stop();

    expect(event).toMatchObject({ jobId: id, code: "deadline_exceeded" });
    const [kept] = await subject.database.query(
      'select count(*)::integer as count from :"schema".result where part > 0',
    );
    expect(saved).toBeGreaterThan(0);
    expect(kept?.["count"]).toBeGreaterThanOrEqual(saved);
  });
});
