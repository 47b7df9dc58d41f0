import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type Queue, type Session, setupQueue } from "../support/queue.ts";
import { type Answer, rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// Two connections want the same job, and one must lose and say so. For keys, see key-rivals.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const complete = (session: Session, { jobId, token }: ClaimedJob): Promise<Answer> =>
  session.call("complete_job", jobId, token, { text: "done" }, {});
const checkpoint = (session: Session, { jobId, token }: ClaimedJob): Promise<Answer> =>
  session.call("checkpoint_job", jobId, token, "draft", "grade", { text: "done" }, {}, false);
const lapse = (session: Session): Promise<Answer> => session.call("lapse_leases", 10);
const renew = (session: Session, { jobId, token }: ClaimedJob): Promise<Answer> =>
  session.call("renew_leases", `{${jobId}}`, `{${token}}`);

async function expire(queue: Queue): Promise<void> {
  await queue.database.advance(1_001);
}

describe("claiming", () => {
  test("two claims at once share the jobs, and neither waits", async () => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.enqueue();
    await using first = await queue.begin();
    const lanes = await queue.lanes(["draft"]);
    const claim = ["one", crypto.randomUUID(), `{${lanes[0]?.laneId ?? 0}}`, "{}"] as const;
    const mine = await first.call("claim_jobs", ...claim, 1, 1_000);

    const others = await queue.claim({ limit: 2 });
    await first.commit();

    expect(mine).toHaveLength(1);
    expect(others).toHaveLength(1);
    expect(others[0]?.publicId).not.toBe(String(mine[0]?.["public_id"]));
  });

  test("never gives a job to two of many claimers", async () => {
    await using queue = await setup();
    const job = { type: "essay", version: 1, phase: "draft", payload: {} };
    await queue.call(
      "enqueue_jobs",
      Array.from({ length: 60 }, () => job),
    );

    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        queue.claim({ worker: `worker ${index}`, limit: 7 }),
      ),
    );

    const ids = claims.flat().map(({ publicId }) => publicId);
    expect(ids).toHaveLength(60);
    expect(new Set(ids).size).toBe(60);
  });

  test("cancel waits for a claim, and then takes the lease away", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await using rivals = await rivalsIn(queue);
    const lanes = await queue.lanes(["draft"]);
    const claim = ["one", crypto.randomUUID(), `{${lanes[0]?.laneId ?? 0}}`, "{}"] as const;
    await rivals.first.call("claim_jobs", ...claim, 1, 1_000);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(answer?.["cancel_job"]).toBe("ok");
    const attempts = [{ outcome: "cancelled" }];
    expect(await queue.client.getJob(id)).toMatchObject({ state: "cancelled", attempts });
  });

  test("a claim passes over a job that is being cancelled", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await using session = await queue.begin();
    await session.call("cancel_job", id);

    const claimed = await queue.claim();
    await session.commit();

    expect(claimed).toEqual([]);
  });
});

describe("the end of a lease", () => {
  test("complete, then lapse: the lapse passes over it", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await expire(queue);
    await using session = await queue.begin();
    await complete(session, lease);

    const lapsed = await queue.store.lapseLeases(10);
    await session.commit();

    expect(lapsed).toEqual([]);
    expect((await queue.client.getJob(id))?.state).toBe("completed");
  });

  test("lapse, then complete: the completion is lost", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await expire(queue);
    await using rivals = await rivalsIn(queue);
    await lapse(rivals.first);

    const [answer] = await rivals.overtaken((rival) => complete(rival, lease));

    expect(answer?.["outcome"]).toBe("lost");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", losses: 1 });
    expect(await queue.client.getResults(id)).toEqual([]);
  });

  test("lapse, then lapse: it lapses once", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.claimOne();
    await expire(queue);
    await using session = await queue.begin();
    await lapse(session);

    const second = await queue.store.lapseLeases(10);
    await session.commit();

    expect(second).toEqual([]);
    expect((await queue.client.getJob(id))?.losses).toBe(1);
  });

  test("cancel, then complete: the completion is lost", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("cancel_job", id);

    const [answer] = await rivals.overtaken((rival) => complete(rival, lease));

    expect(answer?.["outcome"]).toBe("lost");
    expect((await queue.client.getJob(id))?.state).toBe("cancelled");
  });

  test("complete, then cancel: it was settled", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await complete(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(answer?.["cancel_job"]).toBe("settled");
    expect((await queue.client.getJob(id))?.state).toBe("completed");
  });

  test("complete, then complete with the same token: it is done once", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await complete(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => complete(rival, lease));

    expect(answer).toMatchObject({ outcome: "already", state: "completed" });
    expect((await queue.client.getJob(id))?.attempts).toHaveLength(1);
  });

  test("checkpoint, then checkpoint of the same phase: it is done once", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    const [first] = await checkpoint(rivals.first, lease);

    const [second] = await rivals.overtaken((rival) => checkpoint(rival, lease));

    expect(first).toMatchObject({ outcome: "ok", attempt: 1 });
    expect(second).toMatchObject({ outcome: "already", state: "leased", attempt: 1 });
    expect((await queue.client.getJob(id))?.attempts).toHaveLength(1);
  });
});

describe("renewing", () => {
  test("renew, then lapse: the lapse passes over it", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await expire(queue);
    await using session = await queue.begin();
    await renew(session, lease);

    const during = await queue.store.lapseLeases(10);
    await session.commit();
    const after = await queue.store.lapseLeases(10);

    expect([...during, ...after]).toEqual([]);
  });

  test("a lease that ran out comes back to life, while nobody took it", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await expire(queue);

    const renewed = await queue.store.renewLeases([lease]);

    expect(renewed).toEqual(new Map([[lease.jobId, "ok"]]));
    expect(await queue.store.lapseLeases(10)).toEqual([]);
  });

  test("does not wait for a lease that somebody is about to end, and renews the others", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const one = await queue.claimOne();
    await queue.enqueue();
    const two = await queue.claimOne();
    await using session = await queue.begin();
    await complete(session, one);

    const during = await queue.store.renewLeases([one, two]);
    await session.commit();
    const after = await queue.store.renewLeases([one, two]);

    expect(during).toEqual(
      new Map([
        [one.jobId, "busy"],
        [two.jobId, "ok"],
      ]),
    );
    expect(after).toEqual(
      new Map([
        [one.jobId, "lost"],
        [two.jobId, "ok"],
      ]),
    );
  });

  test("lengthens nothing for a token that was never given out", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await expire(queue);

    const renewed = await queue.store.renewLeases([{ ...lease, token: crypto.randomUUID() }]);

    expect(renewed).toEqual(new Map([[lease.jobId, "lost"]]));
    expect(await queue.store.lapseLeases(10)).toHaveLength(1);
  });

  test("goes on beside a commit and a part that hold the lease", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await using session = await queue.begin();
    await session.call("hold_lease", lease.jobId, lease.token);
    await session.call("save_part", lease.jobId, lease.token, 1, { text: "page" }, {});

    const renewed = await queue.store.renewLeases([lease]);
    await session.commit();

    expect(renewed).toEqual(new Map([[lease.jobId, "ok"]]));
  });

  test("a lease that a commit holds cannot be cancelled before the commit ends", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("hold_lease", lease.jobId, lease.token);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(answer?.["cancel_job"]).toBe("ok");
  });
});
