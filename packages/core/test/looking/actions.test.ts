import { describe, expect, test } from "bun:test";

import type { ActionNote } from "../../src/store/looking-store.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const ada = (action: string, more: Partial<ActionNote> = {}): ActionNote => ({
  operator: "ada",
  action,
  ...more,
});
const broken = { code: "output_invalid", message: "It was broken." };

describe("what an operator does", () => {
  test("is written down with who, where, why and what came of it", async () => {
    await using queue = await setup();
    const { client, store } = queue;
    const id = await queue.enqueue();
    await store.failJob(await queue.claimOne(), broken);

    await client
      .noted(ada("job.requeue", { target: id, reason: "The model is back." }))
      .requeue(id);
    await client.noted(ada("job.requeue", { target: id })).requeue(id);
    await client.noted(ada("queue.pause", { target: "default" })).pause({ queue: "default" });

    const actions = await client.getActions();
    expect(actions).toMatchObject([
      { action: "queue.pause", target: "default", reason: undefined, outcome: "ok", jobs: 0 },
      { action: "job.requeue", target: id, outcome: "not_settled", jobs: 0 },
      {
        operator: "ada",
        login: expect.any(String),
        at: expect.any(Date),
        action: "job.requeue",
        target: id,
        reason: "The model is back.",
        outcome: "ok",
        jobs: 1,
      },
    ]);
  });

  test("and the note of it are both there or neither", async () => {
    await using queue = await setup();
    const { client } = queue;
    const id = await queue.enqueue();
    const silent = client.noted({ operator: "", action: "job.cancel", target: id });
    const wrong = client.noted(ada("job.cancel", { target: id }));

    const unnoted = await silent.cancel(id).catch(() => "refused");
    const undone = await wrong.replay(id, "draft").catch(() => "refused");

    expect(unnoted).toBe("refused");
    expect((await client.getJob(id))?.state).toBe("queued");
    expect(undone).toBe("not_settled");
    expect(await client.getActions()).toMatchObject([{ outcome: "not_settled" }]);
  });

  test("to many jobs is one row that counts them all", async () => {
    await using queue = await setup();
    const { client, store } = queue;
    for (let left = 250; left > 0; left -= 1) await queue.enqueue();
    const jobs = await queue.claim({ limit: 250, leaseMs: 3_600_000 });
    await Promise.all(jobs.map((job) => store.failJob(job, broken)));

    const report = await client
      .noted(ada("jobs.requeue", { target: "code output_invalid" }))
      .requeueAll({ code: "output_invalid" });

    expect(report).toMatchObject({ matched: 250, requeued: 250 });
    expect(await client.getActions()).toMatchObject([{ action: "jobs.requeue", jobs: 250 }]);
  });

  test("is not written into the row of another's act", async () => {
    await using queue = await setup();
    const id = crypto.randomUUID();
    await queue.call("note_action", id, "ada", "job.cancel");

    const forged = queue.call("note_action", id, "bob", "job.cancel");

    expect(forged).rejects.toThrow("another act");
    await forged.catch(() => undefined);
    expect(await queue.client.getActions()).toMatchObject([{ operator: "ada" }]);
  });

  test("is shown in pages, the newest first, and by who or where", async () => {
    await using queue = await setup();
    const { client } = queue;
    for (const target of ["a", "b", "c", "d"]) {
      await client.noteAction({ operator: target === "c" ? "bob" : "ada", action: "note", target });
    }

    const [first, second] = await client.getActions({ limit: 2 });
    const rest = await client.getActions({ before: String(second?.number) });

    expect([first, second, ...rest].map((each) => each?.target)).toEqual(["d", "c", "b", "a"]);
    expect(await client.getActions({ operator: "bob" })).toHaveLength(1);
    expect(await client.getActions({ target: "a" })).toHaveLength(1);
  });

  test("is deleted with the jobs that are kept longest, and after a year at the earliest", async () => {
    await using queue = await setup();
    const { client } = queue;
    const day = 86_400_000;
    await client.noteAction(ada("note"));
    const count = async (): Promise<number> => (await client.getActions()).length;

    await queue.database.advance(365 * day);
    await client.pruneJobs({ completedMs: day });
    const afterYear = await count();
    await queue.database.advance(2 * day);
    await client.pruneJobs({ deadMs: 400 * day });
    const keptLonger = await count();
    await client.pruneJobs({ completedMs: day });

    expect([afterYear, keptLonger, await count()]).toEqual([1, 1, 0]);
  });
});

describe("what is in a job", () => {
  const why = { operator: "ada", reason: "A parent asked." };

  test("is shown to whoever says why, once that is written down", async () => {
    await using queue = await setup();
    const { client, store } = queue;
    const payload = { text: "an essay" };
    const id = await queue.enqueue({ payload, tenant: "school", subject: "learner-1" });
    await client.signal(id, "approved", true);
    await store.retryJob(await queue.claimOne(), broken);
    await queue.database.advance(600_000);
    const provenance = { adapter: "stub@1" };
    await store.completeJob(await queue.claimOne(), { output: { score: 1 }, provenance });

    const revealed = await client.revealJob(id, why);

    expect(revealed).toEqual({
      tenant: "school",
      subject: "learner-1",
      payload,
      results: [{ phase: "draft", output: { score: 1 } }],
      messages: [{ phase: "draft", attempt: 1, message: "It was broken." }],
      signals: [{ name: "approved", payload: true }],
    });
    expect(await client.getActions()).toMatchObject([
      { action: "job.reveal", target: id, reason: "A parent asked.", outcome: "ok" },
    ]);
  });

  test("is shown to nobody without a reason, or whose note cannot be written", async () => {
    await using queue = await setup();
    const { client } = queue;
    const id = await queue.enqueue({ payload: { text: "an essay" } });

    const answers = await Promise.allSettled([
      client.revealJob(id, { ...why, reason: " " }),
      client.revealJob(id, { ...why, operator: "" }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(JSON.stringify(answers)).not.toContain("an essay");
  });

  test("is asked for on the record, also where there is nothing", async () => {
    await using queue = await setup();

    const revealed = await queue.client.revealJob(crypto.randomUUID(), why);

    expect(revealed).toBeUndefined();
    expect(await queue.client.getActions()).toMatchObject([{ outcome: "not_found" }]);
  });
});

describe("a subject that is erased", () => {
  test("is in no reason and no target any more, and what was done stays", async () => {
    await using queue = await setup();
    const { client } = queue;
    const id = await queue.enqueue({ subject: "canary-ada" });
    await client.noteAction(ada("job.cancel", { target: id, reason: "Her mother asked." }));
    await client.noteAction(ada("note", { target: "other", reason: "It is about canary-ada." }));
    await client.noteAction(ada("subject.redact", { target: "canary-ada" }));
    await client.noteAction(ada("note", { target: "other", reason: "Something else." }));

    await client.redactSubject("canary-ada");

    expect(await client.getActions()).toMatchObject([
      { target: "other", reason: "Something else." },
      { action: "subject.redact", target: undefined, reason: undefined },
      { target: "other", reason: undefined },
      { action: "job.cancel", target: id, reason: undefined },
    ]);
  });
});
