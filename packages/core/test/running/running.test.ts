import { describe, expect, test } from "bun:test";

import type { ClaimedJob, RenewalAnswer } from "../../src/store/job-store.ts";
import { type Queue, type Session, setupQueue } from "../support/queue.ts";
import { type Answer, rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const renew = (session: Session, { jobId, token }: ClaimedJob, progress: object): Promise<Answer> =>
  session.call("renew_leases_v2", `{${jobId}}`, `{${token}}`, { [jobId]: progress });
const complete = (session: Session, { jobId, token }: ClaimedJob): Promise<Answer> =>
  session.call("complete_job", jobId, token, { text: "done" }, {});

const draft = { phase: "draft", stage: "decoding", tokens: 7 } as const;

async function renewOne(queue: Queue, lease: ClaimedJob): Promise<RenewalAnswer | undefined> {
  return (await queue.store.renewLeases([lease])).get(lease.jobId);
}

/** What is stored, of whatever lease. */
async function stored(queue: Queue): Promise<readonly object[]> {
  return await queue.query(
    'select token::text, phase, stage, tokens::integer from :"schema".lease_progress',
  );
}

describe("a renewal says why a lease is gone", () => {
  test("it was cancelled", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    await queue.client.cancel(id);

    expect(await renewOne(queue, lease)).toBe("cancelled");
  });

  test("it was cancelled before its run alone began", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);
    const lease = await queue.claimOne();

    await queue.client.cancel(id);

    expect(lease.solo).toBe(true);
    expect(await renewOne(queue, lease)).toBe("cancelled");
  });

  test.each(["superseded", "expired"] as const)("it was %s", async (code) => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    await queue.query(
      `select :"schema".move_lease(l, 'cancel', $1, null, 0, null, true) from :"schema".lease as l`,
      code,
    );

    expect(await renewOne(queue, lease)).toBe(code);
  });

  test("it lapsed and was taken; an order to its next holder is none to the first", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);
    const next = await queue.claimOne();
    await queue.store.startJob(next);
    const answer = await renewOne(queue, lease);

    await queue.client.cancel(id);

    expect(answer).toBe("lost");
    expect([await renewOne(queue, lease), await renewOne(queue, next)]).toEqual([
      "lost",
      "cancelled",
    ]);
  });

  test("and of many leases to each its own, in one call", async () => {
    await using queue = await setup();
    for (let job = 0; job < 3; job += 1) await queue.enqueue();
    const [one, two, three, ...none] = await queue.claim();
    if (one === undefined || two === undefined || three === undefined) throw new Error("No jobs.");
    await queue.client.cancel(two.publicId);

    const stranger = { ...three, token: crypto.randomUUID() };
    const answers = await queue.store.renewLeases([one, two, stranger]);

    expect(none).toEqual([]);
    expect(answers).toEqual(
      new Map([
        [one.jobId, "ok"],
        [two.jobId, "cancelled"],
        [three.jobId, "lost"],
      ]),
    );
  });
});

describe("a cancel and its rivals", () => {
  test("cancel, then renew: the renewal passes over it, and hears of it next time", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using session = await queue.begin();
    await session.call("cancel_job", id);

    const during = await renewOne(queue, lease);
    await session.commit();

    expect([during, await renewOne(queue, lease)]).toEqual(["busy", "cancelled"]);
  });

  test("renew, then cancel: the cancel waits and wins", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    const [renewed] = await renew(rivals.first, lease, draft);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(renewed).toMatchObject({ outcome: "ok", code: null });
    expect(answer?.["cancel_job"]).toBe("ok");
    expect(await renewOne(queue, lease)).toBe("cancelled");
  });

  test("complete, then cancel and renew: who completed was not cancelled", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await complete(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => rival.call("cancel_job", id));

    expect(answer?.["cancel_job"]).toBe("settled");
    expect(await renewOne(queue, lease)).toBe("lost");
  });

  test("cancel, then renew with progress and complete: nothing is written", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("cancel_job", id);

    const [answer] = await rivals.overtaken((rival) => complete(rival, lease));
    const renewed = await queue.store.renewLeases([{ ...lease, progress: draft }]);

    expect(answer?.["outcome"]).toBe("lost");
    expect(renewed.get(lease.jobId)).toBe("cancelled");
    expect(await stored(queue)).toEqual([]);
    expect(await queue.client.getResults(id)).toEqual([]);
  });
});

