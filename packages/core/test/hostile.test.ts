import { describe, expect, test } from "bun:test";

import { toStorableText, WorkerError } from "@leasehold/core";
import { drain } from "@leasehold/core/testing";

import { createRandom, hostileText } from "./support/hostile.ts";
import { useServer } from "./support/server.ts";
import { essayOf, resultOf, setupWorker } from "./support/worker.ts";

const server = useServer();

/** What comes back for a string that went in. */
function clean(value: unknown): unknown {
  return typeof value === "string" ? toStorableText(value) : value;
}

describe("from enqueue through a part to the result", () => {
  async function roundTrip(inputs: readonly unknown[]): Promise<readonly unknown[]> {
    const echo = essayOf({
      draft: async ({ input }, context) => {
        const value = (input as { value: string }).value;
        await context.savePart(1, { [`key ${value}`]: value }, { value });
        return { output: { value }, provenance: { value } };
      },
      grade: async ({ results }) => resultOf(results["draft"]),
    });
    await using subject = await setupWorker(await server(), { pipelines: [echo], concurrency: 20 });
    const payloads = inputs.map((value) => ({ value }));
    const answers = await subject.client.enqueueMany(echo, payloads, { tenant: "\u0000 tenant" });

    await subject.worker.start();
    await drain(subject.database, { timeoutMs: 25_000 });

    const outputs = await Promise.all(
      answers.map(async ({ id }) => {
        const results = await subject.client.getResults(id);
        return (results[1]?.output as { value?: unknown } | undefined)?.value;
      }),
    );
    return outputs;
  }

  test("a string is what it was, but for what Postgres cannot store", async () => {
    const random = createRandom("hostile strings");
    const texts = Array.from({ length: 300 }, () => hostileText(random));

    const outputs = await roundTrip(texts);

    expect(outputs).toEqual(texts.map(clean));
  });

  test("a number is what it was", async () => {
    const random = createRandom("hostile numbers");
    const edges = [0, -1, 1e308, -1e308, 5e-324, 2 ** 53, 2 ** 53 - 1, 1e21, 0.1, 1 / 3];
    const numbers = Array.from(
      { length: 60 },
      () => (random() - 0.5) * 10 ** Math.floor(random() * 600 - 300),
    );

    const outputs = await roundTrip([...edges, ...numbers]);

    expect(outputs).toEqual([...edges, ...numbers]);
  });
});

test("an error's message may hold anything, and its job still ends", async () => {
  const random = createRandom("hostile messages");
  const messages = Array.from({ length: 60 }, () => hostileText(random));
  const essay = essayOf({
    draft: async ({ input }) => {
      throw new WorkerError("input_corrupt", messages[Number(input)] ?? "");
    },
  });
  await using subject = await setupWorker(await server(), { pipelines: [essay], concurrency: 20 });
  const answers = await subject.client.enqueueMany(essay, Array.from(messages.keys()));

  await subject.worker.start();
  await drain(subject.database, { timeoutMs: 25_000 });

  const jobs = await Promise.all(answers.map(({ id }) => subject.client.getJob(id)));
  expect(jobs.map((job) => job?.state)).toEqual(messages.map(() => "failed"));
  expect(jobs.map((job) => job?.message ?? "")).toEqual(messages.map(toStorableText));
});

test("a payload nested deeper than anybody needs costs its own job at most", async () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  const essay = essayOf({ draft: async ({ input }) => resultOf(input) });
  await using subject = await setupWorker(await server(), { pipelines: [essay] });

  const refused = await subject.client.enqueue(essay, deep).catch((error: unknown) => error);
  const { id } = await subject.client.enqueue(essay, "shallow");
  await subject.worker.start();

  expect(WorkerError.is(refused)).toBe(true);
  expect((await subject.client.waitForJob(id)).state).toBe("completed");
});
