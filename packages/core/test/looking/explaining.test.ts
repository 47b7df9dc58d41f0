import { describe, expect, test } from "bun:test";

import { setupResourceQueue } from "../support/resource-queue.ts";
import { useServer } from "../support/server.ts";
import { endings, leases, limited, queued } from "../support/situations.ts";
import { setupWard, type Ward } from "../support/ward.ts";
import { essayOf, resultOf, setupWorker } from "../support/worker.ts";

const server = useServer();
const setup = async (): Promise<Ward> => setupWard(await server());

/** A moment as sentences have it. */
const moment = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g;
const withoutMoments = (text = ""): string => text.replaceAll(moment, "@");
describe("why a job is not running:", () => {
  test.each([...endings, ...leases, ...queued, ...limited])("it $name", async (situation) => {
    await using ward = await setup();
    await ward.staff();
    const id = await situation.stage(ward);

    const { cause, sentence, blocker, until } = await ward.cause(id);

    expect(cause).toBe(situation.cause);
    expect(withoutMoments(sentence)).toBe(situation.sentence);
    expect(blocker).toBe(situation.blocker);
    expect(until instanceof Date).toBe(situation.ends ?? false);
  });

  test("nobody is there to run it", async () => {
    await using ward = await setup();
    const id = await ward.enqueue();

    expect(await ward.client.explain(id)).toEqual([
      {
        cause: "no_worker",
        sentence: "No live worker runs essay/1, phase draft, of the queue default: none is live.",
        blocker: "essay/1",
        until: undefined,
      },
    ]);
  });

  test.each([
    [["essay/2", "essay/3", "poem/1"], "of its type, those that are live run essay/2, essay/3."],
    [["poem/1"], "those that are live run other types."],
  ])("the workers that are live run %p", async (types, words) => {
    await using ward = await setup();
    await ward.staff({ types });
    const id = await ward.enqueue();

    const { cause, sentence } = await ward.cause(id);

    expect(cause).toBe("no_worker");
    expect(sentence).toEndWith(words);
  });

  test("the workers of its type run another queue", async () => {
    await using ward = await setup();
    await ward.staff();
    const id = await ward.enqueue({ queue: "bulk" });

    expect(await ward.causes(id)).toEqual(["no_worker"]);
  });

  test("a worker of an older version counts by its types", async () => {
    await using ward = await setup();
    await ward.staff({ isOld: true });
    const id = await ward.enqueue();

    expect(await ward.causes(id)).toEqual(["due"]);
  });

  test("all slots of its workers are taken", async () => {
    await using ward = await setup();
    await ward.staff({ name: "first", slots: 1 });
    await ward.staff({ name: "second", slots: 1 });
    await ward.enqueue();
    await ward.claimOne({ worker: "first", leaseMs: 3_600_000 });
    const waiting = await ward.enqueue();

    const before = await ward.causes(waiting);
    await ward.enqueue({ priority: 0 });
    await ward.claim({ worker: "second", limit: 1, leaseMs: 3_600_000 });
    const { cause, sentence, blocker } = await ward.cause(waiting);

    expect(before).toEqual(["due"]);
    expect(cause).toBe("workers_busy");
    expect(sentence).toBe(
      "All slots (2) of the live workers that run essay/1, phase draft, of the queue default are taken: first, second.",
    );
    expect(blocker).toBe("first, second");
  });

  test("its children have not all ended", async () => {
    await using ward = await setup();
    await ward.staff();
    const id = await ward.enqueue();
    const { jobId, token } = await ward.claimOne();
    const [open] = await ward.call("enqueue_jobs", [
      { type: "poem", version: 1, phase: "run", payload: {}, parent: id },
    ]);
    await ward.call("wait_job", jobId, token, "draft", "children", null, null, false);

    const { cause, sentence, blocker } = await ward.cause(id);

    expect(cause).toBe("waits_children");
    expect(withoutMoments(sentence)).toBe(
      "Its phase draft waits since @ for its children, of whom 0 of 1 have ended.",
    );
    expect(blocker).toBe(String(open?.["id"]));
  });
});

describe("where several causes hold", () => {
  test("all are told, and first the one that decides", async () => {
    await using ward = await setup();
    await ward.client.setLimit({ queue: "default" }, { concurrencyMax: 0 });
    await ward.client.setLimit({ tenant: "acme" }, { rate: { max: 0, windowMs: 1_000 } });
    await ward.client.pause({ type: "essay" });
    await ward.client.pause({ queue: "default" });
    const id = await ward.enqueue({ tenant: "acme", delayMs: 60_000 });

    const causes = await ward.client.explain(id);

    expect(causes.map(({ cause, blocker }) => [cause, blocker])).toEqual([
      ["delayed", undefined],
      ["paused", "queue default"],
      ["paused", "type essay"],
      ["no_worker", "essay/1"],
      ["limit_full", "queue default"],
      ["rate_used_up", "tenant acme"],
    ]);
  });

  test("each that is taken away leaves the next to decide", async () => {
    await using ward = await setup();
    await ward.staff();
    await ward.client.setLimit({ queue: "default" }, { concurrencyMax: 0 });
    await ward.client.pause({ queue: "default" });
    const id = await ward.enqueue({ delayMs: 60_000 });

    const delayed = await ward.causes(id);
    await ward.database.advance(60_001);
    const paused = await ward.causes(id);
    await ward.client.resume({ queue: "default" });
    const full = await ward.causes(id);
    await ward.client.dropLimit({ queue: "default" });
    const due = await ward.causes(id);

    expect([delayed, paused, full, due]).toEqual([
      ["delayed", "paused", "limit_full"],
      ["paused", "limit_full"],
      ["limit_full"],
      ["due"],
    ]);
    expect(await ward.claim()).toMatchObject([{ publicId: id }]);
  });
});

