import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const reason = { code: "backend_failed", message: "It broke." };
const idsOf = (jobs: readonly ClaimedJob[]): readonly string[] =>
  jobs.map(({ publicId }) => publicId);

describe("claim_jobs", () => {
  test("takes lower priorities first, and the one that was due longest within a priority", async () => {
    await using queue = await setup();
    const later = await queue.enqueue({ priority: 5 });
    const urgent = await queue.enqueue({ priority: 0 });
    const idle = await queue.enqueue({ priority: 9 });
    const last = await queue.enqueue({ priority: 5 });

    const order: string[] = [];
    for (let claims = 0; claims < 4; claims += 1) {
      order.push(...idsOf(await queue.claim({ limit: 1 })));
    }

    expect(order).toEqual([urgent, later, last, idle]);
  });

  test("takes the lane whose first job waited longest, within a priority", async () => {
    await using queue = await setup();
    const skipped = { draft: { output: 1, provenance: {} } };
    const grade = await queue.enqueue({ phase: "grade", skipped });
    const draft = await queue.enqueue();

    const first = await queue.claimOne({ limit: 1 });
    const second = await queue.claimOne({ limit: 1 });

    expect(idsOf([first, second])).toEqual([grade, draft]);
  });

  test("leaves jobs of other lanes, versions and times alone", async () => {
    await using queue = await setup();
    await queue.enqueue({ phase: "grade" });
    await queue.enqueue({ version: 2 });
    await queue.enqueue({ queue: "other" });
    await queue.enqueue({ type: "other" });
    await queue.enqueue({ delayMs: 60_000 });

    const claimed = await queue.claim({ phases: ["draft"] });

    expect(claimed).toEqual([]);
  });

  test("takes a delayed job when its time has come", async () => {
    await using queue = await setup();
    await queue.enqueue({ delayMs: 60_000 });
    await queue.database.advance(60_000);

    const claimed = await queue.claim();

    expect(claimed).toHaveLength(1);
  });

  test("takes no more than it was asked for, over all lanes", async () => {
    await using queue = await setup();
    for (const phase of ["draft", "grade", "draft", "grade", "draft"]) {
      await queue.enqueue({ phase });
    }

    const claimed = await queue.claim({ limit: 4 });
    const none = await queue.claim({ limit: 0 });

    expect(claimed).toHaveLength(4);
    expect(none).toEqual([]);
  });

  test("counts attempts per phase, on over retries, releases and a requeue", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const attempts: number[] = [];
    const next = async (): Promise<ClaimedJob> => {
      await queue.database.advance(600_000);
      const job = await queue.claimOne();
      attempts.push(job.attempt);
      return job;
    };

    await queue.store.retryJob(await next(), reason);
    await queue.store.releaseJob(await next(), "outage", reason);
    await queue.store.releaseJob(await next(), "shutdown", reason);
    await queue.store.failJob(await next(), reason);
    await queue.client.requeue(id);
    await next();

    expect(attempts).toEqual([1, 2, 3, 4, 5]);
  });

  test("goes on after tens of thousands of attempts", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.query('update :"schema".ready set attempt = 32767');

    const job = await queue.claimOne();

    expect(job.attempt).toBe(32_768);
    const answer = await queue.store.releaseJob(job, "outage", reason);
    expect(answer.outcome).toBe("ok");
  });
});

describe("abandon_claim", () => {
  test("gives back what a claim took, as if it had never been", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const { token } = await queue.claimOne();

    await queue.store.abandonClaim("worker", token);

    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", attempts: [] });
    expect((await queue.claimOne()).attempt).toBe(1);
  });

  test("leaves the leases of other claims and workers alone", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const job = await queue.claimOne();

    await queue.store.abandonClaim("worker", crypto.randomUUID());
    await queue.store.abandonClaim("other", job.token);

    expect(await queue.store.renewLeases([job])).toEqual(new Map([[job.jobId, "ok"]]));
  });
});

