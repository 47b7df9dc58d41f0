import { describe, expect, test } from "bun:test";

import { type HookedQueue, setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";
import { waitForChildren } from "../support/waiting.ts";

// The end of the matter for a job that failed or is dead, when somebody settled it by hand.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());
const setupHooked = async (): Promise<HookedQueue> => setupHookedQueue(await server());

const torn = { code: "input_corrupt", message: "It is torn." };

async function fail(queue: Queue): Promise<string> {
  const id = await queue.enqueue();
  await queue.store.failJob(await queue.claimOne(), torn);
  return id;
}

async function die(queue: Queue): Promise<string> {
  const id = await queue.enqueue();
  await queue.call("register_type", "essay", null, 0);
  await queue.store.retryJob(await queue.claimOne(), torn);
  return id;
}

describe("resolve", () => {
  test.each([
    ["failed", fail],
    ["is dead", die],
  ])("puts a job away that %s, and keeps what its attempts were", async (_, end) => {
    await using queue = await setup();
    const id = await end(queue);
    await queue.database.advance(60_000);

    const answer = await queue.client.resolve(id, "Read out by telephone.");

    expect(answer).toBe("ok");
    expect(await queue.client.getJob(id)).toMatchObject({
      state: "cancelled",
      phase: "draft",
      code: "resolved",
      message: "Read out by telephone.",
      attempts: [{ phase: "draft", code: "input_corrupt" }],
    });
    expect(await queue.client.getDeadLetters()).toEqual([]);
  });

  test("counts from now: a job that failed long ago is kept as one that was cancelled today", async () => {
    await using queue = await setup();
    const id = await fail(queue);
    await queue.database.advance(60_000);

    await queue.client.resolve(id, "Done.");
    await queue.client.pruneJobs({ cancelledMs: 30_000 });

    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled" });
  });

  test("calls the hook, and is undone when that raises", async () => {
    await using queue = await setupHooked();
    const id = await fail(queue);
    await queue.raiseOn("cancelled");

    const refusal = await queue.client.resolve(id, "Done.").catch((error: unknown) => error);
    const meanwhile = await queue.client.getJob(id);
    await queue.raiseNoMore();
    await queue.client.resolve(id, "Done.");

    expect(refusal).toMatchObject({ code: "statement_failed" });
    expect(meanwhile).toMatchObject({ state: "failed", code: "input_corrupt" });
    expect((await queue.calls()).at(-1)).toMatchObject({
      job_id: id,
      from_state: "failed",
      to_state: "cancelled",
      phase: "draft",
      code: "resolved",
    });
  });

  test("can be taken back by a new start", async () => {
    await using queue = await setup();
    const id = await fail(queue);
    await queue.client.resolve(id, "Done.");

    const answer = await queue.client.requeue(id);

    expect(answer).toBe("ok");
    expect(await queue.claimOne()).toMatchObject({ publicId: id, attempt: 2 });
  });

  test("of a child leaves its parent where it is, and is what the parent sees", async () => {
    await using queue = await setup();
    const parentId = await queue.enqueue({ priority: 0 });
    const parent = await queue.claimOne();
    const job = { type: "essay", version: 1, phase: "draft", payload: {}, parent: parentId };
    await queue.call("enqueue_jobs", [job, job]);
    const [child] = await queue.claim({ limit: 1 });
    if (child === undefined) throw new Error("There is no child.");
    await waitForChildren(queue, parent);
    await queue.store.failJob(child, torn);

    await queue.client.resolve(child.publicId, "Done.");

    expect(await queue.client.getJob(parentId)).toMatchObject({ state: "waiting" });
    expect(await queue.query('select open, failed from :"schema".parent')).toEqual([
      { open: 1, failed: 1 },
    ]);
    await queue.store.completeJob(await queue.claimOne(), { output: null, provenance: {} });
    const children = await queue.store.structure.listChildren(await queue.claimOne());
    expect(children.map(({ state, code }) => [state, code])).toEqual([
      ["cancelled", "resolved"],
      ["completed", undefined],
    ]);
  });

  test("refuses what did not fail, and what is no reason", async () => {
    await using queue = await setup();
    const queued = await queue.enqueue();
    const cancelled = await queue.enqueue();
    await queue.client.cancel(cancelled);
    const failed = queue.client.resolve(crypto.randomUUID(), "Done.");

    const answers = [
      await queue.client.resolve(queued, "Done."),
      await queue.client.resolve(cancelled, "Done."),
      await failed,
      await queue.client.resolve("essay-7", "Done."),
    ];
    const refusals = await Promise.all(
      ["", "x".repeat(1_025)].map((reason) =>
        queue.client.resolve(queued, reason).catch((error: unknown) => error),
      ),
    );

    expect(answers).toEqual(["not_failed", "not_failed", "not_found", "not_found"]);
    expect(refusals).toMatchObject([{ code: "input_invalid" }, { code: "input_invalid" }]);
    // An astral character is one, here as in Postgres.
    expect(await queue.client.resolve(queued, "𝒳".repeat(1_024))).toBe("not_failed");
  });
});

describe("two at once", () => {
  test("resolve: the first reason stays, and the second hears of it", async () => {
    await using queue = await setup();
    const id = await fail(queue);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("resolve_job", id, "By telephone.");

    const [answer] = await rivals.overtaken((rival) => rival.call("resolve_job", id, "By post."));

    expect(answer?.["resolve_job"]).toBe("existing");
    expect(await queue.client.getJob(id)).toMatchObject({ message: "By telephone." });
  });

  test("requeue and resolve: the second finds it queued", async () => {
    await using queue = await setup();
    const id = await fail(queue);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("requeue_job", id);

    const [answer] = await rivals.overtaken((rival) => rival.call("resolve_job", id, "Done."));

    expect(answer?.["resolve_job"]).toBe("not_failed");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued" });
  });

  test("resolve and requeue: both happen", async () => {
    await using queue = await setup();
    const id = await fail(queue);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("resolve_job", id, "Done.");

    const [answer] = await rivals.overtaken((rival) => rival.call("requeue_job", id));

    expect(answer?.["requeue_job"]).toBe("ok");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued" });
  });
});
