import { describe, expect, test } from "bun:test";

import { type HookedQueue, setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { type Answer, rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// What becomes of the live job that has a unique key, when another one wants it.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());
const setupHooked = async (): Promise<HookedQueue> => setupHookedQueue(await server());

const uniqueKey = "learner 7";
const base = { type: "essay", version: 1, phase: "draft", payload: { text: "new" }, uniqueKey };
const replacing = { ...base, onConflict: "replace" };
const superseding = { ...base, onConflict: "supersede" };

async function enqueue({ call }: Pick<Queue, "call">, ...jobs: readonly object[]): Promise<Answer> {
  return await call("enqueue_jobs", jobs);
}

test("keep is what happens when nothing is said", async () => {
  await using queue = await setup();
  const id = await queue.enqueue({ uniqueKey, payload: { text: "old" } });

  const silent = await enqueue(queue, base);
  const said = await enqueue(queue, { ...base, onConflict: "keep" });

  expect([silent, said]).toMatchObject([
    [{ outcome: "existing", id }],
    [{ outcome: "existing", id }],
  ]);
  expect((await queue.claimOne()).payload).toEqual({ text: "old" });
});

test("any other word is refused", async () => {
  await using queue = await setup();

  const error = await enqueue(queue, { ...base, onConflict: "overwrite" }).catch(String);

  expect(error).toContain("onConflict must be keep, replace or supersede");
});

describe("replace", () => {
  test("makes a waiting job the new one, under its id", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({
      uniqueKey,
      payload: { text: "old" },
      priority: 5,
      tenant: "one",
    });
    const replaced = {
      ...replacing,
      phase: "grade",
      priority: "urgent",
      tenant: "two",
      version: 2,
    };

    const [answer] = await enqueue(queue, { ...replaced, delayMs: 60_000, subject: "ada" });

    expect(answer).toMatchObject({ outcome: "replaced", id });
    const [row] = await queue.query(
      `select j.payload, j.version, j.priority, j.tenant, j.subject, r.priority as waits_with, n.version as lane_version,
         n.phase, r.due_at > :"schema".clock() as is_delayed
       from :"schema".job as j join :"schema".ready as r on r.job_id = j.id join :"schema".lane as n on n.id = r.lane_id`,
    );
    expect(row).toEqual({
      payload: { text: "new" },
      version: 2,
      priority: 1,
      tenant: "two",
      subject: "ada",
      waits_with: 1,
      lane_version: 2,
      phase: "grade",
      is_delayed: true,
    });
  });

  test("begins anew: results, parts and counters of the old one are gone, attempts stay", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey });
    const lease = await queue.claimOne();
    await queue.store.savePart(lease, 1, { output: "page", provenance: {} });
    const step = { phase: "draft", nextPhase: "grade", yields: true };
    await queue.store.checkpointJob(lease, step, { output: "drafted", provenance: {} });
    const reason = { code: "output_invalid", message: "It was none." };
    await queue.store.retryJob(await queue.claimOne(), reason);

    await enqueue(queue, { ...replacing, skipped: { read: { output: "as is", provenance: {} } } });

    expect(await queue.client.getJob(id)).toMatchObject({
      state: "queued",
      phase: "draft",
      attempt: 1,
      failures: 0,
      code: undefined,
      attempts: [{ outcome: "completed" }, { outcome: "retried" }],
    });
    expect(await queue.client.getResults(id)).toEqual([
      { phase: "read", output: "as is", provenance: {} },
    ]);
    const next = await queue.claimOne();
    expect(next).toMatchObject({ attempt: 2, solo: false, payload: { text: "new" } });
    const kept = await queue.store.loadResults(next);
    expect(kept.parts).toEqual({});
  });

  test("leaves a job that runs as it is", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey, payload: { text: "old" } });
    const lease = await queue.claimOne();

    const [answer] = await enqueue(queue, replacing);

    expect(answer).toMatchObject({ outcome: "existing", id });
    const done = await queue.store.completeJob(lease, { output: 1, provenance: {} });
    expect(done.outcome).toBe("ok");
  });

  test("leaves a job of another type as it is", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey });

    const [answer] = await enqueue(queue, { ...replacing, type: "letter" });

    expect(answer).toMatchObject({ outcome: "existing", id });
    expect(await queue.client.getJob(id)).toMatchObject({ type: "essay" });
  });

  test("has no idempotency key of its own", async () => {
    await using queue = await setup();

    const error = await enqueue(queue, { ...replacing, idempotencyKey: "request 1" }).catch(String);

    expect(error).toContain("has no idempotencyKey");
  });

  test("calls no hook", async () => {
    await using queue = await setupHooked();
    await queue.enqueue({ uniqueKey });

    await enqueue(queue, replacing);

    expect(await queue.calls()).toEqual([]);
  });

  test("waits for a claim, and then leaves the job as it is", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey, payload: { text: "old" } });
    await using rivals = await rivalsIn(queue);
    const [lane] = await queue.lanes(["draft"]);
    const claim = ["one", crypto.randomUUID(), `{${lane?.laneId ?? 0}}`, "{}", 1, 1_000] as const;
    const [claimed] = await rivals.first.call("claim_jobs", ...claim);

    const [answer] = await rivals.overtaken((rival) => enqueue(rival, replacing));

    expect(claimed).toMatchObject({ payload: { text: "old" } });
    expect(answer).toMatchObject({ outcome: "existing", id });
  });

  test("waits for a cancel, and then adds a new job", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey });
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("cancel_job", id);

    const [answer] = await rivals.overtaken((rival) => enqueue(rival, replacing));

    expect(answer?.["outcome"]).toBe("created");
    expect(answer?.["id"]).not.toBe(id);
    expect(await queue.claim()).toHaveLength(1);
  });

  test("a claim at the same moment passes over the job", async () => {
    await using queue = await setup();
    await queue.enqueue({ uniqueKey, payload: { text: "old" } });
    await using session = await queue.begin();
    await enqueue(session, replacing);

    const during = await queue.claim();
    await session.commit();
    const after = await queue.claim();

    expect(during).toEqual([]);
    expect(after).toMatchObject([{ payload: { text: "new" } }]);
  });

  test("twice at once: the later one is what the job is", async () => {
    await using queue = await setup();
    const id = await queue.enqueue({ uniqueKey });
    await using rivals = await rivalsIn(queue);
    await enqueue(rivals.first, { ...replacing, payload: { text: "first" } });

    const answer = await rivals.overtaken((rival) => enqueue(rival, replacing));

    expect(answer).toMatchObject([{ outcome: "replaced", id }]);
    expect((await queue.claimOne()).payload).toEqual({ text: "new" });
  });
});

