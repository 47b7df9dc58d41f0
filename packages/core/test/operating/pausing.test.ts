import { describe, expect, test } from "bun:test";

import type { PauseScope } from "@leasehold/core";

import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

describe("pause", () => {
  test.each<[string, PauseScope]>([
    ["the queue", { queue: "default" }],
    ["the type", { type: "essay" }],
    ["this version of the type", { type: "essay", version: 1 }],
    ["this phase of the type", { type: "essay", phase: "draft" }],
  ])("of %s leaves its jobs where they are until it is resumed", async (_, scope) => {
    await using queue = await setup();
    const id = await queue.enqueue();

    const paused = await queue.client.pause(scope);
    const held = await queue.claim();
    const resumed = await queue.client.resume(scope);
    const after = await queue.claim();

    expect([paused, resumed]).toEqual(["ok", "ok"]);
    expect(held).toEqual([]);
    expect(after).toMatchObject([{ publicId: id, attempt: 1 }]);
  });

  test.each<[string, PauseScope]>([
    ["another queue", { queue: "bulk" }],
    ["a type that is called like the queue", { type: "default" }],
    ["a queue that is called like the type", { queue: "essay" }],
    ["another version", { type: "essay", version: 2 }],
    ["another phase", { type: "essay", phase: "grade" }],
  ])("of %s stops nobody else", async (_, scope) => {
    await using queue = await setup();
    const id = await queue.enqueue();

    await queue.client.pause(scope);

    expect(await queue.claim()).toMatchObject([{ publicId: id }]);
  });

  test("holds for lanes that nobody had met", async () => {
    await using queue = await setup();

    await queue.client.pause({ queue: "default" });
    await queue.enqueue();

    expect(await queue.claim()).toEqual([]);
  });

  test("leaves jobs that run alone, and what they give back waits", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.enqueue();
    const [one, other] = await queue.claim();
    await queue.client.pause({ type: "essay" });

    const renewed = await queue.store.renewLeases([one, other].flatMap((job) => job ?? []));
    const completed =
      one && (await queue.store.completeJob(one, { output: "done", provenance: {} }));
    const released =
      other &&
      (await queue.store.releaseJob(other, "shutdown", { code: "shutdown", message: "It stops." }));

    expect([...renewed.values()]).toEqual(["ok", "ok"]);
    expect([completed, released]).toMatchObject([{ outcome: "ok" }, { outcome: "ok" }]);
    expect(await queue.claim()).toEqual([]);
  });

  test("holds for a job that must run alone", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);

    await queue.client.pause({ queue: "default" });
    const paused = await queue.claim();
    await queue.client.resume({ queue: "default" });

    expect(paused).toEqual([]);
    expect(await queue.claim()).toMatchObject([{ solo: true }]);
  });

  test("holds for jobs that wait for a limit", async () => {
    await using queue = await setup();
    await queue.call("set_limit", "queue", "default", 5);
    await queue.enqueue({ tenant: "school" });

    await queue.client.pause({ type: "essay" });
    const paused = await queue.claim();
    await queue.client.resume({ type: "essay" });

    expect(paused).toEqual([]);
    expect(await queue.claim()).toHaveLength(1);
  });

  test("holds for jobs that need a resource", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lanes = `{${(await queue.lanes(["draft"])).map(({ laneId }) => laneId).join()}}`;
    const claim = async (): Promise<readonly unknown[]> => {
      const who = ["host/model", "w", crypto.randomUUID()] as const;
      const rows = await queue.call("claim_for_resource", ...who, lanes, "{}", 5, 1_000);
      return rows.filter(({ job_id: id }) => id !== null);
    };

    await queue.client.pause({ queue: "default" });
    const paused = await claim();
    await queue.client.resume({ queue: "default" });

    expect(paused).toEqual([]);
    expect(await claim()).toHaveLength(1);
  });

  test("holds for workers of the version before", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lanes = `{${(await queue.lanes(["draft"])).map(({ laneId }) => laneId).join()}}`;
    const claim = (): Promise<readonly unknown[]> =>
      queue.call("claim_jobs", "w", crypto.randomUUID(), lanes, "{}", 5, 1_000);

    await queue.client.pause({ queue: "default" });
    const paused = await claim();
    await queue.client.resume({ queue: "default" });

    expect(paused).toEqual([]);
    expect(await claim()).toHaveLength(1);
  });

  test("counts each pause by itself", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.client.pause({ queue: "default" });
    await queue.client.pause({ type: "essay" });

    const one = await queue.client.resume({ queue: "default" });
    const paused = await queue.claim();
    const other = await queue.client.resume({ type: "essay" });

    expect([one, other]).toEqual(["ok", "ok"]);
    expect(paused).toEqual([]);
    expect(await queue.claim()).toHaveLength(1);
  });

  test("says that it was paused before, and keeps the new reason", async () => {
    await using queue = await setup();
    const first = await queue.client.pause({ queue: "bulk" }, { reason: "a new model" });

    const second = await queue.client.pause({ queue: "bulk" }, { reason: "it does not load" });

    expect([first, second]).toEqual(["ok", "already"]);
    expect(await queue.client.getPauses()).toMatchObject([{ reason: "it does not load" }]);
  });

  test("is told as it was set", async () => {
    await using queue = await setup();
    const scopes: readonly PauseScope[] = [
      { queue: "bulk" },
      { type: "essay" },
      { type: "essay", version: 2, phase: "grade" },
    ];
    for (const scope of scopes) await queue.client.pause(scope, { reason: "a\u0000b" });

    const pauses = await queue.client.getPauses();

    expect(pauses.map(({ scope }) => scope)).toEqual([...scopes]);
    expect(pauses[0]).toMatchObject({ reason: "a\uFFFDb", pausedAt: expect.any(Date) });
    expect(pauses[0]?.pausedBy).not.toBe("");
  });

  test("refuses what is no scope, and changes nothing", async () => {
    await using queue = await setup();
    const both = { queue: "default", type: "essay" };

    const unclear = queue.client.pause(both).catch((error: unknown) => error);
    const unknown = queue.call("pause", "galaxy", "x").catch((error: unknown) => error);

    expect(await unclear).toMatchObject({ code: "input_invalid" });
    expect(await unknown).toMatchObject({ code: "22023" });
    expect(await queue.client.getPauses()).toEqual([]);
  });
});

