import { describe, expect, test } from "bun:test";

import { jobsOf, type LimitedQueue, setupLimitedQueue } from "../support/limited-queue.ts";
import { type ResourceQueue, setupResourceQueue } from "../support/resource-queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Pauses of what is no lane: a tenant, whose jobs lie among those of others, and a resource.

const server = useServer();
const setup = async (): Promise<LimitedQueue> => setupLimitedQueue(await server());
const setupResources = async (): Promise<ResourceQueue> => setupResourceQueue(await server());

describe("a tenant that is paused", () => {
  test("has no job claimed, whenever it was enqueued, and others have all of theirs", async () => {
    await using queue = await setup();
    await queue.enqueueAll([
      ...jobsOf("acme", 2),
      ...jobsOf("umbrella", 2),
      ...jobsOf(undefined, 1),
    ]);

    const paused = await queue.client.pause({ tenant: "acme" }, { reason: "a bill is open" });
    await queue.enqueueAll([...jobsOf("acme", 1), ...jobsOf("umbrella", 1)]);
    const held = await queue.claimTenants(10);
    const resumed = await queue.client.resume({ tenant: "acme" });

    expect([paused, resumed]).toEqual(["ok", "ok"]);
    expect(held.toSorted()).toEqual(["", "umbrella", "umbrella", "umbrella"]);
    expect(await queue.claimTenants(10)).toEqual(["acme", "acme", "acme"]);
  });

  test("leaves nothing behind: who is under no limit pays for none", async () => {
    await using queue = await setup();
    await queue.client.pause({ tenant: "acme" });

    await queue.client.resume({ tenant: "acme" });

    expect(await queue.query('select from :"schema".job_limit')).toEqual([]);
    expect(
      await queue.query(
        `select from pg_trigger where tgrelid = $t$:"schema".ready$t$::regclass and not tgisinternal`,
      ),
    ).toEqual([]);
  });

  test("keeps its limits, and what they become meanwhile", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 5 });
    await queue.client.pause({ tenant: "acme" });
    await queue.enqueueAll(jobsOf("acme", 4));

    await queue.client.setLimit({ tenant: "acme" }, { concurrencyMax: 2 });
    const held = await queue.claimTenants(10);
    const limits = await queue.client.getLimits();
    await queue.client.resume({ tenant: "acme" });

    expect(held).toEqual([]);
    expect(limits).toMatchObject([{ scope: { tenant: "acme" }, concurrencyMax: 2 }]);
    expect(await queue.claimTenants(10)).toEqual(["acme", "acme"]);
  });

  test("stays paused when its limit is dropped", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ tenant: "*" }, { concurrencyMax: 5 });
    await queue.client.pause({ tenant: "acme" });
    await queue.enqueueAll([...jobsOf("acme", 2), ...jobsOf("umbrella", 1)]);

    await queue.client.dropLimit({ tenant: "*" });

    expect(await queue.claimTenants(10)).toEqual(["umbrella"]);
  });

  test("goes on with what runs, and what that gives back waits", async () => {
    await using queue = await setup();
    await queue.enqueueAll(jobsOf("acme", 1));
    const [lease] = await queue.claim();
    if (lease === undefined) throw new Error("There is no lease.");
    await queue.client.pause({ tenant: "acme" });

    const renewed = await queue.store.renewLeases([lease]);
    const released = await queue.store.releaseJob(lease, "shutdown", {
      code: "worker_stopping",
      message: "It stops.",
    });

    expect([...renewed.values()]).toEqual(["ok"]);
    expect(released.outcome).toBe("ok");
    expect(await queue.claim()).toEqual([]);
  });

  test("explains its jobs, and is shown", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ tenant: "acme" });
    await queue.client.pause({ tenant: "acme" }, { reason: "a bill is open" });

    const [cause] = await queue.client.explain(id);

    expect(cause).toMatchObject({ cause: "paused", blocker: "tenant acme" });
    expect(cause?.sentence).toMatch(
      /^The tenant acme is paused since .* \(a bill is open\): resume/,
    );
    expect(await queue.client.getPauses()).toMatchObject([
      { scope: { tenant: "acme" }, reason: "a bill is open" },
    ]);
    expect(await queue.client.getLimits()).toEqual([]);
  });

  test("while a claim goes on: the pause waits for it, and holds from then on", async () => {
    await using queue = await setup();
    await queue.enqueueAll(jobsOf("acme", 2));
    const [lane] = await queue.lanes(["draft"]);
    await using rivals = await rivalsIn(queue);
    const claimed = await rivals.first.call(
      "claim_jobs",
      "w",
      crypto.randomUUID(),
      `{${String(lane?.laneId)}}`,
      "{}",
      1,
      60_000,
    );

    const [answer] = await rivals.overtaken((rival) => rival.call("pause", "tenant", "acme"));

    expect(claimed).toHaveLength(1);
    expect(answer?.["pause"]).toBe("ok");
    expect(await queue.claim()).toEqual([]);
  });
});

describe("a resource that is paused", () => {
  test("bears no job, also where nobody knew it, until it is resumed", async () => {
    await using queue = await setupResources();
    await queue.enqueueMany(2);

    const paused = await queue.client.pause({ resource: "host/model" });
    const held = await queue.claimFor();
    const other = await queue.claimFor({ resource: "host/other", limit: 1 });
    const resumed = await queue.client.resume({ resource: "host/model" });

    expect([paused, resumed]).toEqual(["ok", "ok"]);
    expect(held).toMatchObject({ state: "closed", places: 0, jobs: [] });
    expect(other.jobs).toHaveLength(1);
    expect((await queue.claimFor()).jobs).toHaveLength(1);
  });

  test("is not looked at by a probe, and its breaker stays as it was", async () => {
    await using queue = await setupResources();
    await queue.openAndWait();
    await queue.enqueueMany(1);
    await queue.client.pause({ resource: "host/model" });

    const held = await queue.claimFor();
    await queue.client.resume({ resource: "host/model" });
    const probe = await queue.claimFor();

    expect(held).toMatchObject({ state: "open", waitMs: 1_000, places: 0, jobs: [] });
    expect(probe).toMatchObject({ state: "half_open" });
    expect(probe.jobs).toHaveLength(1);
  });

  test("stops nobody who needs none", async () => {
    await using queue = await setupResources();
    const [id] = await queue.enqueueMany(1);

    await queue.client.pause({ resource: "host/model" });

    expect(await queue.claim()).toMatchObject([{ publicId: id }]);
  });
});

test("a pause names one of queue, type, tenant and resource", async () => {
  await using queue = await setup();
  const scopes: readonly object[] = [{}, { queue: "default", tenant: "acme" }, { model: "m" }];

  const refusals = await Promise.all(
    scopes.map((scope) =>
      queue.client.pause(scope as { queue: string }).catch((error: unknown) => error),
    ),
  );

  expect(refusals).toMatchObject(scopes.map(() => ({ code: "input_invalid" })));
});