describe("supersede", () => {
  test("cancels a job that waits, and adds the new one", async () => {
    await using queue = await setupHooked();
    const old = await queue.enqueue({ uniqueKey });

    const [answer] = await enqueue(queue, superseding);

    expect(answer?.["outcome"]).toBe("created");
    expect(await queue.client.getJob(old)).toMatchObject({
      state: "cancelled",
      code: "superseded",
    });
    expect(await queue.claimOne()).toMatchObject({
      publicId: answer?.["id"],
      payload: { text: "new" },
    });
    expect(await queue.calls()).toMatchObject([
      { job_id: old, from_state: "queued", to_state: "cancelled", code: "superseded" },
    ]);
  });

  test("cancels a job that runs: its worker writes nothing more", async () => {
    await using queue = await setupHooked();
    const old = await queue.enqueue({ uniqueKey });
    const lease = await queue.claimOne();

    const [answer] = await enqueue(queue, superseding);

    const late = await queue.store.completeJob(lease, { output: 1, provenance: {} });
    expect(late.outcome).toBe("lost");
    expect(await queue.client.getJob(old)).toMatchObject({
      state: "cancelled",
      attempts: [{ outcome: "cancelled", code: "superseded" }],
    });
    expect((await queue.claimOne()).publicId).toBe(String(answer?.["id"]));
    expect(await queue.calls()).toMatchObject([{ from_state: "leased", to_state: "cancelled" }]);
  });

  test("adds nothing when the hook refuses, and the old job goes on", async () => {
    await using queue = await setupHooked();
    const old = await queue.enqueue({ uniqueKey });
    await queue.raiseOn("cancelled");

    const error = await enqueue(queue, superseding).catch(String);

    expect(error).toContain("A learner wrote this.");
    expect((await queue.claim()).map(({ publicId }) => publicId)).toEqual([old]);
  });

  test("of the same request again supersedes nothing", async () => {
    await using queue = await setup();
    const request = { ...superseding, idempotencyKey: "request 1" };
    const [first] = await enqueue(queue, request);

    const [again] = await enqueue(queue, request);

    expect(again).toMatchObject({ outcome: "existing", id: first?.["id"] });
  });

  test("in one call supersedes what stood before it in the call", async () => {
    await using queue = await setup();

    const answers = await enqueue(queue, superseding, superseding);

    expect(answers.map(({ outcome }) => outcome)).toEqual(["created", "created"]);
    expect(await queue.claim()).toMatchObject([{ publicId: answers[1]?.["id"] }]);
  });

  test("twice at once: one job is left, the later one", async () => {
    await using queue = await setup();
    const old = await queue.enqueue({ uniqueKey });
    await using rivals = await rivalsIn(queue);
    const [first] = await enqueue(rivals.first, superseding);

    const [second] = await rivals.overtaken((rival) => enqueue(rival, superseding));

    const ended = [old, String(first?.["id"])].map((id) => queue.client.getJob(id));
    expect(await Promise.all(ended)).toMatchObject([
      { code: "superseded" },
      { code: "superseded" },
    ]);
    expect(await queue.claim()).toMatchObject([{ publicId: second?.["id"] }]);
  });

  test("waits for a completion, and then there is nothing to supersede", async () => {
    await using queue = await setup();
    const old = await queue.enqueue({ uniqueKey });
    const { jobId, token } = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("complete_job", jobId, token, null, null);

    const [answer] = await rivals.overtaken((rival) => enqueue(rival, superseding));

    expect(answer?.["outcome"]).toBe("created");
    expect(await queue.client.getJob(old)).toMatchObject({ state: "completed" });
  });

  test("a completion that waits for it is lost", async () => {
    await using queue = await setup();
    await queue.enqueue({ uniqueKey });
    const { jobId, token } = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await enqueue(rivals.first, superseding);

    const answer = await rivals.overtaken((rival) =>
      rival.call("complete_job", jobId, token, null, null),
    );

    expect(answer).toMatchObject([{ outcome: "lost" }]);
  });
});

