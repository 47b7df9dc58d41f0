import { describe, expect, test } from "bun:test";

import { type ChildRecord, type Pipeline, WorkerError } from "@leasehold/core";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { claimFamily, complete, parkedFamily } from "../support/family.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";
import { countReady, pipelineOf, waitForChildren } from "../support/waiting.ts";
import { resultOf, type Run, setupWorker } from "../support/worker.ts";

// A job that waits until its children have ended.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const page = pipelineOf("page", {
  name: "read",
  async run({ input }) {
    if (input === "torn") throw new WorkerError("input_corrupt", "It is torn.");
    return resultOf(input);
  },
});

/** A book that is scattered into pages, and bound when they have been read. */
function bookOf(pages: readonly string[], bind: Run): Pipeline {
  return pipelineOf(
    "book",
    {
      name: "scatter",
      async run(_, context) {
        for (const text of pages) context.enqueue(page, text, { child: true });
        return resultOf(pages.length);
      },
    },
    { name: "bind", run: bind },
  );
}

describe("a job with children", () => {
  test("waits for all of them without a slot, and sees how they ended", async () => {
    const seen: (readonly ChildRecord[])[] = [];
    const book = bookOf(["one", "torn", "three"], async (_, context) => {
      seen.push(await context.waitForChildren());
      return resultOf(context.attempt);
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [book, page],
      concurrency: 1,
    });
    const { id } = await subject.client.enqueue(book, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(seen.flat().map(({ type, state, code }) => [type, state, code])).toEqual([
      ["page", "completed", undefined],
      ["page", "failed", "input_corrupt"],
      ["page", "completed", undefined],
    ]);
    const outcomes = job.attempts.map(({ phase, outcome }) => `${phase} ${outcome}`);
    expect(outcomes).toEqual(["scatter completed", "bind waited", "bind completed"]);
    expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0 });
  });

  test("goes on at the first that fails, when it says so", async () => {
    const states: string[] = [];
    const book = pipelineOf(
      "book",
      {
        name: "scatter",
        async run(_, context) {
          context.enqueue(page, "torn", { child: true });
          context.enqueue(page, "later", { child: true, delayMs: 3_600_000 });
          return resultOf(2);
        },
      },
      {
        name: "bind",
        async run(_, context) {
          const children = await context.waitForChildren({ failFast: true });
          states.push(...children.map(({ state }) => state));
          return resultOf("bound");
        },
      },
    );
    await using subject = await setupWorker(await server(), { pipelines: [book, page] });
    const { id } = await subject.client.enqueue(book, {});

    await subject.worker.start();
    await subject.client.waitForJob(id);

    expect(states).toEqual(["failed", "queued"]);
  });

  test("that has none waits for nobody", async () => {
    const book = bookOf([], async (_, context) => resultOf(await context.waitForChildren()));
    await using subject = await setupWorker(await server(), { pipelines: [book] });
    const { id } = await subject.client.enqueue(book, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(job.attempts).toMatchObject([{ phase: "scatter" }, { phase: "bind", attempt: 1 }]);
  });

  test("cannot wait in the phase that adds them", async () => {
    const book = pipelineOf("book", {
      name: "scatter",
      async run(_, context) {
        context.enqueue(page, "one", { child: true });
        return resultOf(await context.waitForChildren());
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [book] });
    await subject.client.enqueue(book, {});

    await subject.worker.start();

    expect(await subject.recorder.waitFor("job.released")).toMatchObject({
      code: "config_invalid",
    });
  });

  test("may be given them by anybody, and by many at once", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const inputs = Array.from({ length: 50 }, (_, index) => index);

    const answers = await queue.client.enqueueMany(page, inputs, { parent: id });
    const lease = await queue.claimOne();

    const children = await queue.store.structure.listChildren(lease);
    expect(children.map((child) => child.id)).toEqual(answers.map((answer) => answer.id));
  });

  test("that has ended, or was never there, is given none", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.client.cancel(id);

    const refusals = await Promise.all(
      [id, crypto.randomUUID()].map((parent) =>
        queue.client.enqueue(page, 1, { parent }).catch((error: unknown) => error),
      ),
    );

    expect(refusals).toMatchObject([
      { code: "statement_failed", adapterCode: "sqlstate_55000" },
      { code: "statement_failed", adapterCode: "sqlstate_55000" },
    ]);
    expect(await queue.query(`select from :"schema".job where type = 'page'`)).toEqual([]);
  });
});

describe("the last two children", () => {
  test("that end at the same moment in two connections wake the parent once", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 2);
    const [one, other] = children as [ClaimedJob, ClaimedJob];
    await using rivals = await rivalsIn(queue);
    await complete(rivals.first, one);

    await rivals.overtaken((rival) => complete(rival, other));

    expect(await countReady(queue, parent.publicId)).toBe(1);
    expect(await queue.client.getJob(parent.publicId)).toMatchObject({ state: "queued" });
    expect((await queue.claimOne()).attempt).toBe(2);
  });

  test("that end in groups of two workers wake the parent once", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 40);

    await Promise.all(
      children.map((child) => queue.store.completeJob(child, { output: null, provenance: {} })),
    );

    expect(await countReady(queue, parent.publicId)).toBe(1);
    expect(await queue.query('select open, failed from :"schema".parent')).toEqual([
      { open: 0, failed: 0 },
    ]);
  });

  test("of which one is taken back leave the parent waiting", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 2);
    const [one, other] = children as [ClaimedJob, ClaimedJob];
    await using session = await queue.begin();
    await complete(session, one);
    await session.rollback();

    await complete(queue, other);

    expect(await queue.client.getJob(parent.publicId)).toMatchObject({ state: "waiting" });
    await complete(queue, one);
    expect(await countReady(queue, parent.publicId)).toBe(1);
  });
});

