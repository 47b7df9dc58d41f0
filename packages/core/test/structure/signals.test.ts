import { describe, expect, test } from "bun:test";

import { type PhaseContext, type Pipeline, type Signal, WorkerError } from "@leasehold/core";

import { setupHookedQueue } from "../support/hooked-queue.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { rivalsIn } from "../support/rivalry.ts";
import { useServer } from "../support/server.ts";
import { pipelineOf, signal, waitForSignal } from "../support/waiting.ts";
import { resultOf, setupWorker, type WorkerSubject } from "../support/worker.ts";

// A phase that waits until it is told something from outside.

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

/** An essay whose only phase returns what `work` does. */
function essayOf(work: (context: PhaseContext) => Promise<unknown>): Pipeline {
  return pipelineOf("essay", {
    name: "draft",
    run: async (_, context) => resultOf(await work(context)),
  });
}

async function start(essay: Pipeline): Promise<WorkerSubject> {
  const subject = await setupWorker(await server(), { pipelines: [essay], leaseSeconds: 1 });
  await subject.worker.start();
  return subject;
}

describe("a phase that waits for a signal", () => {
  test("gives its lease and slot back, and runs again when it comes", async () => {
    const signals: (Signal | undefined)[] = [];
    const essay = essayOf(async (context) => {
      await context.savePart(context.attempt, "kept", {});
      const told = await context.waitFor("approval");
      signals.push(told);
      return told?.payload;
    });
    await using subject = await start(essay);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.recorder.waitFor("job.waiting");
    const waiting = await subject.client.getJob(id);
    while (subject.worker.inFlight() > 0) await Bun.sleep(1);

    const answer = await subject.client.signal(id, "approval", { by: "Ada" });
    const job = await subject.client.waitForJob(id);

    expect(waiting).toMatchObject({
      state: "waiting",
      phase: "draft",
      attempt: 1,
      waitsFor: { reason: "signal", name: "approval", until: undefined },
      attempts: [{ outcome: "waited", code: null }],
    });
    expect(answer).toBe("ok");
    const counters = { failures: 0, losses: 0, outages: 0 };
    const attempts = [{ outcome: "waited" }, { attempt: 2, outcome: "completed" }];
    expect(job).toMatchObject({ state: "completed", ...counters, attempts });
    expect(job.waitsFor).toBeUndefined();
    expect(signals).toEqual([{ payload: { by: "Ada" } }]);
    expect(await subject.client.getResults(id)).toMatchObject([{ output: { by: "Ada" } }]);
  });

  test("does not wait when it came before", async () => {
    const essay = essayOf(async (context) => (await context.waitFor("approval"))?.payload);
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.client.signal(id, "approval");

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(job.attempts).toMatchObject([{ attempt: 1, outcome: "completed" }]);
    expect(await subject.client.getResults(id)).toMatchObject([{ output: null }]);
  });

  test("goes on when its time is over, and is told the same from then on", async () => {
    const essay = essayOf(async (context) => {
      const told = await context.waitFor("approval", { timeoutSeconds: 3_600 });
      if (context.attempt === 2) throw new Error("Once more.");
      return told === undefined ? "nobody" : "somebody";
    });
    await using subject = await start(essay);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.recorder.waitFor("job.waiting");
    const waiting = await subject.client.getJob(id);

    await subject.database.advance(3_600_000);
    await subject.recorder.waitFor("job.retried");
    const late = await subject.client.signal(id, "approval");
    await subject.client.waitForJob(id);

    const waitedMs = Number(waiting?.waitsFor?.until) - Number(waiting?.createdAt);
    expect(waitedMs).toBeWithin(3_600_000, 3_700_000);
    expect(["late", "settled"]).toContain(late);
    expect(await subject.client.getResults(id)).toMatchObject([{ output: "nobody" }]);
  });

  test("waits though it catches what ends it", async () => {
    const essay = essayOf(async (context) => {
      try {
        const told = await context.waitFor("approval");
        return told?.payload;
      } catch {
        return "never mind";
      }
    });
    await using subject = await start(essay);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.recorder.waitFor("job.waiting");

    await subject.client.signal(id, "approval", "yes");
    await subject.client.waitForJob(id);

    expect(await subject.client.getResults(id)).toMatchObject([{ output: "yes" }]);
  });

  test("may wait for one thing after the other", async () => {
    const essay = essayOf(async (context) => {
      const first = await context.waitFor("first");
      const second = await context.waitFor("second");
      return [first?.payload, second?.payload];
    });
    await using subject = await start(essay);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.recorder.waitFor("job.waiting");

    await subject.client.signal(id, "first", 1);
    await subject.recorder.waitFor((event) => event.name === "job.waiting" && event.attempt === 2);
    await subject.client.signal(id, "second", 2);
    await subject.client.waitForJob(id);

    expect(await subject.client.getResults(id)).toMatchObject([{ output: [1, 2] }]);
  });

  test("writes nothing of the jobs it wanted to add", async () => {
    const letter = pipelineOf("letter", { name: "send" });
    const essay = essayOf(async (context) => {
      context.enqueue(letter, { attempt: context.attempt });
      return (await context.waitFor("approval"))?.payload;
    });
    await using subject = await start(essay);
    const { id } = await subject.client.enqueue(essay, {});
    await subject.recorder.waitFor("job.waiting");

    await subject.client.signal(id, "approval");
    await subject.client.waitForJob(id);

    const letters = await subject.database.query(
      `select payload from :"schema".job where type = 'letter'`,
    );
    expect(letters).toEqual([{ payload: { attempt: 2 } }]);
  });

  test("is refused a name that no signal can have", async () => {
    const essay = essayOf((context) => context.waitFor("Ada's approval"));
    await using subject = await start(essay);

    await subject.client.enqueue(essay, {});
    const event = await subject.recorder.waitFor("job.released");

    expect(event).toMatchObject({ code: "config_invalid" });
  });
});

