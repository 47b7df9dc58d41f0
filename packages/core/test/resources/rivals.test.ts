import { describe, expect, test } from "bun:test";

import { createPostgresStore } from "../../src/store/postgres-store.ts";
import type { Session } from "../support/queue.ts";
import { type ResourceQueue, setupResourceQueue } from "../support/resource-queue.ts";
import { type Answer, rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Two connections want the same place, or the same probe, and one must lose and say so.

const server = useServer();
const setup = async (): Promise<ResourceQueue> => setupResourceQueue(await server());

const claim = async (session: Session, limit: number): Promise<Answer> =>
  await session.query(
    `select state, places, public_id from :"schema".claim_for_resource(
      'host/model', 'w', gen_random_uuid(),
      array(select id from :"schema".lane where not solo), '{}', $1, 1000
    )`,
    limit,
  );
const idsOf = (rows: Answer): readonly unknown[] => rows.flatMap((row) => row["public_id"] ?? []);

describe("of two claims for a resource", () => {
  test("the second gets what the first has left of its places", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", 3);
    await queue.enqueueMany(5);
    await using rivals = await rivalsIn(queue);

    const first = await claim(rivals.first, 2);
    const second = await rivals.overtaken((rival) => claim(rival, 5));

    expect([idsOf(first).length, idsOf(second).length]).toEqual([2, 1]);
    expect(second.at(-1)).toMatchObject({ state: "closed", places: 0 });
  });

  test("one looks whether it is back, and the other gets nothing", async () => {
    await using queue = await setup();
    await queue.openAndWait();
    await queue.enqueueMany(5);
    await using rivals = await rivalsIn(queue);

    const first = await claim(rivals.first, 5);
    const second = await rivals.overtaken((rival) => claim(rival, 5));

    expect(idsOf(first)).toHaveLength(1);
    expect(second).toEqual([{ state: "half_open", places: 0, public_id: null }]);
  });

  test("each gets jobs of its own resource, and waits for nobody", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", 1);
    await queue.enqueueMany(2);
    await using rivals = await rivalsIn(queue);

    await claim(rivals.first, 1);
    const other = await queue.claimFor({ resource: "host/other" });

    expect(other.jobs).toHaveLength(1);
  });
});

test("a claim that waits for an outage to be written down gets nothing of it", async () => {
  await using queue = await setup();
  await queue.enqueueMany(3);
  const { jobId, token } = await queue.claimOneFor();
  await using rivals = await rivalsIn(queue);

  await rivals.first.call("release_job", jobId, token, "outage", "backend_busy", "busy", null);
  const rows = await rivals.overtaken((rival) => claim(rival, 5));

  expect(rows).toEqual([{ state: "open", places: 0, public_id: null }]);
});

test("of two jobs that meet one outage, the second opens nothing again", async () => {
  await using queue = await setup();
  await queue.enqueueMany(2);
  const [one, other] = (await queue.claimFor()).jobs;
  await using rivals = await rivalsIn(queue);
  const release = (session: Session, job = one): Promise<Answer> =>
    session.call(
      "release_job",
      job?.jobId ?? "",
      job?.token ?? "",
      "outage",
      "backend_busy",
      "busy",
      null,
    );

  await release(rivals.first);
  const answer = await rivals.overtaken((rival) => release(rival, other));

  expect(answer).toMatchObject([{ outcome: "ok", state: "queued" }]);
  expect(await queue.client.getResources()).toMatchObject([{ state: "open", outages: 1 }]);
});

describe("an operator who waits for another call", () => {
  test("is told that another closed it before", async () => {
    await using queue = await setup();
    await queue.store.declareResource("host/model", undefined);
    await queue.client.openBreaker("host/model");
    await using rivals = await rivalsIn(queue);

    await rivals.first.call("close_breaker", "host/model");
    const answer = await rivals.overtaken((rival) => rival.call("close_breaker", "host/model"));

    expect(answer).toEqual([{ close_breaker: "closed" }]);
  });

  test("opens it after a claim, whose probe counts no more", async () => {
    await using queue = await setup();
    await queue.openAndWait();
    await queue.enqueueMany(2);
    await using rivals = await rivalsIn(queue);

    await claim(rivals.first, 5);
    const answer = await rivals.overtaken((rival) => rival.call("open_breaker", "host/model"));

    expect(answer).toEqual([{ open_breaker: "ok" }]);
    expect(await queue.client.getResources()).toMatchObject([
      { state: "open", code: "paused", probe: undefined },
    ]);
  });

  test("sets what counts, whoever declares the resource meanwhile", async () => {
    await using queue = await setup();
    await using rivals = await rivalsIn(queue);

    await rivals.first.call("declare_resource", "host/model", 2);
    const answer = await rivals.overtaken((rival) => rival.call("set_resource", "host/model", 5));

    expect(answer).toEqual([{ set_resource: "created" }]);
    expect(await queue.client.getResources()).toMatchObject([{ concurrency: 5 }]);
  });
});

test("a declaration that waits for an operator's word follows it", async () => {
  await using queue = await setup();
  await using rivals = await rivalsIn(queue);

  await rivals.first.call("set_resource", "host/model", 5);
  const answer = await rivals.overtaken((rival) => rival.call("declare_resource", "host/model", 2));

  expect(answer).toEqual([{ declare_resource: 5 }]);
});

test("fifty claimers never have a fourth job of a resource that bears three", async () => {
  await using queue = await setup();
  const { workerUrl, schema } = queue;
  const jobs = 300;
  await queue.store.declareResource("host/model", 3);
  const [lane] = await queue.lanes(["draft"]);
  await queue.enqueueMany(jobs);
  const stores = Array.from({ length: 5 }, () =>
    createPostgresStore({ connection: workerUrl, schema, name: "claimer", connections: 10 }),
  );
  const completed: string[] = [];
  const isDone = (): boolean => completed.length >= jobs;

  const claimOn = async (number: number): Promise<void> => {
    const store = stores[number % stores.length] ?? queue.store;
    while (!isDone()) {
      const claimed = await store.claimForResource({
        resource: "host/model",
        worker: `claimer ${number}`,
        token: crypto.randomUUID(),
        lanes: [lane?.laneId ?? 0],
        soloLanes: [],
        limit: 2,
        leaseMs: 60_000,
      });
      for (const job of claimed.jobs) {
        await store.completeJob(job, { output: null, provenance: {} });
        completed.push(job.publicId);
      }
    }
  };
  const counts: number[] = [];
  const lookOn = async (): Promise<void> => {
    while (!isDone()) {
      const rows = await queue.query(
        `select count(*)::integer as count from :"schema".lease where resource = 'host/model'`,
      );
      counts.push(Number(rows[0]?.["count"]));
    }
  };
  await Promise.all([lookOn(), ...Array.from({ length: 50 }, (_, number) => claimOn(number))]);
  await Promise.all(stores.map((store) => store.end()));

  expect(new Set(completed).size).toBe(jobs);
  expect(Math.max(...counts)).toBeWithin(1, 4);
  const [overlap] = await queue.query(
    `select max(live)::integer as live from (
       select sum(step) over (order by moment, step) as live
       from (
         select started_at as moment, 1 as step from :"schema".attempt
         union all select finished_at, -1 from :"schema".attempt
       ) as moments
     ) as story`,
  );
  expect(Number(overlap?.["live"])).toBeLessThanOrEqual(3);
});