describe("a job that lost a worker", () => {
  async function setupLost(): Promise<Queue & { readonly id: string }> {
    const queue = await setup();
    const id = await queue.enqueue();
    await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);
    return { ...queue, id };
  }

  test("is claimed alone and before all others", async () => {
    await using queue = await setupLost();
    await queue.enqueue({ priority: 0 });

    const claimed = await queue.claim();

    expect(claimed).toMatchObject([{ publicId: queue.id, solo: true, attempt: 2 }]);
  });

  test("is left to others by a worker that takes no such jobs now", async () => {
    await using queue = await setupLost();
    const lanes = await queue.lanes();
    const claim = { worker: "worker", token: crypto.randomUUID(), soloLanes: [], limit: 1 };

    const claimed = await queue.store.claimJobs({
      ...claim,
      lanes: lanes.map(({ laneId }) => laneId),
      leaseMs: 1_000,
    });

    expect(claimed).toEqual([]);
  });

  test("begins when it is started, and its start is counted then", async () => {
    await using queue = await setupLost();
    const job = await queue.claimOne();
    await queue.database.advance(900);

    const answers = [await queue.store.startJob(job), await queue.store.startJob(job)];

    expect(answers).toEqual(["ok", "ok"]);
    await queue.database.advance(900);
    expect(await queue.store.lapseLeases(10)).toEqual([]);
    await queue.database.advance(200);
    expect(await queue.store.lapseLeases(10)).toMatchObject([{ attempt: 2, state: "queued" }]);
    expect((await queue.client.getJob(queue.id))?.losses).toBe(2);
  });

  test("that was held but never begun lapses without a loss, and takes no attempt", async () => {
    await using queue = await setupLost();
    await queue.claimOne();
    await queue.database.advance(1_001);

    await queue.store.lapseLeases(10);

    expect(await queue.client.getJob(queue.id)).toMatchObject({ state: "queued", losses: 1 });
    expect(await queue.claimOne()).toMatchObject({ solo: true, attempt: 2 });
  });

  test("cannot be started by a stale token, nor by one that was never given out", async () => {
    await using queue = await setupLost();
    const job = await queue.claimOne();

    const strange = await queue.store.startJob({ ...job, token: crypto.randomUUID() });
    const [lease] = await queue.query('select started_at from :"schema".lease');
    await queue.client.cancel(queue.id);
    const stale = await queue.store.startJob(job);

    expect([strange, stale]).toEqual(["lost", "lost"]);
    expect(lease).toEqual({ started_at: null });
  });

  test("stays alone in later phases, and is itself again after a requeue", async () => {
    await using queue = await setupLost();
    const job = await queue.claimOne();
    await queue.store.startJob(job);
    const step = { phase: "draft", nextPhase: "grade", yields: true };
    await queue.store.checkpointJob(job, step, { output: 1, provenance: {} });

    const grade = await queue.claimOne();
    await queue.store.failJob(grade, reason);
    await queue.client.requeue(queue.id);
    const again = await queue.claimOne();

    expect([grade.solo, again.solo]).toEqual([true, false]);
  });
});

describe("lapse_leases", () => {
  test("takes back leases that ran out, and says so", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.claimOne({ leaseMs: 1_000 });
    await queue.enqueue();
    await queue.claimOne({ leaseMs: 5_000 });
    await queue.database.advance(1_001);

    const lapsed = await queue.store.lapseLeases(10);

    const lease = { type: "essay", phase: "draft", attempt: 1, state: "queued" };
    expect(lapsed).toEqual([{ ...lease, state: "queued", publicId: id, code: "worker_lost" }]);
  });

  test("looks at no more than it was asked for", async () => {
    await using queue = await setup();
    for (let jobs = 0; jobs < 3; jobs += 1) await queue.enqueue();
    await queue.claim();
    await queue.database.advance(1_001);

    const first = await queue.store.lapseLeases(2);
    const second = await queue.store.lapseLeases(2);

    expect([first.length, second.length]).toEqual([2, 1]);
  });

  test("takes nothing back within one lease length after the server started", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.claimOne();
    // Ran out while the server was down; its length is more than the server has been up.
    await queue.query(
      `update :"schema".lease set lease_ms = 1000 * extract(epoch from clock_timestamp() -
         pg_postmaster_start_time()) + 600000, until = :"schema".clock() - interval '1 hour'`,
    );

    const early = await queue.store.lapseLeases(10);
    await queue.database.advance(600_000);
    const late = await queue.store.lapseLeases(10);

    expect([early.length, late.length]).toEqual([0, 1]);
  });
});
