import { describe, expect, test } from "bun:test";

import type { ResourceRecord } from "@leasehold/core";

import { type ResourceQueue, setupResourceQueue } from "../support/resource-queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<ResourceQueue> => setupResourceQueue(await server());

const shown = async (queue: ResourceQueue): Promise<ResourceRecord> => {
  const [resource, ...others] = await queue.client.getResources();
  if (resource === undefined || others.length > 0) throw new Error("There is not one resource.");
  return resource;
};

describe("a resource", () => {
  test("that nobody has declared bears any number of jobs", async () => {
    await using queue = await setup();
    await queue.enqueueMany(12);

    const claim = await queue.claimFor();

    expect(claim).toMatchObject({ state: "closed", places: undefined, waitMs: 0 });
    expect(claim.jobs).toHaveLength(10);
    expect(await shown(queue)).toEqual({
      name: "host/model",
      concurrency: undefined,
      state: "closed",
      code: undefined,
      openUntil: undefined,
      outages: 0,
      leased: 10,
      places: undefined,
      probe: undefined,
      changedAt: undefined,
    });
  });

  test("bears as many jobs as its adapter says, over all claims, and others beside them", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", 3);
    await queue.enqueueMany(10);

    const first = await queue.claimFor({ limit: 2 });
    const second = await queue.claimFor({ worker: "another" });
    const third = await queue.claimFor();
    const other = await queue.claimFor({ resource: "host/other", limit: 2 });

    expect([first, second, third, other].map(({ jobs, places }) => [jobs.length, places])).toEqual([
      [2, 1],
      [1, 0],
      [0, 0],
      [2, undefined],
    ]);
    const [job] = first.jobs;
    if (job !== undefined) await queue.complete(job);
    expect((await queue.claimFor()).jobs).toHaveLength(1);
  });

  test("keeps its place for a job that goes on under its lease, and not for one that yields", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", 1);
    await queue.enqueueMany(2);
    const job = await queue.claimOneFor();
    const result = { output: null, provenance: {} };
    const step = { phase: "draft", nextPhase: "grade" };

    await queue.store.checkpointJob(job, { ...step, yields: false }, result);
    const meanwhile = await queue.claimFor();
    await queue.store.checkpointJob(
      job,
      { phase: "grade", nextPhase: "draft", yields: true },
      result,
    );

    expect(meanwhile.jobs).toEqual([]);
    expect((await queue.claimFor()).jobs).toHaveLength(1);
  });

  test("follows its adapters until an operator has spoken", async () => {
    await using queue = await setup();
    const { client, store } = queue;
    const concurrency = async (): Promise<number | undefined> => (await shown(queue)).concurrency;

    await store.declareResource("host/model", 3);
    await store.declareResource("host/model", 2);
    await store.declareResource("host/model", undefined);
    const declared = await concurrency();
    const answer = await client.setResource("host/model", { concurrency: 5 });
    await store.declareResource("host/model", 1);
    const set = await concurrency();
    await client.setResource("host/model", { concurrency: undefined });
    await store.declareResource("host/model", 1);

    expect([declared, answer, set, await concurrency()]).toEqual([2, "updated", 5, undefined]);
    expect(await client.setResource("host/new", { concurrency: 1 })).toBe("created");
  });

  test.each([0, -1, 1.5, Number.NaN])("cannot bear %p jobs", async (concurrency) => {
    await using queue = await setup();

    const refused = queue.client.setResource("host/model", { concurrency });

    expect(refused).rejects.toMatchObject({ code: "input_invalid" });
  });

  test("costs nothing to whoever needs none", async () => {
    await using queue = await setup();
    await queue.enqueueMany(1);

    const job = await queue.claimOne();
    await queue.meetOutage(job);

    expect(await queue.client.getResources()).toEqual([]);
  });
});

