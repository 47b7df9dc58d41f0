import { describe, expect, test } from "bun:test";

import type { LimitScope } from "@leasehold/core";

import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { adapterOf, createGate, essayOf, resultOf, setupWorker } from "../support/worker.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

describe("limits as data", () => {
  test("are read as they were set, with weights beside them", async () => {
    await using queue = await setup();
    const { client } = queue;

    await client.setLimit({ queue: "default" }, { concurrencyMax: 7, fair: true });
    await client.setLimit({ type: "essay" }, { rate: { max: 5, windowMs: 1_000 } });
    await client.setLimit({ tenant: "*" }, { concurrencyMax: 2 });
    await client.setLimit({ queue: "default" }, { concurrencyMax: 8 });
    await client.setTenantWeight("acme", 2.5);

    expect(await client.getLimits()).toEqual([
      { scope: { queue: "default" }, concurrencyMax: 8, fair: false, running: 0 },
      { scope: { tenant: "*" }, concurrencyMax: 2, fair: false, running: 0 },
      { scope: { tenant: "acme" }, weight: 2.5, fair: false, running: 0 },
      { scope: { type: "essay" }, rate: { max: 5, windowMs: 1_000 }, fair: false, running: 0 },
    ]);
  });

  test.each<[string, readonly [scope: object, limit: object], string]>([
    ["no bound", [{ queue: "a" }, {}], "a limit needs concurrencyMax, rate or fair"],
    [
      "two scopes",
      [{ queue: "a", type: "b" }, { fair: true }],
      "name one of queue, type and tenant",
    ],
    ["no scope", [{}, { fair: true }], "name one of queue, type and tenant"],
    ["a fair tenant", [{ tenant: "a" }, { fair: true }], "fair is for a queue or a type"],
    ["an option that is none", [{ queue: "a" }, { fair: true, max: 1 }], 'Unrecognized key: "max"'],
    ["half a job", [{ queue: "a" }, { concurrencyMax: 0.5 }], "concurrencyMax: "],
    ["no window", [{ queue: "a" }, { rate: { max: 1, windowMs: 0 } }], "rate.windowMs: "],
    ["a month", [{ queue: "a" }, { rate: { max: 1, windowMs: 2_678_400_000 } }], "rate.windowMs: "],
  ])("are refused by name: %s", async (_, [scope, limit], problem) => {
    await using queue = await setup();

    const refusal = queue.client.setLimit(scope as LimitScope, limit);

    const error = await refusal.catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: "input_invalid" });
    expect(String(error)).toContain(problem);
    expect(await queue.client.getLimits()).toEqual([]);
  });

  test.each<[string, string, readonly (string | number | boolean | null)[]]>([
    ["half a rate", "limit_rate_incomplete", ["queue", "a", null, 5, null, false]],
    ["a fair tenant", "limit_fair_tenant", ["tenant", "a", 1, null, null, true]],
    ["no bound", "limit_empty", ["queue", "a", null, null, null, false]],
    ["another scope", "job_limit_scope_check", ["host", "a", 1, null, null, false]],
  ])("are refused by Postgres, which names the constraint: %s", async (_, constraint, values) => {
    await using queue = await setup();

    const refusal = queue.call("set_limit", ...values);

    expect(await refusal.catch((error: object) => Object(error).constraint_name)).toBe(constraint);
  });

  test("a weight is from 0.001 to 1,000", async () => {
    await using queue = await setup();

    const refusals = [0, -1, 1_001, Number.NaN].map((weight) =>
      queue.client.setTenantWeight("acme", weight).catch(({ code }) => code),
    );

    expect(await Promise.all(refusals)).toEqual(Array<string>(4).fill("input_invalid"));
  });
});

describe("a worker", () => {
  test("runs all jobs under a limit, and never more than it says", async () => {
    let running = 0;
    let most = 0;
    const essay = essayOf({
      draft: async () => {
        running += 1;
        most = Math.max(most, running);
        await Bun.sleep(2);
        running -= 1;
        return resultOf(1);
      },
    });
    const options = { pipelines: [essay], concurrency: 10 };
    await using subject = await setupWorker(await server(), options);
    await subject.client.setLimit({ queue: "default" }, { concurrencyMax: 3 });
    await subject.worker.start();
    await subject.addWorker({}).worker.start();

    const jobs = await subject.client.enqueueMany(
      essay,
      Array.from({ length: 40 }, () => ({})),
      { tenant: "acme" },
    );
    for (const { id } of jobs) await subject.client.waitForJob(id, { pollIntervalMs: 20 });

    expect(most).toBe(3);
  });

  test("runs jobs that need a resource under both bounds", async () => {
    const essay = essayOf({ draft: undefined });
    let running = 0;
    let most = 0;
    const adapter = adapterOf(async () => {
      running += 1;
      most = Math.max(most, running);
      await Bun.sleep(2);
      running -= 1;
      return resultOf(1);
    });
    const options = { pipelines: [essay], adapters: [adapter], concurrency: 10 };
    await using subject = await setupWorker(await server(), options);
    await subject.client.setResource("host/model", { concurrency: 4 });
    await subject.client.setLimit({ tenant: "*" }, { concurrencyMax: 2 });
    await subject.worker.start();

    const jobs = await subject.client.enqueueMany(
      essay,
      Array.from({ length: 20 }, () => ({})),
      { tenant: "acme" },
    );
    for (const { id } of jobs) await subject.client.waitForJob(id, { pollIntervalMs: 20 });

    expect(most).toBe(2);
  });

  test("that looks once a minute is woken by a slot that frees for a job of its own", async () => {
    const minute = { pollSeconds: 60, pollSecondsMax: 60 };
    const held = createGate();
    const begun = createGate();
    const long = essayOf(
      {
        run: async () => {
          begun.open();
          await held.opened;
          return resultOf(1);
        },
      },
      { type: "long" },
    );
    const short = essayOf({ run: async () => resultOf(1) }, { type: "short" });
    const options = { pipelines: [long], ...minute };
    await using subject = await setupWorker(await server(), options);
    await subject.client.setLimit({ queue: "default" }, { concurrencyMax: 1 });
    await subject.worker.start();
    await subject.client.enqueue(long, {});
    await begun.opened;
    await subject.addWorker({ pipelines: [short] }).worker.start();
    const { id } = await subject.client.enqueue(short, {});
    const before = await subject.client.getJob(id);

    held.open();

    expect(before?.state).toBe("queued");
    expect((await subject.client.waitForJob(id)).state).toBe("completed");
  });
});