describe("progress", () => {
  test("is stored with the renewal, the latest over what was before, and shown", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    const before = await queue.client.getJob(id);

    await queue.store.renewLeases([{ ...lease, progress: draft }]);
    const latest = { phase: "draft", partsDone: 3, partsTotal: 12, fraction: 0.25 };
    await queue.store.renewLeases([{ ...lease, progress: latest }]);
    await queue.store.renewLeases([lease]);

    const job = await queue.client.getJob(id);
    expect(before?.progress).toBeUndefined();
    expect(job?.progress).toEqual({
      partsDone: 3,
      partsTotal: 12,
      fraction: 0.25,
      toldAt: expect.any(Date),
    });
    expect(await queue.query('select id, stage, parts_done from :"schema".running_jobs')).toEqual([
      { id, stage: null, parts_done: 3 },
    ]);
  });

  test("is not written for a job that tells nothing", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    await queue.store.renewLeases([lease]);

    expect(await stored(queue)).toEqual([]);
  });

  test("is gone with its lease, and swept away by the next maintenance", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.store.renewLeases([{ ...lease, progress: draft }]);
    await queue.store.completeJob(lease, { output: 1, provenance: {} });

    const job = await queue.client.getJob(id);
    const left = await stored(queue);
    await queue.store.lapseLeases(10);

    expect(job).toMatchObject({ state: "completed" });
    expect(job?.progress).toBeUndefined();
    expect([left.length, await stored(queue)]).toEqual([1, []]);
  });

  test("of a live lease is swept away by nobody", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.store.renewLeases([{ ...lease, progress: draft }]);

    await queue.store.lapseLeases(10);

    expect(await stored(queue)).toHaveLength(1);
  });

  test("that comes late, from a lease that was lost, changes nothing", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.store.renewLeases([{ ...lease, progress: draft }]);
    await queue.database.advance(1_001);
    await queue.store.lapseLeases(10);
    const next = await queue.claimOne();
    await queue.store.startJob(next);
    const between = await queue.client.getJob(id);
    await queue.store.renewLeases([{ ...next, progress: { ...draft, tokens: 1 } }]);

    const late = await queue.store.renewLeases([{ ...lease, progress: { ...draft, tokens: 99 } }]);

    expect(late.get(lease.jobId)).toBe("lost");
    expect(between?.progress).toBeUndefined();
    expect(await stored(queue)).toEqual([{ ...draft, token: next.token, tokens: 1 }]);
  });

  test("of the phase before is not the next one's, however late it comes", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.store.renewLeases([{ ...lease, progress: draft }]);
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    await queue.store.checkpointJob(lease, step, { output: 1, provenance: {} });
    const shown = await queue.client.getJob(id);

    await queue.store.renewLeases([{ ...lease, progress: { ...draft, tokens: 99 } }]);

    expect(shown).toMatchObject({ state: "leased", phase: "grade" });
    expect(shown?.progress).toBeUndefined();
    expect((await queue.client.getJob(id))?.progress).toBeUndefined();
  });

  test("renew with progress, then sweep: neither waits for the other", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using session = await queue.begin();
    await renew(session, lease, draft);

    await queue.store.lapseLeases(10);
    await session.commit();

    expect((await queue.client.getJob(id))?.progress).toMatchObject({ tokens: 7 });
  });

  test("sweep, while the next holder tells: what is new stays", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await queue.store.renewLeases([{ ...lease, progress: draft }]);
    await queue.store.releaseJob(lease, "shutdown", { code: "worker_stopping", message: "Bye." });
    const next = await queue.claimOne();
    await using session = await queue.begin();
    await renew(session, next, { ...draft, tokens: 1 });

    await queue.store.lapseLeases(10);
    await session.commit();
    await queue.store.lapseLeases(10);

    expect((await queue.client.getJob(id))?.progress).toMatchObject({ tokens: 1 });
  });

  test.each([
    ["a sentence", { stage: "Ada wrote: I like it." }, {}],
    ["a stage that is no text", { stage: { is: "decoding" } }, {}],
    ["numbers beyond all bounds", { tokens: 1e300, partsDone: -5, fraction: 1e-300 }, {}],
    ["a fraction of too much", { fraction: 7 }, { fraction: 1 }],
    ["numbers that are text", { tokens: "7", partsDone: null, fraction: [] }, {}],
  ])("of another form costs nobody his lease: %s", async (_, told, shown) => {
    await using queue = await setup();
    await queue.enqueue();
    await queue.enqueue();
    const [one, two] = await queue.claim();
    if (one === undefined || two === undefined) throw new Error("No jobs.");

    const renewed = await queue.call(
      "renew_leases_v2",
      `{${one.jobId},${two.jobId}}`,
      `{${one.token},${two.token}}`,
      { [one.jobId]: { phase: "draft", ...told } },
    );

    expect(renewed.map(({ outcome }) => outcome)).toEqual(["ok", "ok"]);
    const { stage, fraction } = (await queue.client.getJob(one.publicId))?.progress ?? {};
    expect(stage).toBeUndefined();
    if ("fraction" in shown) expect(fraction).toBe(shown.fraction);
  });

  test.each([["[]"], ["7"], ['"text"'], ['{"1": 7}'], ['{"1": null, "x": {}}'], ["{}"]])(
    "that is no progress at all costs nobody his lease: %s",
    async (told) => {
      await using queue = await setup();
      await queue.enqueue();
      const { jobId, token } = await queue.claimOne();

      const [renewed] = await queue.query(
        'select * from :"schema".renew_leases_v2($1, $2, $3::text::jsonb)',
        `{${jobId}}`,
        `{${token}}`,
        told,
      );

      expect(renewed).toMatchObject({ outcome: "ok" });
      expect(await stored(queue)).toEqual([]);
    },
  );

  test("is told only of a job that runs and told something", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();

    const none = await queue.call("get_progress", id);
    await queue.store.renewLeases([{ ...lease, progress: draft }]);
    const [told, ...more] = await queue.call("get_progress", id);

    expect([none, more]).toEqual([[], []]);
    expect(told).toMatchObject({ stage: "decoding", parts_done: null });
    expect(await queue.call("get_progress", crypto.randomUUID())).toEqual([]);
  });
});

describe("a renewal of a job that tells nothing", () => {
  test("stays on its page", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();
    const place = async (): Promise<unknown> =>
      (await queue.query('select (ctid::text::point)[0] as page from :"schema".lease'))[0]?.[
        "page"
      ];
    const before = await place();

    for (let round = 0; round < 50; round += 1) await queue.store.renewLeases([lease]);

    expect(await place()).toBe(before);
  });
});
