import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { complete, parkedFamily } from "../support/family.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";
import { countReady } from "../support/waiting.ts";

// What becomes of children when their parent is cancelled.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

describe("the cancel of a parent", () => {
  const states = async (queue: Queue): Promise<readonly unknown[]> =>
    (await queue.query('select state from :"schema".job_overview order by created_at, id')).map(
      (row) => row["state"],
    );

  test("cancels its children wherever they are, and theirs", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 3);
    const [running, waiting] = children as [ClaimedJob, ClaimedJob];
    const grandchild = await queue.call("enqueue_jobs", [
      { type: "essay", version: 1, phase: "draft", payload: {}, parent: running.publicId },
    ]);
    await queue.call(
      "wait_job",
      waiting.jobId,
      waiting.token,
      "draft",
      "signal",
      "approval",
      null,
      false,
    );

    await queue.client.cancel(parent.publicId);

    expect(grandchild).toHaveLength(1);
    expect(await states(queue)).toEqual(Array.from({ length: 5 }, () => "cancelled"));
    expect(await queue.query('select from :"schema".waiting')).toEqual([]);
    expect(await complete(queue, running)).toMatchObject([{ outcome: "lost" }]);
  });

  test("while a child ends: it waits for that, and the child completes", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 2);
    const [ending, other] = children as [ClaimedJob, ClaimedJob];
    await using rivals = await rivalsIn(queue);
    await complete(rivals.first, ending);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", parent.publicId));

    expect(answer?.["cancel_job"]).toBe("ok");
    expect(await queue.client.getJob(ending.publicId)).toMatchObject({ state: "completed" });
    expect(await queue.client.getJob(other.publicId)).toMatchObject({ state: "cancelled" });
    expect(await queue.client.getJob(parent.publicId)).toMatchObject({ state: "cancelled" });
  });

  test("leaves a child that was somebody else's to whoever looks next", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 1);
    const [child] = children as [ClaimedJob];
    await using session = await queue.begin();
    await session.call("hold_phase", child.jobId, child.token, "draft");
    await queue.client.cancel(parent.publicId);
    const meanwhile = await queue.client.getJob(child.publicId);
    await session.rollback();

    await queue.call("wake_due");

    expect(meanwhile).toMatchObject({ state: "leased" });
    expect(await queue.client.getJob(child.publicId)).toMatchObject({ state: "cancelled" });
    expect(await queue.query('select duty from :"schema".parent')).toEqual([{ duty: null }]);
  });

  test("that is taken back while the last child ends: the parent is woken all the same", async () => {
    await using queue = await setup();
    const { parent, children } = await parkedFamily(queue, 1);
    const [child] = children as [ClaimedJob];
    await using session = await queue.begin();
    // As a cancel does first: it has not come to the parent's own row.
    await session.query('delete from :"schema".waiting where job_id = $1', parent.jobId);
    await complete(queue, child);
    await session.rollback();
    const before = await countReady(queue, parent.publicId);

    await queue.call("wake_due");

    expect([before, await countReady(queue, parent.publicId)]).toEqual([0, 1]);
  });
});
