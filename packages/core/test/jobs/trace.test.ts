import { describe, expect, test } from "bun:test";

import { WorkerError } from "../../src/index.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { essayOf, resultOf, setupWorker } from "../support/worker.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("a phase is told the trace its job was enqueued in, one by one or many at once", async () => {
  const seen: (string | undefined)[] = [];
  const essay = essayOf({
    draft: async (_, context) => {
      seen.push(context.trace);
      return resultOf("draft");
    },
    grade: async (_, context) => {
      seen.push(context.trace);
      return resultOf("grade");
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });
  await subject.worker.start();

  const { id } = await subject.client.enqueue(essay, {}, { trace });
  const many = await subject.client.enqueueMany(
    essay,
    Array.from({ length: 10 }, () => ({})),
    { trace },
  );
  for (const job of [id, ...many.map((answer) => answer.id)]) await subject.client.waitForJob(job);

  expect(seen).toEqual(Array<string>(22).fill(trace));
});

test("a phase of a job without a trace is told of none", async () => {
  const seen: boolean[] = [];
  const essay = essayOf({
    draft: async (_, context) => {
      seen.push("trace" in context);
      return resultOf("draft");
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });
  await subject.worker.start();

  const { id } = await subject.client.enqueue(essay, {});
  await subject.client.waitForJob(id);

  expect(seen).toEqual([false]);
});

test("whoever observes a worker is told the trace too, and when the work of an attempt is over", async () => {
  const essay = essayOf({
    draft: async (_, context) => {
      if (context.attempt === 1) throw new WorkerError("stalled", "No.", { retryable: true });
      return resultOf("draft");
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });
  await subject.worker.start();

  await subject.client.enqueue(essay, {}, { trace });
  await subject.recorder.waitFor("job.completed");

  const told = subject.recorder.events.filter(({ name }) => /^(phase|job)\./.test(name));
  expect(told).toMatchObject([
    { name: "job.claimed" },
    { name: "phase.started", attempt: 1, trace },
    { name: "phase.ended", attempt: 1, code: "stalled" },
    { name: "job.retried", attempt: 1 },
    { name: "job.claimed" },
    { name: "phase.started", attempt: 2, trace },
    { name: "phase.ended", attempt: 2 },
    { name: "phase.completed", attempt: 2 },
    { name: "job.completed", attempt: 2 },
  ]);
  expect(told[6]).not.toContainKey("code");
});

describe("what is no W3C traceparent", () => {
  const bad = [
    "",
    trace.toUpperCase(),
    `${trace}-00`,
    trace.replace("00-", "ff-"),
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
  ];

  test.each(bad)("is refused by the client, which names the option: %p", async (given) => {
    await using queue = await setup();

    const refusal = queue.client.enqueue(essayOf({ draft: undefined }), {}, { trace: given });

    expect(await refusal.catch(({ code, message }) => ({ code, message }))).toEqual({
      code: "input_invalid",
      message: "Not enqueued: trace: must be a W3C traceparent.",
    });
  });

  test.each(bad)("is refused by Postgres, which names the constraint: %p", async (given) => {
    await using queue = await setup();
    const job = { type: "essay", version: 1, phase: "draft", payload: {}, trace: given };

    const refusal = queue.call("enqueue_jobs", [job]);

    expect(await refusal.catch((error: object) => Object(error).constraint_name)).toBe(
      "trace_invalid",
    );
  });
});

test("a worker of the version before gets the same jobs, without their traces", async () => {
  await using queue = await setup();
  const id = await queue.enqueue();
  const [lane] = await queue.lanes(["draft"]);

  const rows = await queue.call(
    "claim_jobs",
    "old",
    crypto.randomUUID(),
    `{${lane?.laneId}}`,
    "{}",
    1,
    1_000,
  );

  expect(rows).toHaveLength(1);
  expect(Object.keys(rows[0] ?? {})).toEqual([
    "job_id",
    "public_id",
    "lane_id",
    "attempt",
    "solo",
    "payload",
    "mark",
  ]);
  expect(rows[0]?.["public_id"]).toBe(id);
});
