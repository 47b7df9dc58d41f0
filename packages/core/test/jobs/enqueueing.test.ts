import { describe, expect, test } from "bun:test";

import { definePipeline, type Pipeline } from "@leasehold/core";
import { z } from "zod";

import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { thrownBy } from "../support/thrown-by.ts";

// When and how urgently a job is done, what becomes of one that has its key, and what is refused.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const essay = definePipeline({
  type: "essay",
  version: 1,
  input: z.object({ text: z.string() }),
  phases: [{ name: "draft", output: z.unknown() }],
});

const anything: Pipeline = definePipeline({
  type: "anything",
  version: 1,
  input: z.unknown(),
  phases: [{ name: "run", output: z.unknown() }],
});

describe("enqueueing", () => {
  test("says when a job is due, how urgent it is and what bounds it has", async () => {
    await using queue = await setup();
    const runAt = new Date(Date.now() + 3_600_000);

    const { id } = await queue.client.enqueue(
      essay,
      { text: "Hi" },
      { runAt, priority: "high", ttlMs: 1_000, deadlineMs: 2_000 },
    );

    expect((await queue.client.getJob(id))?.dueAt).toEqual(runAt);
    const [row] = await queue.query(
      `select r.priority, e.start_by - r.due_at = interval '1 second' as ttl, e.end_by - r.due_at = interval '2 seconds' as deadline
       from :"schema".ready as r join :"schema".expiry as e using (job_id)`,
    );
    expect(row).toEqual({ priority: 3, ttl: true, deadline: true });
  });

  test("takes a moment that is over for now", async () => {
    await using queue = await setup();

    await queue.client.enqueue(essay, { text: "Hi" }, { runAt: new Date(0), ttlMs: 60_000 });

    expect(await queue.store.expireJobs(10)).toEqual([]);
    expect(await queue.claim()).toHaveLength(1);
  });

  test("replaces or supersedes the job that has its unique key, when it is told to", async () => {
    await using queue = await setup();
    const uniqueKey = "learner 7";
    const first = await queue.client.enqueue(essay, { text: "one" }, { uniqueKey });

    const replaced = await queue.client.enqueue(
      essay,
      { text: "two" },
      { uniqueKey, onConflict: "replace" },
    );
    const superseding = await queue.client.enqueue(
      essay,
      { text: "three" },
      { uniqueKey, onConflict: "supersede" },
    );

    expect(replaced).toEqual({ outcome: "replaced", id: first.id });
    expect(superseding.outcome).toBe("created");
    expect(await queue.claim()).toMatchObject([{ payload: { text: "three" } }]);
  });

  test("takes a key and a parent that many share for each one's own", async () => {
    await using queue = await setup();
    const parent = await queue.enqueue();
    const many = Array.from({ length: 12 }, () => ({ payload: {} }));
    const shared = { type: "essay", version: 1, phase: "draft" };

    const keyed = await queue.call("enqueue_jobs", many, { ...shared, uniqueKey: "one" });
    await queue.call("enqueue_jobs", many, { ...shared, parent });

    const outcomes = keyed.map(({ ordinal, outcome }) => `${String(ordinal)} ${String(outcome)}`);
    expect(outcomes).toEqual(["1 created", ...many.slice(1).map((_, n) => `${n + 2} existing`)]);
    expect(await queue.query('select count(*)::integer as ct from :"schema".child')).toEqual([
      { ct: 12 },
    ]);
  });

  test("takes no jobs for none", async () => {
    await using queue = await setup();

    const none = [await queue.call("enqueue_jobs", []), await queue.call("enqueue_jobs", null)];

    expect(none).toEqual([[], []]);
  });

  test("many at once holds the options for each", async () => {
    await using queue = await setup();
    const runAt = new Date(Date.now() + 3_600_000);
    const inputs = Array.from({ length: 12 }, () => ({ text: "Hi" }));

    await queue.client.enqueueMany(essay, inputs, {
      runAt,
      priority: "bulk",
      ttlMs: 1_000,
      deadlineMs: 2_000,
    });

    const rows = await queue.query(
      `select distinct r.priority, r.due_at, e.start_by - r.due_at = interval '1 second' as ttl,
         e.end_by - r.due_at = interval '2 seconds' as deadline
       from :"schema".ready as r join :"schema".expiry as e using (job_id)`,
    );
    expect(rows).toEqual([{ priority: 9, due_at: runAt, ttl: true, deadline: true }]);
  });

  test.each([
    [{ pages: { scan: "a".repeat(300_000), title: "short" } }, "pages.scan"],
    [{ pages: ["short", { text: "a".repeat(300_000) }] }, "pages.1.text"],
    [{ pages: ["a".repeat(200_000), "b".repeat(200_000)] }, "pages"],
    [{ answers: { "Ada Lovelace": "a".repeat(300_000) } }, "answers.*"],
    [["short", "a".repeat(300_000)], "1"],
  ])("names the path to what is too large: %#", async (input, path) => {
    await using queue = await setup();

    const error = await thrownBy(queue.client.enqueue(anything, input));

    expect(String(error)).toContain(`most of them in "${path}", and`);
  });

  test.each([
    ["priority", { priority: "soon" as "high" }],
    ["runAt", { runAt: new Date(Number.NaN) }],
    ["runAt", { runAt: new Date("2150-01-01") }],
    ["runAt", { runAt: new Date(), delayMs: 5 }],
    ["ttlMs", { ttlMs: -1 }],
    ["deadlineMs", { deadlineMs: Number.POSITIVE_INFINITY }],
    ["onConflict", { onConflict: "replace" as const }],
    ["onConflict", { onConflict: "overwrite" as "replace", uniqueKey: "k" }],
    [
      "idempotencyKey",
      { onConflict: "replace" as const, uniqueKey: "k", idempotencyKey: "request 1" },
    ],
  ])("refuses a wrong %s, and names it: %j", async (name, options) => {
    await using queue = await setup();

    const error = await thrownBy(queue.client.enqueue(essay, { text: "Hi" }, options));

    expect(error).toMatchObject({ code: "input_invalid", retryable: false });
    expect(String(error)).toContain(`${name}: `);
  });
});
