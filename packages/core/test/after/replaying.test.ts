import { describe, expect, test } from "bun:test";

import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type HookedQueue, setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";

// A new start from a phase, for a job that has ended.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());
const setupHooked = async (): Promise<HookedQueue> => setupHookedQueue(await server());

const result = (
  output: unknown,
): { output: unknown; provenance: Readonly<Record<string, string>> } => ({
  output,
  provenance: {},
});
const reason = { code: "output_invalid", message: "It was none." };

/** A job that is drafted, with a part, and now runs its second phase. */
async function draft(queue: Queue, job = {}): Promise<{ id: string; lease: ClaimedJob }> {
  const id = await queue.enqueue(job);
  const lease = await queue.claimOne();
  await queue.store.savePart(lease, 1, { ...result("page"), phase: "draft" });
  const step = { phase: "draft", nextPhase: "grade", yields: true };
  await queue.store.checkpointJob(lease, step, result("drafted"));
  return { id, lease: await queue.claimOne() };
}

async function complete(queue: Queue, job = {}): Promise<string> {
  const { id, lease } = await draft(queue, job);
  await queue.store.savePart(lease, 1, { ...result("points"), phase: "grade" });
  await queue.store.completeJob(lease, result("graded"));
  return id;
}

async function phasesOf(queue: Queue, id: string): Promise<readonly string[]> {
  return (await queue.client.getResults(id)).map(({ phase }) => phase);
}

describe("replay", () => {
  test("of a completed job from its last phase keeps what the first returned", async () => {
    await using queue = await setup();
    const id = await complete(queue);

    const answer = await queue.client.replay(id, "grade");

    expect(answer).toBe("ok");
    expect(await queue.client.getJob(id)).toMatchObject({
      state: "queued",
      phase: "grade",
      attempt: 1,
      finishedAt: undefined,
    });
    expect(await phasesOf(queue, id)).toEqual(["draft"]);
    const lease = await queue.claimOne();
    expect(lease.attempt).toBe(2);
    const stored = await queue.store.loadResults(lease);
    expect(stored).toEqual({
      results: { draft: "drafted" },
      parts: { draft: [{ part: 1, output: "page" }] },
    });
  });

  test("from the first phase does all of them again", async () => {
    await using queue = await setup();
    const id = await complete(queue);

    await queue.client.replay(id, "draft");

    expect(await phasesOf(queue, id)).toEqual([]);
    const lease = await queue.claimOne();
    expect(lease.attempt).toBe(2);
    expect(await queue.store.loadResults(lease)).toEqual({ results: {}, parts: {} });
    const step = { phase: "draft", nextPhase: "grade", yields: false };
    const passed = await queue.store.checkpointJob(lease, step, result("again"));
    expect(passed).toMatchObject({ outcome: "ok", attempt: 2 });
    await queue.store.completeJob(lease, result("graded again"));
    expect(await queue.client.getResults(id)).toMatchObject([
      { output: "again" },
      { output: "graded again" },
    ]);
    expect((await queue.client.getJob(id))?.attempts).toHaveLength(4);
  });

  test.each([
    ["failed", ({ store }: Queue, lease: ClaimedJob) => store.failJob(lease, reason)],
    ["cancelled", ({ client }: Queue, lease: ClaimedJob) => client.cancel(lease.publicId)],
  ])("takes a job that is %s, with counters that begin anew", async (_, end) => {
    await using queue = await setup();
    const { id, lease } = await draft(queue);
    await queue.store.retryJob(lease, reason);
    await queue.database.advance(600_000);
    await end(queue, await queue.claimOne());

    const answer = await queue.client.replay(id, "draft");

    expect(answer).toBe("ok");
    expect(await queue.client.getJob(id)).toMatchObject({
      state: "queued",
      phase: "draft",
      failures: 0,
      code: undefined,
    });
    expect(await phasesOf(queue, id)).toEqual([]);
  });

  test("knows that a phase that was skipped came before the others", async () => {
    await using queue = await setup();
    const skipped = { draft: { output: "given", provenance: {} } };
    const id = await queue.enqueue({ phase: "grade", skipped });
    await queue.store.completeJob(await queue.claimOne(), result("graded"));

    await queue.client.replay(id, "grade");
    expect(await phasesOf(queue, id)).toEqual(["draft"]);
    await queue.store.completeJob(await queue.claimOne(), result("graded"));
    await queue.client.replay(id, "draft");

    expect(await phasesOf(queue, id)).toEqual([]);
    const lease = await queue.claimOne();
    expect(lease.attempt).toBe(1);
    const step = { phase: "draft", nextPhase: "grade", yields: true };
    await queue.store.checkpointJob(lease, step, result("drafted"));
    await queue.store.completeJob(await queue.claimOne(), result("graded"));
    await queue.client.replay(id, "grade");
    expect(await phasesOf(queue, id)).toEqual(["draft"]);
  });

  test("knows what came after a phase that returned nothing", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const { jobId, token } = await queue.claimOne();
    await queue.call("checkpoint_job", jobId, token, "draft", "grade", null, null, true);
    await queue.store.completeJob(await queue.claimOne(), result("graded"));

    await queue.client.replay(id, "draft");

    expect(await phasesOf(queue, id)).toEqual([]);
  });

  test("calls the hook, and undoes all of it when that raises", async () => {
    await using queue = await setupHooked();
    const id = await complete(queue);
    await queue.raiseOn("queued");

    const error = await queue.client.replay(id, "draft").catch((thrown: unknown) => thrown);
    await queue.raiseNoMore();
    const before = await phasesOf(queue, id);
    await queue.client.replay(id, "draft");

    expect(error).toMatchObject({ code: "statement_failed" });
    expect(before).toEqual(["draft", "grade"]);
    expect((await queue.calls()).at(-1)).toMatchObject({
      from_state: "completed",
      to_state: "queued",
      phase: "draft",
      code: null,
    });
  });

  test("takes the unique key again, or says who has it", async () => {
    await using queue = await setup();
    const id = await complete(queue, { uniqueKey: "learner 7" });
    const other = await queue.enqueue({ uniqueKey: "learner 7" });

    const refused = await queue.client.replay(id, "draft");
    const kept = await phasesOf(queue, id);
    await queue.client.cancel(other);
    const taken = await queue.client.replay(id, "draft");

    expect([refused, taken]).toEqual(["conflict", "ok"]);
    expect(kept).toEqual(["draft", "grade"]);
    expect(await queue.enqueue({ uniqueKey: "learner 7" })).toBe(id);
  });

  test("of a job that is queued or leased, or of none, changes nothing", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const queued = await queue.client.replay(id, "draft");
    await queue.claimOne();

    const answers = [
      queued,
      await queue.client.replay(id, "draft"),
      await queue.client.replay(crypto.randomUUID(), "draft"),
      await queue.client.replay("no uuid", "draft"),
    ];

    expect(answers).toEqual(["not_settled", "not_settled", "not_found", "not_found"]);
  });

  test("from a phase that it never came to is refused", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    await queue.client.cancel(id);

    const answers = [
      await queue.client.replay(id, "grade"),
      await queue.client.replay(id, "nowhere"),
      await queue.client.replay(id, "draft"),
    ];

    expect(answers).toEqual(["unknown_phase", "unknown_phase", "ok"]);
  });

  test("a late call of who completed it before is told so, and writes nothing", async () => {
    await using queue = await setup();
    const { id, lease } = await draft(queue);
    await queue.store.completeJob(lease, result("graded"));
    await queue.client.replay(id, "grade");

    const late = await queue.store.completeJob(lease, result("late"));

    expect(late).toMatchObject({ outcome: "already", state: "queued" });
    expect(await phasesOf(queue, id)).toEqual(["draft"]);
  });
});

