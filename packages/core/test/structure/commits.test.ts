import { describe, expect, test } from "bun:test";

import { type PhaseContext, type Pipeline, WorkerError } from "@leasehold/core";

import {
  essayOf,
  finish,
  type HostSubject,
  setupHost,
  words,
  write,
} from "../support/host-rows.ts";
import { useServer } from "../support/server.ts";
import { resultOf } from "../support/worker.ts";

// What a phase writes before it is done, under its lease.

const server = useServer();
const setup = async (pipeline: Pipeline): Promise<HostSubject> =>
  await setupHost(await server(), pipeline);

describe("commit", () => {
  const commitIn = (work: (context: PhaseContext) => Promise<unknown>): Pipeline =>
    essayOf({ name: "draft", run: async (_, context) => resultOf(await work(context)) });

  test("answers what the host's work answers, and is there before the phase is done", async () => {
    const essay = commitIn(async (context) => {
      const answer = await context.commit(async (transaction) => {
        await write(transaction, subject.database, "one");
        return await transaction.query(
          `select words, 1 + 1 as two from "${subject.database.schema}".host_row`,
        );
      });
      expect(await subject.rows()).toEqual(words("one"));
      return answer;
    });
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    expect(await subject.client.getResults(id)).toMatchObject([
      { output: [{ words: "one", two: 2 }] },
    ]);
  });

  test("throws what the host's work throws, and leaves nothing behind", async () => {
    const thrown = new RangeError("The host's own.");
    let seen: unknown;
    const essay = commitIn(async (context) => {
      const work = context.commit(async (transaction) => {
        await write(transaction, subject.database, "undone");
        throw thrown;
      });
      seen = await work.catch((error: unknown) => error);
    });
    await using subject = await setup(essay);

    await finish(subject, essay);

    expect(seen).toBe(thrown);
    expect(await subject.rows()).toEqual([]);
  });

  test("adds a job with the rows that it is about", async () => {
    const essay = commitIn((context) =>
      context.commit(async (transaction) => {
        await write(transaction, subject.database, "one");
        return await subject.client.enqueue(essay, {}, { within: transaction, delayMs: 60_000 });
      }),
    );
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    expect(await subject.client.getResults(id)).toMatchObject([{ output: { outcome: "created" } }]);
  });

  test("is refused when the lease is gone", async () => {
    let refusal: unknown;
    const essay = commitIn(async (context) => {
      await subject.client.cancel(context.jobId);
      const work = context.commit((transaction) => write(transaction, subject.database, "late"));
      refusal = await work.catch((error: unknown) => error);
    });
    await using subject = await setup(essay);
    const { id } = await subject.client.enqueue(essay, {});

    await subject.worker.start();
    await subject.recorder.waitFor("job.cancelled");

    expect(WorkerError.is(refusal, "cancelled")).toBe(true);
    expect(await subject.rows()).toEqual([]);
    expect((await subject.client.getJob(id))?.state).toBe("cancelled");
  });
});