describe("resume", () => {
  test("says that there was no such pause", async () => {
    await using queue = await setup();
    await queue.client.pause({ type: "essay", version: 1 });

    expect(await queue.client.resume({ type: "essay" })).toBe("not_paused");
    expect(await queue.client.getPauses()).toHaveLength(1);
  });

  test("wakes sleeping workers", async () => {
    await using queue = await setup();
    await queue.client.pause({ type: "essay" });
    const hinted = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<void>();
    let isReady = false;
    await queue.store.listen({
      onDue() {
        if (isReady) hinted.resolve();
        ready.resolve();
      },
      onOrder: () => undefined,
    });
    await ready.promise;
    isReady = true;

    await queue.client.resume({ type: "essay" });

    await hinted.promise;
  });
});

describe("rivals", () => {
  test("two who pause the same: one of them was first", async () => {
    await using queue = await setup();
    await using rivalry = await rivalsIn(queue);
    const one = await rivalry.first.call("pause", "queue", "bulk", "first");

    const other = await rivalry.overtaken((rival) => rival.call("pause", "queue", "bulk"));

    expect([one, other]).toEqual([[{ pause: "ok" }], [{ pause: "already" }]]);
    expect(await queue.client.getPauses()).toMatchObject([{ reason: "first" }]);
  });

  test("two who resume the same: one of them did", async () => {
    await using queue = await setup();
    await queue.client.pause({ queue: "bulk" });
    await using rivalry = await rivalsIn(queue);
    const one = await rivalry.first.call("resume", "queue", "bulk");

    const other = await rivalry.overtaken((rival) => rival.call("resume", "queue", "bulk"));

    expect([one, other]).toEqual([[{ resume: "ok" }], [{ resume: "not_paused" }]]);
  });

  test("a pause waits for no enqueue, and holds for the lane that it was about to make", async () => {
    await using queue = await setup();
    await using host = await queue.begin();
    const job = { type: "essay", version: 1, phase: "draft", payload: {} };
    await host.call("enqueue_jobs", [job]);

    const paused = await queue.client.pause({ queue: "default" });
    await host.commit();

    expect(paused).toBe("ok");
    expect(await queue.claim()).toEqual([]);
  });

  test("a claim that waits for nobody heeds a pause from the moment it is committed", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.enqueue();
    await using operator = await queue.begin();
    await operator.call("pause", "type", "essay");

    const before = await queue.claim({ limit: 1 });
    await operator.commit();
    const after = await queue.claim({ limit: 1 });

    expect([before.length, after.length]).toEqual([1, 0]);
  });
});