describe("rivals", () => {
  test.each(["completed", "failed"])(
    "replay a %s job twice: the second finds it queued",
    async (how) => {
      await using queue = await setup();
      const { id, lease } = await draft(queue);
      if (how === "failed") await queue.store.failJob(lease, reason);
      else await queue.store.completeJob(lease, result("graded"));
      await using rivals = await rivalsIn(queue);
      const [first] = await rivals.first.call("replay_job", id, "grade");

      const [second] = await rivals.overtaken((rival) => rival.call("replay_job", id, "draft"));

      expect(first?.["replay_job"]).toBe("ok");
      expect(second?.["replay_job"]).toBe("not_settled");
      expect(await phasesOf(queue, id)).toEqual(["draft"]);
      expect(await queue.claim()).toHaveLength(1);
    },
  );

  test("requeue, then replay: it is queued already", async () => {
    await using queue = await setup();
    const { id, lease } = await draft(queue);
    await queue.store.failJob(lease, reason);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("requeue_job", id);

    const [answer] = await rivals.overtaken((rival) => rival.call("replay_job", id, "draft"));

    expect(answer?.["replay_job"]).toBe("not_settled");
  });

  test("complete, while somebody replays: it has not ended yet", async () => {
    await using queue = await setup();
    const { id, lease } = await draft(queue);
    await using session = await queue.begin();
    await session.call("complete_job", lease.jobId, lease.token, null, null);

    const answer = await queue.client.replay(id, "draft");
    await session.commit();

    expect(answer).toBe("not_settled");
    expect(await queue.client.replay(id, "draft")).toBe("ok");
  });

  test("enqueue with its unique key, then replay: the replay is refused", async () => {
    await using queue = await setup();
    const id = await complete(queue, { uniqueKey: "learner 7" });
    await using rivals = await rivalsIn(queue);
    const job = { type: "essay", version: 1, phase: "draft", payload: {}, uniqueKey: "learner 7" };
    await rivals.first.call("enqueue_jobs", [job]);

    const [answer] = await rivals.overtaken((rival) => rival.call("replay_job", id, "draft"));

    expect(answer?.["replay_job"]).toBe("conflict");
  });
});