describe("a job that needs a resource is held up", () => {
  test("by a breaker that is open, then by the probe, then by a slow start, then by none", async () => {
    await using queue = await setupResourceQueue(await server());
    const lanes = await queue.lanes(["draft"]);
    const about = { name: "worker", version: "1", types: ["essay/1"], slots: 5 };
    const needs = Object.fromEntries(lanes.map(({ laneId }) => [laneId, "host/model"]));
    const account = { ...about, intervalMs: 3_600_000, lanes: needs };
    await queue.call("note_worker", crypto.randomUUID(), account, 0, 0, false);
    await queue.enqueue();
    await queue.meetOutage(await queue.claimOneFor());
    await queue.database.advance(1);
    const id = await queue.enqueue({ priority: 1 });
    const other = await queue.enqueue();
    const last = await queue.enqueue({ priority: 9 });

    const [open] = await queue.client.explain(id);
    await queue.database.advance(60_000);
    const [free] = await queue.client.explain(id);
    const probe = await queue.claimOneFor({ leaseMs: 3_600_000 });
    const [probing] = await queue.client.explain(other);
    await queue.complete(probe);
    await queue.claimOneFor({ leaseMs: 3_600_000 });
    const [slow] = await queue.client.explain(last);

    expect(open).toMatchObject({
      cause: "breaker_open",
      blocker: "host/model",
      until: expect.any(Date),
    });
    expect(withoutMoments(open?.sentence)).toBe(
      "What it needs, host/model, is shut off with the code backend_unreachable: one job looks whether it is back at @.",
    );
    expect(free?.cause).toBe("due");
    expect(probing).toMatchObject({
      cause: "breaker_probing",
      sentence: `What it needs, host/model, was away with the code backend_unreachable: job ${probe.publicId} looks whether it is back.`,
    });
    expect(slow).toMatchObject({
      cause: "resource_slow",
      sentence:
        "What it needs, host/model, is taken up slowly after an outage (running: 1): every 5 seconds twice as many may run.",
    });
  });

  test("by a bound that is reached, unless a worker could run it with something else", async () => {
    await using ward = await setup();
    await ward.staff({ resource: "host/model" });
    await ward.client.setResource("host/model", { concurrency: 1 });
    await ward.enqueue();
    const [lane] = await ward.lanes(["draft"]);
    await ward.store.claimForResource({
      resource: "host/model",
      worker: "worker",
      token: crypto.randomUUID(),
      lanes: [lane?.laneId ?? 0],
      soloLanes: [],
      limit: 1,
      leaseMs: 3_600_000,
    });
    const id = await ward.enqueue();

    const full = await ward.cause(id);
    await ward.client.openBreaker("host/model");
    const shut = await ward.cause(id);
    await ward.client.pause({ resource: "host/model" }, { reason: "new card" });
    const paused = await ward.cause(id);
    await ward.staff({ name: "elsewhere", resource: "other/model" });
    const free = await ward.cause(id);

    expect(full).toMatchObject({
      cause: "resource_full",
      sentence: "What it needs, host/model, is full: 1 of 1 run.",
    });
    expect(paused).toMatchObject({
      cause: "paused",
      sentence: expect.stringMatching(
        /, is paused since .* by leasehold \(new card\): resume lets it go on\.$/,
      ),
      blocker: "host/model",
    });
    expect(shut).toMatchObject({
      cause: "breaker_open",
      sentence:
        "What it needs, host/model, is shut off with the code paused: close_breaker lets jobs go on.",
      until: undefined,
    });
    expect(free.cause).toBe("due");
  });
});

test("a worker tells what it runs, queue by queue, and what it needs for it", async () => {
  const essay = essayOf({ draft: async () => resultOf("done") });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });
  await subject.client.pause({ type: "essay" });
  const { id } = await subject.client.enqueue(essay, {});

  const before = await subject.client.explain(id);
  await subject.worker.start();
  const over = performance.now() + 20_000;
  let after = await subject.client.explain(id);
  while (after.length > 1 && performance.now() < over) {
    await Bun.sleep(10);
    after = await subject.client.explain(id);
  }

  expect(before.map(({ cause }) => cause)).toEqual(["paused", "no_worker"]);
  expect(after.map(({ cause }) => cause)).toEqual(["paused"]);
});