describe("a signal", () => {
  test("is answered with what became of it", async () => {
    await using queue = await setup();
    const [id, ended] = [await queue.enqueue(), await queue.enqueue()];
    await queue.client.cancel(ended);

    const answers = [
      await queue.client.signal(id, "approval", 1),
      await queue.client.signal(id, "approval", 2),
      await queue.client.signal(ended, "approval"),
      await queue.client.signal(crypto.randomUUID(), "approval"),
      await queue.client.signal("no uuid", "approval"),
    ];

    expect(answers).toEqual(["ok", "existing", "settled", "not_found", "not_found"]);
    expect(await queue.query('select payload from :"schema".signal')).toEqual([{ payload: 1 }]);
  });

  test("of a name or a size that cannot be is refused, and its content is not told", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const secret = "A learner wrote this. ".repeat(3_000);

    const refusals = await Promise.all(
      [
        queue.client.signal(id, secret),
        queue.client.signal(id, "approval", secret),
        queue.client.signal(id, "approval", 1n),
      ].map((call) => call.catch((error: unknown) => error)),
    );

    expect(refusals.map((error) => WorkerError.is(error) && error.code)).toEqual([
      "input_invalid",
      "payload_too_large",
      "input_invalid",
    ]);
    expect(refusals.map(String).join(" ")).not.toContain("learner");
  });
});

describe("wait_job for a signal", () => {
  test("then a signal: the signal waits for it, and the job is due", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    const [waited] = await waitForSignal(rivals.first, lease);

    const [answer] = await rivals.overtaken((rival) => signal(rival, id));

    expect(waited).toMatchObject({ outcome: "ok", state: "waiting" });
    expect(answer?.["signal_job"]).toBe("ok");
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", attempt: 1 });
    expect((await queue.claimOne()).attempt).toBe(2);
  });

  test("while a signal is on its way: it waits for it, and need not wait for more", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    await using rivals = await rivalsIn(queue);
    await signal(rivals.first, id);

    const [answer] = await rivals.overtaken((rival) => waitForSignal(rival, lease));

    expect(answer).toMatchObject({ outcome: "ok", state: "queued" });
    expect((await queue.claimOne()).attempt).toBe(2);
  });

  test("twice: the second hears `already`", async () => {
    await using queue = await setup();
    await queue.enqueue();
    const lease = await queue.claimOne();

    const answers = [await waitForSignal(queue, lease), await waitForSignal(queue, lease)];

    expect(answers.flat()).toMatchObject([
      { outcome: "ok", state: "waiting" },
      { outcome: "already", state: "waiting" },
    ]);
  });

  test("after a lapse or for another phase: it is lost", async () => {
    await using queue = await setup();
    const id = await queue.enqueue();
    const lease = await queue.claimOne();
    const other = { ...lease, token: crypto.randomUUID() };
    const [stolen] = await waitForSignal(queue, other);
    await queue.database.advance(1_001);
    await using rivals = await rivalsIn(queue);
    await rivals.first.call("lapse_leases", 10);

    const [late] = await rivals.overtaken((rival) => waitForSignal(rival, lease));

    expect([stolen?.["outcome"], late?.["outcome"]]).toEqual(["lost", "lost"]);
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", losses: 1 });
  });

  test("tells the hook, and is charged when that raises", async () => {
    await using queue = await setupHookedQueue(await server());
    const id = await queue.enqueue();
    await waitForSignal(queue, await queue.claimOne());
    await signal(queue, id);
    const calls = await queue.calls();
    await queue.raiseOn("waiting");

    const [answer] = await waitForSignal(queue, await queue.claimOne(), { name: "second" });

    expect(calls).toMatchObject([
      { from_state: "leased", to_state: "waiting", phase: "draft" },
      { from_state: "waiting", to_state: "queued", phase: "draft" },
    ]);
    expect(answer).toMatchObject({ outcome: "effect_failed", state: "queued" });
    expect(await queue.client.getJob(id)).toMatchObject({ state: "queued", failures: 1 });
  });
});
