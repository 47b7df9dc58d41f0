import { describe, expect, test } from "bun:test";

import { definePipeline, WorkerError } from "@leasehold/core";
import { drain } from "@leasehold/core/testing";
import { z } from "zod";

import { useServer } from "../support/server.ts";
import { adapterOf, essayOf, resultOf, type Run, setupWorker, storyOf } from "../support/worker.ts";

const server = useServer();

describe("a job of two phases", () => {
  test("runs them in order, and hands the result of the first to the second", async () => {
    const requests: unknown[] = [];
    const essay = essayOf({
      draft: async ({ input }) => resultOf({ text: `draft of ${String(input)}` }),
      grade: async (request) => {
        requests.push(request);
        return resultOf({ points: 3 });
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, "cats");

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(job).toMatchObject({ state: "completed", failures: 0, losses: 0, outages: 0 });
    expect(job.attempts).toMatchObject([
      { phase: "draft", attempt: 1, outcome: "completed" },
      { phase: "grade", attempt: 1, outcome: "completed" },
    ]);
    expect(requests).toEqual([
      {
        type: "essay",
        phase: "grade",
        input: "cats",
        results: { draft: { text: "draft of cats" } },
        parts: [],
      },
    ]);
    expect(await subject.client.getResults(id)).toEqual([
      { phase: "draft", output: { text: "draft of cats" }, provenance: { adapter: "test" } },
      { phase: "grade", output: { points: 3 }, provenance: { adapter: "test" } },
    ]);
  });

  test("tells its story in events", async () => {
    const essay = essayOf({
      draft: async (_, context) => {
        context.progress({ stage: "decoding", tokens: 7 });
        return resultOf(1);
      },
      grade: async () => resultOf(2),
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.recorder.waitFor("job.completed");

    expect(storyOf(subject)).toEqual([
      "worker.started",
      "job.claimed",
      "phase.started",
      "phase.progressed",
      "phase.ended",
      "phase.completed",
      "phase.started",
      "phase.ended",
      "phase.completed",
      "job.completed",
    ]);
    expect(subject.recorder.events.slice(1, 4)).toEqual([
      { name: "job.claimed", jobId: id, type: "essay", phase: "draft", attempt: 1, solo: false },
      { name: "phase.started", jobId: id, type: "essay", phase: "draft", attempt: 1 },
      {
        name: "phase.progressed",
        jobId: id,
        type: "essay",
        phase: "draft",
        attempt: 1,
        progress: { stage: "decoding", tokens: 7 },
      },
    ]);
  });

  test("yields between phases that need different resources", async () => {
    const essay = essayOf({ draft: undefined, grade: undefined });
    const adapters = [
      adapterOf(async () => resultOf(1), { phase: "draft", resource: "host/eyes" }),
      adapterOf(async () => resultOf(2), { phase: "grade", resource: "host/judge" }),
    ];
    await using subject = await setupWorker(await server(), { pipelines: [essay], adapters });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({ state: "completed" });
    const yielded = await subject.recorder.waitFor("job.yielded");
    expect(yielded).toMatchObject({ phase: "draft", nextPhase: "grade" });
  });

  test("does not begin at a phase that was skipped", async () => {
    const ran: string[] = [];
    const essay = essayOf(
      {
        draft: async () => resultOf(ran.push("draft")),
        grade: async ({ results }) => resultOf(results["draft"]),
      },
      { start: () => ({ phase: "grade", skipped: { draft: resultOf("typed") } }) },
    );
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.client.waitForJob(id);

    expect(ran).toEqual([]);
    expect(await subject.client.getResults(id)).toMatchObject([
      { phase: "draft", output: "typed" },
      { phase: "grade", output: "typed" },
    ]);
  });
});

test("what was saved is not done again: parts survive a failed attempt, results a failed phase", async () => {
  const story: string[] = [];
  const essay = essayOf({
    draft: async () => resultOf(story.push("draft")),
    grade: async ({ parts }, context) => {
      story.push(`grade ${context.attempt}, has ${parts.map(({ part }) => part).join(" ")}`);
      const next = parts.length + 1;
      await context.savePart(next, { page: next }, {});
      if (next < 3) throw new WorkerError("backend_failed", "It broke.", { retryable: true });
      return resultOf(parts.map(({ output }) => output));
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });
  const { id } = await subject.client.enqueue(essay, {});

  await subject.worker.start();
  const job = await subject.client.waitForJob(id);

  expect(story).toEqual(["draft", "grade 1, has ", "grade 2, has 1", "grade 3, has 1 2"]);
  expect(job).toMatchObject({ state: "completed", failures: 2 });
});

describe("a phase that does not succeed", () => {
  const failWith = (...error: ConstructorParameters<typeof WorkerError>): Run => {
    return async () => {
      throw new WorkerError(...error);
    };
  };

  test.each<[string, Run, object]>([
    [
      "its own passing trouble is retried and charged",
      failWith("backend_failed", "It broke.", { retryable: true }),
      { name: "job.retried", code: "backend_failed" },
    ],
    [
      "its own lasting trouble fails the job",
      failWith("input_corrupt", "It cannot be read."),
      { name: "job.failed", code: "input_corrupt" },
    ],
    [
      "a backend that is down is an outage",
      failWith("backend_unreachable", "Nobody there.", { scope: "backend", retryable: true }),
      { name: "job.released", reason: "outage", code: "backend_unreachable" },
    ],
    [
      "a missing model waits for somebody to mend it",
      failWith("model_missing", "Pull it.", { scope: "config" }),
      { name: "job.released", reason: "outage", code: "model_missing", retryInMs: 60_000 },
    ],
    [
      "what nobody knows is retried",
      async () => {
        throw new TypeError("A learner wrote this.");
      },
      { name: "job.retried", code: "adapter_unknown" },
    ],
    [
      "a thrown word is retried",
      // oxlint-disable-next-line no-throw-literal
      () => Promise.reject("A learner wrote this."),
      { name: "job.retried", code: "adapter_unknown" },
    ],
    [
      "an asked-for wait is kept",
      failWith("backend_busy", "Busy.", {
        scope: "backend",
        retryable: true,
        retryAfterMs: 3_600_000,
      }),
      { name: "job.released", code: "backend_busy", retryInMs: 3_600_000 },
    ],
    [
      "a wait that no number can say is a day",
      failWith("backend_busy", "Busy.", { scope: "backend", retryAfterMs: Infinity }),
      { name: "job.released", code: "backend_busy", retryInMs: 86_400_000 },
    ],
  ])("%s", async (_, run, expected) => {
    const essay = essayOf({ draft: run });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const names = ["job.retried", "job.failed", "job.released", "job.completed"];
    const event = await subject.recorder.waitFor(({ name }) => names.includes(name));

    expect(event).toMatchObject({ ...expected, jobId: id, phase: "draft", attempt: 1 });
    const job = await subject.client.getJob(id);
    expect(JSON.stringify(job)).not.toContain("learner");
  });

  test.each<[string, unknown]>([
    ["a bigint", 7n],
    ["no number", { grade: Number.NaN }],
    ["a function", () => 7],
    ["itself", makeCycle()],
  ])("a result that JSON cannot say is its own failure: %s", async (_, output) => {
    const essay = essayOf({ draft: async () => resultOf(output) });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    const job = await subject.client.waitForJob(id);

    expect(job).toMatchObject({ state: "dead", code: "output_invalid", failures: 4 });
    expect(subject.recorder.names()).not.toContain("database.failed");
  });

  test("a part that JSON cannot say is its own failure", async () => {
    const essay = essayOf({
      draft: async (_, context) => {
        await context.savePart(1, 7n as unknown as number, {});
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    const job = await subject.client.waitForJob(id);
    expect(job).toMatchObject({ state: "dead", code: "output_invalid", failures: 4 });
    expect(subject.recorder.names()).not.toContain("database.failed");
  });

  test("a result without provenance is its own failure", async () => {
    const essay = essayOf({ draft: async () => ({ output: 1 }) as ReturnType<typeof resultOf> });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({ code: "output_invalid" });
  });

  test("a phase may return nothing", async () => {
    const essay = essayOf({
      draft: async () => resultOf(undefined),
      grade: async ({ results }) => resultOf(Object.keys(results)),
    });
    await using subject = await setupWorker(await server(), { pipelines: [essay] });
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.client.waitForJob(id);

    const results = await subject.client.getResults(id);
    expect(results).toMatchObject([{ output: null }, { output: ["draft"] }]);
  });

  test("a payload that its type does not fit fails the job, by the names of its fields", async () => {
    const strict = definePipeline({
      type: "essay",
      version: 1,
      input: z.object({ text: z.string(), "a learner's key": z.string() }),
      phases: [{ name: "draft", output: z.unknown(), run: async () => resultOf(1) }],
    });
    await using subject = await setupWorker(await server(), { pipelines: [strict] });
    const { id } = await subject.client.enqueue(essayOf({ draft: undefined }), { text: 7 });

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({
      state: "failed",
      code: "input_invalid",
      message: "The payload does not fit its type: text, ?.",
    });
  });

  test("an output that the phase's schema does not fit is retried, and named by its fields", async () => {
    const strict = definePipeline({
      type: "essay",
      version: 1,
      input: z.unknown(),
      phases: [
        {
          name: "draft",
          output: z.object({ points: z.int() }),
          run: async () => resultOf({ points: "A learner wrote this." }),
        },
      ],
    });
    await using subject = await setupWorker(await server(), { pipelines: [strict] });
    const { id } = await subject.client.enqueue(strict, {});

    await subject.worker.start();

    expect(await subject.client.waitForJob(id)).toMatchObject({
      state: "dead",
      code: "output_invalid",
      failures: 4,
      message: "The result does not fit the schema of its phase: points.",
    });
  });
});

test("a phase whose effect failed is not done again: only its effect is", async () => {
  let runs = 0;
  const essay = essayOf({
    draft: async () => {
      runs += 1;
      return resultOf("the only one");
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });
  const { database } = subject;
  await database.query(`create function :"schema".hook(uuid, text, text, text, text, text, jsonb)
    returns void language plpgsql as $$ begin
      if $4 = 'completed' and not exists (select from :"schema".job_counter where failures = 2) then
        raise exception 'no';
      end if;
    end $$`);
  await database.query(`select :"schema".register_type('essay',
    '"${database.schema}".hook(uuid,text,text,text,text,text,jsonb)')`);
  const { id } = await subject.client.enqueue(essay, {});

  await subject.worker.start();
  const job = await subject.client.waitForJob(id);

  expect(runs).toBe(1);
  expect(job).toMatchObject({ state: "completed", failures: 2 });
  expect(await subject.client.getResults(id)).toEqual([
    { phase: "draft", output: "the only one", provenance: { adapter: "test" } },
  ]);
});

test("a worker runs what it knows, and leaves the rest", async () => {
  const known = essayOf({ draft: async () => resultOf(1) });
  const newer = essayOf({ draft: undefined }, { version: 2 });
  await using subject = await setupWorker(await server(), { pipelines: [known] });
  const left = await subject.client.enqueue(newer, {});
  const done = await subject.client.enqueue(known, {});

  await subject.worker.start();
  await subject.client.waitForJob(done.id);

  expect((await subject.client.getJob(left.id))?.state).toBe("queued");
  const error = await drain(subject.database, { timeoutMs: 20 }).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain('1 due of type "essay" left');
});

function makeCycle(): object {
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  return cycle;
}
