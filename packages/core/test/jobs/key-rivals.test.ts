import { describe, expect, test } from "bun:test";

import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Two connections want the same key, and one must lose and say so.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

describe("enqueueing", () => {
  const job = { type: "essay", version: 1, phase: "draft", payload: {} };

  test.each([
    ["unique key", { uniqueKey: "learner 7" }],
    ["idempotency key", { idempotencyKey: "request 1" }],
    ["id", { id: "6f1c52a6-0d0e-4f07-9d2d-5b1f0a6f7f10" }],
  ])("twice at once with the same %s adds one job, and both answer its id", async (_, key) => {
    await using queue = await setup();
    await using rivals = await rivalsIn(queue);
    const [first] = await rivals.first.call("enqueue_jobs", [{ ...job, ...key }]);

    const [second] = await rivals.overtaken((rival) =>
      rival.call("enqueue_jobs", [{ ...job, ...key }]),
    );

    expect(first).toMatchObject({ outcome: "created" });
    expect(second).toMatchObject({ outcome: "existing", id: first?.["id"] });
    expect(await queue.claim()).toHaveLength(1);
  });

  test("takes the key when the rival rolls back", async () => {
    await using queue = await setup();
    await using first = await queue.begin();
    await using rival = await queue.begin();
    await first.call("enqueue_jobs", [{ ...job, uniqueKey: "learner 7" }]);
    const answer = rival.call("enqueue_jobs", [{ ...job, uniqueKey: "learner 7" }]);
    await rival.blocked();

    await first.rollback();

    expect(await answer).toMatchObject([{ outcome: "created" }]);
    await rival.commit();
    expect(await queue.claim()).toHaveLength(1);
  });

  test("two types at once that nobody knew adds each once", async () => {
    await using queue = await setup();
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("enqueue_jobs", [{ ...job, type: "new" }]);

    const [answer] = await rivals.overtaken((rival) =>
      rival.call("enqueue_jobs", [{ ...job, type: "new" }]),
    );

    expect(answer).toMatchObject({ outcome: "created" });
    const lanes = await queue.query(`select * from :"schema".lane where type = 'new'`);
    expect(lanes).toHaveLength(1);
  });
});

describe("requeueing", () => {
  test("twice at once: the second finds it queued", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.client.cancel(id);
    await using rivals = await rivalsIn(queue);
    const [first] = await rivals.first.call("requeue_job", id);

    const [second] = await rivals.overtaken((rival) => rival.call("requeue_job", id));

    expect(first?.["requeue_job"]).toBe("ok");
    expect(second?.["requeue_job"]).toBe("not_settled");
    expect(await queue.claim()).toHaveLength(1);
  });

  test("requeue, then enqueue with its unique key: the enqueue means the old job", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey: "learner 7" });
    await queue.client.cancel(id);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("requeue_job", id);

    const [answer] = await rivals.overtaken((rival) =>
      rival.call("enqueue_jobs", [
        { type: "essay", version: 1, phase: "draft", payload: {}, uniqueKey: "learner 7" },
      ]),
    );

    expect(answer).toMatchObject({ outcome: "existing", id });
  });

  test("enqueue with its unique key, then requeue: the requeue is refused", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey: "learner 7" });
    await queue.client.cancel(id);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("enqueue_jobs", [
      { type: "essay", version: 1, phase: "draft", payload: {}, uniqueKey: "learner 7" },
    ]);

    const [answer] = await rivals.overtaken((rival) => rival.call("requeue_job", id));

    expect(answer?.["requeue_job"]).toBe("conflict");
  });
});
