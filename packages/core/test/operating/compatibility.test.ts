import { describe, expect, test } from "bun:test";

import { type CompatibilityView, renderCompatibilityView, type SqlBundle } from "@leasehold/core";
import { createTestDatabase, type TestDatabase, type TestRow } from "@leasehold/core/testing";

import { type Client, createClient } from "../../src/client/client.ts";
import type { ClaimedJob, JobStore } from "../../src/store/job-store.ts";
import { createPostgresStore } from "../../src/store/postgres-store.ts";
import { useServer } from "../support/server.ts";

const server = useServer();

/** A table of a host whose jobs had an error and a lease's end. */
const discovery: CompatibilityView = {
  name: "market.discovery_queue",
  writer: "discovery_queue_write",
  type: "discovery",
  states: { queued: "queued", leased: "processing", failed: "error" },
  columns: {
    id: "id",
    interest_id: { sql: "(j.payload ->> 'interestId')::bigint" },
    reason: { sql: "j.payload ->> 'reason'" },
    status: "status",
    attempts: "failures",
    last_error: "code",
    lease_token: "leaseKey",
    lease_expires_at: "leasedUntil",
    updated_at: "updatedAt",
  },
  enqueue: {
    version: 1,
    phase: "run",
    queue: "discovery",
    payload: "jsonb_build_object('interestId', new.interest_id, 'reason', new.reason)",
  },
};

/** Another one, whose jobs are numbered and have a time. */
const numbered: CompatibilityView = {
  name: "market.jobs_queue",
  writer: "jobs_queue_write",
  type: "discovery",
  only: "j.queue = 'discovery'",
  states: { queued: "pending", leased: "running", failed: "failed", dead: "gave_up" },
  columns: {
    id: "number",
    payload: { sql: "j.payload" },
    status: "status",
    run_at: "dueAt",
    locked_by: "worker",
    created_at: "createdAt",
  },
  enqueue: { version: 1, phase: "run", queue: "discovery", payload: "new.payload" },
};

/** What the host adds to our migrations. */
const bundleIn = (schema: string): SqlBundle => ({
  name: "market",
  migrations: [],
  definitions: [discovery, numbered].flatMap((view) =>
    // Elsewhere a host's table has the schema it always had; tests must not meet there.
    renderCompatibilityView({ ...view, name: view.name.replace("market", schema) }),
  ),
});

interface Market extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly client: Client;
  readonly store: JobStore;
  query(text: string, ...values: readonly (string | number)[]): Promise<readonly TestRow[]>;
  /** Claims and expects exactly one job. */
  claim(): Promise<ClaimedJob>;
}

const trouble = { code: "no_answer", message: "It did not answer." };

async function setup(): Promise<Market> {
  const { url } = await server();
  const schema = `market_${crypto.randomUUID().slice(0, 8)}`;
  const bundles = [bundleIn(schema)];
  const database = await createTestDatabase({ connection: url, schema, bundles });
  const store = createPostgresStore({ connection: url, schema, name: "test", connections: 2 });
  const client = createClient(database);
  return {
    database,
    client,
    store,
    query: (text, ...values) => database.query(text, values),
    async claim() {
      const of = { queue: "discovery", type: "discovery", version: 1, phases: ["run"] };
      const lanes = await store.declareLanes(of);
      const jobs = await store.claimJobs({
        worker: "worker",
        token: crypto.randomUUID(),
        lanes: lanes.map(({ laneId }) => laneId),
        soloLanes: lanes.map(({ soloLaneId }) => soloLaneId),
        limit: 10,
        leaseMs: 1_000,
      });
      const [job] = jobs;
      if (job === undefined || jobs.length > 1) throw new Error(`Claimed ${jobs.length}, not one.`);
      return job;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([store.end(), client.close()]);
      await database[Symbol.asyncDispose]();
    },
  };
}

const insert = `insert into :"schema".discovery_queue (interest_id, reason) values (7, 'new') returning id`;

/** What an operator types when he finds jobs that are stuck, or that failed. */
const unstick = `update :"schema".discovery_queue set status = 'queued', lease_token = null, lease_expires_at = null
  where status = 'processing' and lease_expires_at < :"schema".clock()`;
const countStuck = `select count(*)::int as ct from :"schema".discovery_queue
  where status = 'processing' and lease_expires_at < :"schema".clock()`;
const tryAgain = `update :"schema".discovery_queue set status = 'queued', attempts = 0, last_error = null
  where status = 'error' and attempts < 5`;

async function refusal(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => "It was done.",
    (error: unknown) => error,
  );
}