describe("wait_job for children", () => {
  test("then the end of the last: it waits, and the parent is due", async () => {
    await using queue = await setup();
    const { parent, children } = await claimFamily(queue, 1);
    const [child] = children as [ClaimedJob];
    await using rivals = await rivalsIn(queue);
    const [waited] = await waitForChildren(rivals.first, parent);

    await rivals.overtaken((rival) => complete(rival, child));

    expect(waited).toMatchObject({ outcome: "ok", state: "waiting" });
    expect(await countReady(queue, parent.publicId)).toBe(1);
  });

  test("while the last is about to end: it waits for that, and need not wait for more", async () => {
    await using queue = await setup();
    const { parent, children } = await claimFamily(queue, 1);
    const [child] = children as [ClaimedJob];
    await using rivals = await rivalsIn(queue);
    await complete(rivals.first, child);

    const [answer] = await rivals.overtaken((rival) => waitForChildren(rival, parent));

    expect(answer).toMatchObject({ outcome: "ok", state: "queued" });
    expect(await countReady(queue, parent.publicId)).toBe(1);
  });

  const ends: readonly (readonly [
    name: string,
    end: (queue: Queue, child: ClaimedJob) => Promise<unknown>,
  ])[] = [
    ["completes", complete],
    [
      "completes in a group",
      ({ store }, child) => store.completeJob(child, { output: 1, provenance: {} }),
    ],
    [
      "fails",
      ({ store }, child) => store.failJob(child, { code: "input_corrupt", message: "It is torn." }),
    ],
    ["is cancelled", ({ client }, child) => client.cancel(child.publicId)],
    [
      "dies of its failures",
      async (queue, child) => {
        await queue.call("register_type", "essay", null, 0);
        await queue.store.retryJob(child, { code: "output_invalid", message: "Again." });
      },
    ],
    [
      "is cancelled while it waits itself",
      async (queue, child) => {
        await queue.call(
          "wait_job",
          child.jobId,
          child.token,
          "draft",
          "signal",
          "approval",
          null,
          false,
        );
        await queue.client.cancel(child.publicId);
      },
    ],
  ];
  test.each(ends)("ends when the only one %s", async (_, end) => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 1);
    const [child] = children as [ClaimedJob];

    await end(queue, child);

    expect(await countReady(queue, parent.publicId)).toBe(1);
  });

  test("does not end when one waits again", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 1);
    const [child] = children as [ClaimedJob];

    await queue.store.retryJob(child, { code: "output_invalid", message: "Again." });

    expect(await queue.client.getJob(parent.publicId)).toMatchObject({ state: "waiting" });
  });
});

describe("a child that is given a new start", () => {
  test("is waited for again, and wakes its parent once", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 2);
    const [one, other] = children as [ClaimedJob, ClaimedJob];
    await queue.store.failJob(one, { code: "input_corrupt", message: "It is torn." });
    await queue.client.requeue(one.publicId);

    await complete(queue, other);
    const before = await countReady(queue, parent.publicId);
    await complete(queue, await queue.claimOne());

    expect([before, await countReady(queue, parent.publicId)]).toEqual([0, 1]);
    expect(await queue.query('select open, failed from :"schema".parent')).toEqual([
      { open: 0, failed: 0 },
    ]);
  });

  test("does not disturb a parent that went on", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 1);
    const [child] = children as [ClaimedJob];
    await queue.store.failJob(child, { code: "input_corrupt", message: "It is torn." });
    const again = await queue.claimOne();
    await complete(queue, again);

    await queue.client.requeue(child.publicId);
    await complete(queue, await queue.claimOne());

    expect(await queue.client.getJob(parent.publicId)).toMatchObject({ state: "completed" });
  });
});

test("a child outlives a parent that was deleted", async () => {
  await using queue = await setup();
  const { parent, children } = await claimFamily(queue, 1);
  const [child] = children as [ClaimedJob];
  await complete(queue, parent);
  await queue.database.advance(1_000);
  await queue.call("prune_jobs", 0, 0, 0, 0);

  const [answer] = await complete(queue, child);

  expect(await queue.client.getJob(parent.publicId)).toBeUndefined();
  expect(answer).toMatchObject({ outcome: "ok", state: "completed" });
});

test("a job that is nobody's child writes and reads nothing of families", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const lease = await queue.claimOne();

  await queue.store.completeJob(lease, { output: 1, provenance: {} });

  for (const table of ["waiting", "signal", "child", "parent"]) {
    expect(await queue.query(`select from :"schema".${table}`)).toEqual([]);
  }
});