describe("an outage", () => {
  test("stops all claims for the resource at once, for 5 to 10 seconds, and shows its code", async () => {
    await using queue = await setup();
    await queue.enqueueMany(3);
    const job = await queue.claimOneFor();

    const answer = await queue.meetOutage(job);
    const claim = await queue.claimFor();

    expect(answer).toMatchObject({ outcome: "ok", state: "queued" });
    expect(claim).toMatchObject({
      state: "open",
      code: "backend_unreachable",
      jobs: [],
      places: 0,
    });
    expect(claim.waitMs).toBeWithin(4_000, 10_001);
    const { state, code, outages, openUntil } = await shown(queue);
    expect({ state, code, outages }).toEqual({
      state: "open",
      code: "backend_unreachable",
      outages: 1,
    });
    expect(openUntil).toBeInstanceOf(Date);
    expect((await queue.claimFor({ resource: "host/other" })).jobs).toHaveLength(2);
  });

  test("that many jobs tell of is one", async () => {
    await using queue = await setup();
    await queue.enqueueMany(5);
    const { jobs } = await queue.claimFor();

    for (const job of jobs) await queue.meetOutage(job);

    expect(await shown(queue)).toMatchObject({ state: "open", outages: 1 });
  });

  test("lasts as long as the backend asks for", async () => {
    await using queue = await setup();
    await queue.enqueueMany(3);
    const { jobs } = await queue.claimFor({ limit: 2 });
    const [one, other] = jobs;

    if (one !== undefined) await queue.meetOutage(one, { retryAfterMs: 90_000 });
    const first = await queue.claimFor();
    if (other !== undefined) await queue.meetOutage(other, { retryAfterMs: 200_000 });
    const second = await queue.claimFor();

    expect(first.waitMs).toBeWithin(85_000, 90_001);
    expect(second.waitMs).toBeWithin(195_000, 200_001);
  });

  test("of our own database says nothing about the resource", async () => {
    await using queue = await setup();
    await queue.enqueueMany(2);
    const job = await queue.claimOneFor();

    await queue.meetOutage(job, { code: "database_unavailable" });

    expect((await queue.claimFor()).jobs).toHaveLength(1);
  });

  test("that follows another is longer, up to a minute, and one long after is short again", async () => {
    await using queue = await setup();
    const waits: number[] = [];
    const meetNext = async (): Promise<void> => {
      const id = await queue.enqueue();
      await queue.meetOutage(await queue.claimOneFor());
      await queue.client.cancel(id);
      waits.push((await queue.claimFor()).waitMs);
      await queue.database.advance(60_000);
    };

    for (let outage = 0; outage < 5; outage += 1) await meetNext();
    await queue.enqueue();
    await queue.complete(await queue.claimOneFor());
    await queue.claimFor();
    await queue.database.advance(61_000);
    await meetNext();

    const [first, second, third, fourth, fifth, later] = waits;
    expect(first).toBeWithin(4_000, 10_001);
    expect(second).toBeWithin(9_000, 20_001);
    expect(third).toBeWithin(19_000, 40_001);
    expect(fourth).toBeWithin(29_000, 60_001);
    expect(fifth).toBeWithin(29_000, 60_001);
    expect(later).toBeWithin(4_000, 10_001);
  });

  test("opens its breaker also when the hook of its job raises", async () => {
    await using queue = await setup();
    await queue.query(`create function :"schema".refuse(
        uuid, text, text, text, text, text, jsonb
      ) returns void language plpgsql as $$ begin raise 'no'; end $$`);
    await queue.query(
      `select :"schema".register_type('essay',
        '${queue.schema}.refuse(uuid, text, text, text, text, text, jsonb)'::regprocedure)`,
    );
    await queue.enqueueMany(2);
    const job = await queue.claimOneFor();

    const answer = await queue.meetOutage(job);

    expect(answer.outcome).toBe("effect_failed");
    expect((await queue.claimFor()).state).toBe("open");
  });

  test("is not prolonged by a clock that goes back", async () => {
    await using queue = await setup();
    await queue.enqueueMany(2);
    await queue.meetOutage(await queue.claimOneFor());

    await queue.database.query('select :"schema".advance_clock(-3600000)');
    await queue.database.query(`update :"schema".ready set due_at = due_at - interval '1 hour'`);
    const rows = await queue.query(
      `select state, public_id from :"schema".claim_for_resource('host/model', 'w',
        gen_random_uuid(), array(select id from :"schema".lane where not solo), '{}', 10, 1000)`,
    );

    expect(rows).toMatchObject([
      { public_id: expect.any(String) },
      { state: "half_open", public_id: null },
    ]);
  });
});