describe("without a deadlock", () => {
  test("a job that ends and enqueues with its own key again, while somebody supersedes it", async () => {
    await using queue = await setup();
    await queue.enqueue({ uniqueKey });
    const { jobId, token } = await queue.claimOne();
    await using ending = await queue.begin();
    await using rival = await queue.begin();
    await ending.call("complete_job", jobId, token, null, null);
    const answer = enqueue(rival, superseding);
    answer.catch(() => undefined);
    await rival.blocked();

    const [next] = await enqueue(ending, base);
    await ending.commit();

    expect(next?.["outcome"]).toBe("created");
    expect(await answer).toMatchObject([{ outcome: "created" }]);
    await rival.commit();
    expect(await queue.client.getJob(String(next?.["id"]))).toMatchObject({ code: "superseded" });
  });

  test("two hosts that enqueue the same keys in different orders", async () => {
    await using queue = await setup();
    // So many that either is sure to be amid them when the other begins.
    const keys = Array.from({ length: 60 }, (_, index) => ({ ...base, uniqueKey: `key ${index}` }));
    const hosts = [keys, keys.toReversed(), keys, keys.toReversed()];

    const rounds = await Promise.all(
      hosts.map((jobs) => queue.call("enqueue_jobs", jobs, { onConflict: "keep" })),
    );

    const created = rounds.flat().filter(({ outcome }) => outcome === "created");
    expect(created).toHaveLength(60);
  });

  test.each(["replace", "supersede"])(
    "hosts that %s the same keys in different orders, beside claims and cancels",
    async (onConflict) => {
      await using queue = await setup();
      const keys = Array.from({ length: 30 }, (_, index) => ({
        ...base,
        uniqueKey: `key ${index}`,
      }));
      const first = await queue.call("enqueue_jobs", keys);
      const rivals = Array.from({ length: 4 }, (_, host) => host);

      const rounds = await Promise.all([
        ...rivals.map((host) =>
          queue.call("enqueue_jobs", host % 2 === 0 ? keys : keys.toReversed(), { onConflict }),
        ),
        ...first.map(({ id }) => queue.call("cancel_job", String(id))),
        ...rivals.map(() => queue.claim({ limit: 7 })),
      ]);

      expect(rounds).toHaveLength(4 + 30 + 4);
      const [count] = await queue.query(
        `select (select count(*) from :"schema".unique_key)::int as keys, count(*)::int as live, count(u.job_id)::int as held
         from (select job_id from :"schema".ready union all select job_id from :"schema".lease) as l
         left join :"schema".unique_key as u using (job_id)`,
      );
      expect(count?.["live"]).toBeGreaterThan(0);
      expect(count).toEqual({
        keys: count?.["live"],
        live: count?.["live"],
        held: count?.["live"],
      });
    },
  );
});