describe("a host's job table", () => {
  test("is written by an INSERT, which enqueues, and read with the host's own words", async () => {
    await using host = await setup();

    const [added] = await host.query(insert);
    const [waiting] = await host.query(`select * from :"schema".discovery_queue`);
    const job = await host.claim();
    const [running] = await host.query(`select * from :"schema".discovery_queue`);
    await host.store.completeJob(job, { output: 1, provenance: {} });
    const after = await host.query(`select * from :"schema".discovery_queue`);

    expect(job).toMatchObject({
      publicId: added?.["id"],
      payload: { interestId: 7, reason: "new" },
    });
    expect(waiting).toMatchObject({
      id: job.publicId,
      interest_id: "7",
      reason: "new",
      status: "queued",
      attempts: 0,
      last_error: null,
      lease_token: null,
    });
    expect(running).toMatchObject({ status: "processing", lease_expires_at: expect.any(Date) });
    expect(running?.["lease_token"]).not.toBe(job.token);
    expect(after).toEqual([]);
  });

  test("gives jobs that failed a new start, as the operator is used to", async () => {
    await using host = await setup();
    await host.query(insert);
    await host.store.failJob(await host.claim(), trouble);
    const [failed] = await host.query(`select status, last_error from :"schema".discovery_queue`);

    await host.query(tryAgain);

    expect(failed).toEqual({ status: "error", last_error: "no_answer" });
    expect(await host.query(`select status, last_error from :"schema".discovery_queue`)).toEqual([
      { status: "queued", last_error: null },
    ]);
    expect(await host.claim()).toMatchObject({ payload: { interestId: 7 } });
  });

  test("takes back leases that ran out, and none that lives", async () => {
    await using host = await setup();
    await host.query(insert);
    const { publicId } = await host.claim();

    await host.query(unstick);
    const early = await host.client.getJob(publicId);
    const none = await host.query(countStuck);
    await host.database.advance(1_001);
    const stuck = await host.query(countStuck);
    await host.query(unstick);
    const late = await host.client.getJob(publicId);

    expect([none, stuck]).toEqual([[{ ct: 0 }], [{ ct: 1 }]]);
    expect(early).toMatchObject({ state: "leased", losses: 0 });
    expect(late).toMatchObject({ state: "queued", losses: 1 });
  });

  test.each([
    "status = 'processing', lease_token = gen_random_uuid()",
    "status = 'error'",
    "status = 'done'",
    "reason = 'other'",
    "attempts = 3",
    "id = gen_random_uuid()",
  ])("refuses what it cannot do, with the sentence to go by: %s", async (change) => {
    await using host = await setup();
    await host.query(insert);

    const refused = await refusal(host.query(`update :"schema".discovery_queue set ${change}`));

    expect(refused).toMatchObject({
      code: "0A000",
      message:
        "A lease is taken with claim_jobs and kept with its token; this view only enqueues, requeues and cancels.",
    });
    expect(await host.claim()).toMatchObject({ payload: { interestId: 7, reason: "new" } });
  });

  test("refuses to requeue a job that is leased, and to delete one that failed", async () => {
    await using host = await setup();
    await host.query(insert);
    const job = await host.claim();

    const requeue = await refusal(
      host.query(`update :"schema".discovery_queue set status = 'queued'`),
    );
    await host.store.failJob(job, trouble);
    const deletion = await refusal(host.query(`delete from :"schema".discovery_queue`));

    expect(requeue).toMatchObject({ code: "55000" });
    expect(deletion).toMatchObject({
      code: "55000",
      message: "A job that failed is kept: requeue it, or let redact_subject erase what it held.",
    });
  });

  test("shows a job that waits for a signal as queued, for later", async () => {
    await using host = await setup();
    await host.query(`insert into :"schema".jobs_queue (payload) values ('{}')`);
    const { jobId, token } = await host.claim();

    await host.query(
      `select :"schema".wait_job($1, $2, 'run', 'signal', 'go', null, false)`,
      jobId,
      token,
    );

    expect(await host.query(`select status, run_at::text from :"schema".jobs_queue`)).toEqual([
      { status: "pending", run_at: "infinity" },
    ]);
  });
});

describe("a job table with numbers", () => {
  test("answers the number that Postgres made, and enqueues for the time that was said", async () => {
    await using host = await setup();

    const [added] = await host.query(
      `insert into :"schema".jobs_queue (payload, run_at)
       values ('{"lead": 4}', :"schema".clock() + interval '1 hour') returning id`,
    );
    await host.database.advance(3_601_000);
    const job = await host.claim();

    expect(String(added?.["id"])).toBe(job.jobId);
    expect(job.payload).toEqual({ lead: 4 });
    expect(await host.query(`select status, locked_by from :"schema".jobs_queue`)).toEqual([
      { status: "running", locked_by: "worker" },
    ]);
  });

  test("refuses a number that somebody else made", async () => {
    await using host = await setup();

    const refused = await refusal(
      host.query(`insert into :"schema".jobs_queue (id, payload) values (12, '{}')`),
    );

    expect(refused).toMatchObject({ code: "0A000" });
    expect(await host.query(`select from :"schema".jobs_queue`)).toEqual([]);
  });

  test("has words of its own for dead jobs, and requeues and cancels by number", async () => {
    await using host = await setup();
    await host.query(`insert into :"schema".jobs_queue (payload) values ('{}')`);
    await host.query(`select :"schema".register_type('discovery', p_retries_max => 0::smallint)`);
    await host.store.retryJob(await host.claim(), trouble);

    const dead = await host.query(`select status from :"schema".jobs_queue`);
    await host.query(
      `update :"schema".jobs_queue set status = 'pending' where status = 'gave_up' and id > 0`,
    );
    const requeued = await host.query(`select status from :"schema".jobs_queue`);
    await host.query(`delete from :"schema".jobs_queue where status = 'pending'`);

    expect([dead, requeued]).toEqual([[{ status: "gave_up" }], [{ status: "pending" }]]);
    expect(await host.query(`select from :"schema".jobs_queue`)).toEqual([]);
  });
});

test.each<[string, Partial<CompatibilityView>]>([
  ["name must be a schema and a name", { name: "jobs" }],
  ["writer must be a plain name", { writer: "Write it" }],
  ["no column has the status", { columns: { id: "id" } }],
  ["one column must have the id or the number", { columns: { status: "status" } }],
  [
    "a field stands in two columns",
    { columns: { id: "id", status: "status", a: "code", b: "code" } },
  ],
  [
    "queued, leased and failed must be three words",
    { states: { queued: "new", leased: "busy", failed: "new" } },
  ],
])("a description is refused: %s", (problem, change) => {
  const render = (): unknown => renderCompatibilityView({ ...discovery, ...change });

  expect(render).toThrow(problem);
});