describe("an operator", () => {
  test("stops the claims for a resource until he lets them go on", async () => {
    await using queue = await setup();
    await queue.enqueueMany(4);
    const running = await queue.claimOneFor();

    const opened = await queue.client.openBreaker("host/model");
    await queue.meetOutage(running, { retryAfterMs: 1_000 });
    await queue.database.advance(3_600_000);
    const meanwhile = await queue.claimFor();
    const sight = await shown(queue);
    const closed = await queue.client.closeBreaker("host/model");
    const after = await queue.claimFor();

    expect([opened, closed]).toEqual(["ok", "ok"]);
    expect(meanwhile).toMatchObject({ state: "open", code: "paused", jobs: [] });
    expect(sight).toMatchObject({ state: "open", code: "paused", openUntil: undefined });
    expect(after.jobs).toHaveLength(1);
  });

  test("stops them for a while, in his own word, and one job looks then", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", undefined);
    await queue.enqueueMany(2);

    await queue.client.openBreaker("host/model", { forMs: 30_000, code: "new_driver" });
    const during = await queue.claimFor();
    await queue.database.advance(30_000);
    const after = await queue.claimFor();

    expect(during).toMatchObject({ state: "open", code: "new_driver", jobs: [] });
    expect(after).toMatchObject({ state: "half_open" });
    expect(after.jobs).toHaveLength(1);
  });

  test("is told what there is not, and what was so before", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", undefined);
    const { client } = queue;

    const answers = [
      await client.openBreaker("host/other"),
      await client.closeBreaker("host/other"),
      await client.closeBreaker("host/model"),
    ];

    expect(answers).toEqual(["not_found", "not_found", "closed"]);
    expect(client.openBreaker("host/model", { code: "Two words" })).rejects.toMatchObject({
      code: "statement_failed",
    });
  });

  test("opens it while a job looks: what that job shows counts no more", async () => {
    await using queue = await setup();
    await queue.openAndWait();
    await queue.enqueueMany(2);
    const probe = await queue.claimOneFor();

    await queue.client.openBreaker("host/model");
    await queue.complete(probe);

    expect(await queue.claimFor()).toMatchObject({ state: "open", jobs: [] });
  });
});

test("lanes are peeked at in the order of their waits, and paused ones not at all", async () => {
  await using queue = await setup();
  const lanes = await queue.lanes(["draft", "grade", "print"]);
  await queue.enqueue({ phase: "grade" });
  await queue.database.advance(2_000);
  await queue.enqueue({ phase: "draft", priority: 0 });
  await queue.enqueue({ phase: "draft", delayMs: 60_000 });
  await queue.database.advance(1_000);
  const all = lanes.flatMap(({ laneId, soloLaneId }) => [laneId, soloLaneId]);

  const due = await queue.store.peekLanes(all);
  await queue.client.pause({ type: "essay", phase: "grade" });
  const open = await queue.store.peekLanes(all);

  const [draft, grade] = lanes.map(({ laneId }) => laneId);
  expect(due.map(({ laneId }) => laneId)).toEqual([grade ?? 0, draft ?? 0]);
  expect(due[0]?.waitedMs).toBeWithin(3_000, 10_000);
  expect(due[1]?.waitedMs).toBeWithin(1_000, 8_000);
  expect(open.map(({ laneId }) => laneId)).toEqual([draft ?? 0]);
});
