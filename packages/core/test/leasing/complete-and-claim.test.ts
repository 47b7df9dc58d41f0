import { describe, expect, test } from "bun:test";

import type { ClaimedJob, ClaimRequest, SettleAnswer } from "../../src/store/job-store.ts";
import { setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

// A completion and a claim that the store is asked for in one breath.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const nothing = { output: null, provenance: {} };

/** Completes a job and asks for the next at once, as a worker does with one slot. */
async function goOn(
  queue: Queue,
  lease: ClaimedJob,
): Promise<readonly [SettleAnswer, readonly ClaimedJob[]]> {
  const request = await toRequest(queue);
  return await Promise.all([
    queue.store.completeJob(lease, nothing),
    queue.store.claimJobs(request),
  ]);
}

async function toRequest(queue: Queue): Promise<ClaimRequest> {
  const lanes = await queue.lanes(["draft"]);
  return {
    worker: "worker",
    token: crypto.randomUUID(),
    lanes: lanes.map(({ laneId }) => laneId),
    soloLanes: lanes.map(({ soloLaneId }) => soloLaneId),
    limit: 1,
    leaseMs: 1_000,
  };
}

/** From now on each row of both tables is noted with its transaction. */
async function noteTransactions(queue: Queue): Promise<void> {
  await queue.query('create table :"schema".noted (place text, transaction xid8)');
  await queue.query(`create function :"schema".note() returns trigger language plpgsql as $$
    begin
      execute format('insert into %I.noted values ($1, pg_current_xact_id())', tg_table_schema) using tg_table_name;
      return null;
    end $$`);
  for (const table of ["attempt", "lease"]) {
    await queue.query(`create trigger noted after insert on :"schema".${table}
      for each row execute function :"schema".note()`);
  }
}

/** How many of the transactions that ended a job also leased one. */
async function countTogether(queue: Queue): Promise<number> {
  const [row] = await queue.query(
    `select count(*)::integer as ct from :"schema".noted as a join :"schema".noted as l using (transaction)
     where a.place = 'attempt' and l.place = 'lease'`,
  );
  return Number(row?.["ct"]);
}

test("both are one transaction, job after job", async () => {
  await using queue = await setup();
  for (let job = 0; job < 4; job += 1) await queue.enqueue();
  await noteTransactions(queue);

  let lease: ClaimedJob | undefined = await queue.claimOne({ limit: 1 });
  const answers: SettleAnswer[] = [];
  while (lease !== undefined) {
    const [answer, claimed] = await goOn(queue, lease);
    answers.push(answer);
    [lease] = claimed;
  }

  expect(answers.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok", "ok"]);
  expect(await countTogether(queue)).toBe(3);
  expect(await queue.client.getQueue()).toEqual([]);
});

test("a lease that is gone is told apart, and the claim goes on", async () => {
  await using queue = await setup();
  const cancelled = await queue.enqueue();
  const next = await queue.enqueue();
  const lease = await queue.claimOne({ limit: 1 });
  await queue.client.cancel(cancelled);

  const [answer, claimed] = await goOn(queue, lease);

  expect(answer).toMatchObject({ outcome: "lost" });
  expect(claimed.map(({ publicId }) => publicId)).toEqual([next]);
});

test("a hook that raises is charged to its job alone", async () => {
  await using queue = await setupHookedQueue(await server());
  const spoilt = await queue.enqueue();
  const next = await queue.enqueue();
  const lease = await queue.claimOne({ limit: 1 });
  await queue.raiseOn("completed");

  const [answer, claimed] = await goOn(queue, lease);

  expect(answer).toMatchObject({ outcome: "effect_failed", state: "queued" });
  expect(claimed.map(({ publicId }) => publicId)).toEqual([next]);
  expect(await queue.client.getJob(spoilt)).toMatchObject({ state: "queued", failures: 1 });
});

test("nothing is claimed of what is paused", async () => {
  await using queue = await setup();
  await queue.enqueue();
  const next = await queue.enqueue();
  const lease = await queue.claimOne({ limit: 1 });
  await queue.client.pause({ type: "essay" });

  const [answer, claimed] = await goOn(queue, lease);

  expect(answer).toMatchObject({ outcome: "ok" });
  expect(claimed).toEqual([]);
  expect(await queue.client.getJob(next)).toMatchObject({ state: "queued" });
});

test("nothing is claimed while any job waits at a gate, and that is said", async () => {
  await using queue = await setup();
  await queue.client.setLimit({ queue: "limited" }, { concurrencyMax: 5 });
  await queue.enqueue({ queue: "limited" });
  await queue.enqueue();
  const { token, lanes, soloLanes } = await toRequest(queue);

  const rows = await queue.query(
    `select outcome, job_id from :"schema".complete_and_claim('{}', '{}', '[]', 'worker', $1,
      '{${lanes.join()}}', '{${soloLanes.join()}}', 1, 1000, '{}')`,
    token,
  );

  expect(rows).toEqual([
    { outcome: "ok", job_id: null },
    { outcome: "unclaimed", job_id: null },
  ]);
});

describe("each goes by itself", () => {
  test("where jobs wait at gates", async () => {
    await using queue = await setup();
    await queue.client.setLimit({ queue: "default" }, { concurrencyMax: 5 });
    await queue.enqueue();
    const next = await queue.enqueue();
    const lease = await queue.claimOne({ limit: 1 });
    await noteTransactions(queue);

    const [answer, claimed] = await goOn(queue, lease);

    expect(answer).toMatchObject({ outcome: "ok" });
    expect(claimed.map(({ publicId }) => publicId)).toEqual([next]);
    expect(await countTogether(queue)).toBe(0);
  });

  test("when the completion has to wait for a lock, so that no slot stays empty for it", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const next = await queue.enqueue();
    const lease = await queue.claimOne({ limit: 1 });
    await using somebody = await queue.begin();
    await somebody.query('select from :"schema".lease for update');
    const request = await toRequest(queue);

    const completed = queue.store.completeJob(lease, nothing);
    const claimed = await queue.store.claimJobs(request);
    await somebody.rollback();

    expect(claimed.map(({ publicId }) => publicId)).toEqual([next]);
    expect(await completed).toMatchObject({ outcome: "ok", state: "completed" });
  });
});
