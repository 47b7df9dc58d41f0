import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type NewJob, type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { waitForChildren, waitForSignal } from "../support/waiting.ts";

// A job that waits, as everybody else sees it: who asks, cancels, replays, deletes.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

test("a waiting job is shown to who asks, and is queued for callers of the version before", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  await waitForSignal(queue, await queue.claimOne());

  const old = await queue.call("get_job", id);

  expect(await queue.client.getQueue()).toMatchObject([
    { type: "essay", state: "waiting", count: 1 },
  ]);
  expect(old).toMatchObject([{ state: "queued", phase: "draft", attempt: 1 }]);
  expect(await queue.call("get_queue")).toEqual([]);
});

describe("a waiting job", () => {
  const parked = async (queue: Queue, job: NewJob = {}): Promise<string> => {
    const id = await queue.enqueue(job);
    await waitForSignal(queue, await queue.claimOne(), { timeoutMs: 3_600_000 });
    return id;
  };
  const stateOf = async (queue: Queue, id: string): Promise<unknown> => {
    const { state, code } = (await queue.client.getJob(id)) ?? {};
    return [state, code];
  };

  test("ends when its time is over", async () => {
    await using queue = await setup();
    const id = await parked(queue, { deadlineMs: 5_000 });
    await queue.database.advance(5_001);

    await queue.call("expire_jobs");

    expect(await stateOf(queue, id)).toEqual(["dead", "expired"]);
  });

  test("is superseded by the next one with its key", async () => {
    await using queue = await setup();
    const id = await parked(queue, { uniqueKey: "one" });

    await queue.enqueue({ uniqueKey: "one", onConflict: "supersede" });

    expect(await stateOf(queue, id)).toEqual(["cancelled", "superseded"]);
  });

  test("is neither requeued nor replayed nor deleted, however old it is", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await queue.database.advance(86_400_000 * 400);

    const answers = [await queue.client.requeue(id), await queue.client.replay(id, "draft")];
    await queue.call("prune_jobs", 0, 0, 0, 0);

    expect(answers).toEqual(["not_settled", "not_settled"]);
    expect(await stateOf(queue, id)).toEqual(["waiting", undefined]);
  });

  test.each<[string, (queue: Queue, child: ClaimedJob) => Promise<unknown>]>([
    ["completed", ({ store }, child) => store.completeJob(child, { output: 1, provenance: {} })],
    ["failed", ({ store }, child) => store.failJob(child, { code: "bad", message: "" })],
    ["cancelled", ({ client }, child) => client.cancel(child.publicId)],
  ])("keeps a child that was %s until it has ended itself", async (state, end) => {
    await using queue = await setup();
    await queue.enqueue();
    const parent = await queue.claimOne();
    const child = { type: "essay", version: 1, phase: "draft", payload: {} };
    const children = [child, { ...child, delayMs: 3_600_000 }];
    await queue.call("enqueue_jobs", children, { parent: parent.publicId });
    await waitForChildren(queue, parent);
    await end(queue, await queue.claimOne());
    const countPruned = async (): Promise<unknown> => {
      await queue.query(`update :"schema".prune_mark set job_id = 0, rests_until = '-infinity'`);
      await queue.database.advance(1_000);
      const [row] = await queue.call("prune_jobs", 500, 500, 500, 500);
      return row?.[state];
    };

    const whileItWaits = await countPruned();
    const cancelled = await queue.client.cancel(parent.publicId);
    const afterwards = await countPruned();

    expect([whileItWaits, cancelled]).toEqual([0, "ok"]);
    // Of the cancelled, the parent and its other child besides.
    expect(afterwards).toBe(state === "cancelled" ? 3 : 1);
  });

  test("leaves nothing of what it was told when its subject is erased", async () => {
    await using queue = await setup();
    const id = await parked(queue, { subject: "Ada" });
    await queue.client.signal(id, "other", "A learner wrote this.");

    await queue.call("redact_subject", "Ada");

    expect(await stateOf(queue, id)).toMatchObject(["cancelled", "redacted"]);
    expect(await queue.query('select from :"schema".signal')).toEqual([]);
  });

  test("that was cancelled and requeued waits anew", async () => {
    await using queue = await setup();
    const id = await parked(queue);
    await queue.database.advance(3_600_001);
    await queue.call("wake_due");
    await queue.client.cancel(id);

    await queue.client.requeue(id);
    await waitForSignal(queue, await queue.claimOne());

    expect(await queue.client.signal(id, "approval")).toBe("ok");
  });
});

test("what a job was told goes with it", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  const job = { type: "essay", version: 1, phase: "draft", payload: {}, parent: id };
  await queue.call("enqueue_jobs", [job]);
  await queue.client.signal(id, "approval");
  await queue.client.cancel(id);
  await queue.database.advance(1_000);

  await queue.call("prune_jobs", 0, 0, 0, 0);

  for (const table of ["job", "signal", "child", "parent"]) {
    expect(await queue.query(`select from :"schema".${table}`)).toEqual([]);
  }
});
