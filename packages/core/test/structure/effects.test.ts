import { describe, expect, test } from "bun:test";

import {
  definePipeline,
  type PhaseContext,
  type PhaseTransaction,
  type Pipeline,
  WorkerError,
} from "@leasehold/core";
import type { TestRow } from "@leasehold/core/testing";
import { z } from "zod";

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

// What a phase writes with its result: its host's own rows and new jobs.

const server = useServer();

const setup = async (pipeline: Pipeline): Promise<HostSubject> =>
  await setupHost(await server(), pipeline);

describe("an effect", () => {
  test("commits with the end of its job, and is told the result", async () => {
    const told: unknown[] = [];
    const essay = essayOf({
      name: "draft",
      async effect(transaction, done) {
        told.push(done);
        await write(transaction, subject.database, "one");
      },
    });
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    expect(await subject.rows()).toEqual(words("one"));
    const done = { jobId: id, type: "essay", phase: "draft", results: {} };
    expect(told).toEqual([{ ...done, input: { text: "Once." }, output: "written" }]);
    expect(await subject.client.getResults(id)).toMatchObject([{ output: "written" }]);
  });

  test("commits with a checkpoint, and the job goes on under its lease", async () => {
    const essay = essayOf(
      {
        name: "draft",
        effect: (transaction) => write(transaction, subject.database, "drafted"),
      },
      {
        name: "grade",
        effect: (transaction, { results }) =>
          write(transaction, subject.database, `graded ${JSON.stringify(results["draft"])}`),
      },
    );
    await using subject = await setup(essay);

    await finish(subject, essay);

    expect(await subject.rows()).toEqual(words("drafted", `graded "written"`));
    expect(subject.recorder.names().filter((name) => name === "job.claimed")).toHaveLength(1);
  });

  test("that throws is undone and charged, and alone is tried again", async () => {
    let runs = 0;
    let tries = 0;
    const essay = essayOf({
      name: "draft",
      run: async () => resultOf((runs += 1)),
      async effect(transaction) {
        tries += 1;
        await write(transaction, subject.database, `try ${tries}`);
        if (tries === 1) throw new TypeError("A learner wrote this.");
      },
    });
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    expect(await subject.rows()).toEqual(words("try 2"));
    expect([runs, tries]).toEqual([1, 2]);
    expect(await subject.client.getJob(id)).toMatchObject({
      state: "completed",
      code: "effect_failed",
      message: "The effect of this phase failed. It threw TypeError.",
      failures: 1,
      attempts: [{ outcome: "effect_failed" }, { outcome: "completed" }],
    });
  });

  const mishaps: readonly (readonly [
    name: string,
    effect: (queue: HostSubject, transaction: PhaseTransaction) => Promise<unknown>,
  ])[] = [
    ["is refused by Postgres", (_, transaction) => transaction.query("select 1 / 0")],
    [
      "hides that Postgres refused it",
      (_, transaction) => transaction.query("select 1 / 0").catch(() => undefined),
    ],
    [
      "names a table that is not there",
      (_, transaction) => transaction.query("select from no_table"),
    ],
    [
      "breaks a rule that is checked at the end",
      async ({ database }, transaction) => {
        const table = `"${database.schema}".host_row`;
        await transaction.query(
          `alter table ${table} add constraint once unique (words) deferrable initially deferred`,
        );
        await write(transaction, database, "twice");
        await write(transaction, database, "twice");
      },
    ],
  ];
  test.each(mishaps)("that %s is charged, until the job is dead", async (_, mishap) => {
    const essay = essayOf({
      name: "draft",
      async effect(transaction) {
        await write(transaction, subject.database, "undone");
        await mishap(subject, transaction);
      },
    });
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    expect(await subject.client.getJob(id)).toMatchObject({
      state: "dead",
      code: "effect_failed",
      failures: 4,
      outages: 0,
    });
    expect(await subject.rows()).toEqual([]);
    expect(await subject.client.getResults(id)).toMatchObject([{ output: "written" }]);
  });

  test("is undone when the type's hook raises, and both are tried again", async () => {
    let tries = 0;
    const essay = essayOf({
      name: "draft",
      async effect(transaction) {
        tries += 1;
        await write(transaction, subject.database, `try ${tries}`);
      },
    });
    await using subject = await setup(essay);
    await subject.database.query('create sequence :"schema".hook_calls');
    await subject.database
      .query(`create function :"schema".refuse_once(uuid, text, text, text, text, text, jsonb)
      returns void language plpgsql as $$ begin
        if $4 = 'completed' and nextval('"${subject.database.schema}".hook_calls') = 1 then raise exception 'no'; end if;
      end $$`);
    await subject.database.query(
      `select :"schema".register_type('essay', '"${subject.database.schema}".refuse_once'::regproc::regprocedure)`,
    );

    const id = await finish(subject, essay);

    expect(await subject.rows()).toEqual(words("try 2"));
    const message = "The effect of this phase failed. The hook of its type raised.";
    expect(await subject.client.getJob(id)).toMatchObject({
      state: "completed",
      failures: 1,
      message,
    });
  });

  test("that waits for something else for too long is charged", async () => {
    let tries = 0;
    const essay = essayOf({
      name: "draft",
      async effect(transaction) {
        tries += 1;
        await write(transaction, subject.database, `try ${tries}`);
        if (tries === 1) await new Promise(() => undefined);
      },
    });
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    const message = "The effect of this phase failed. It did not end within 8 s.";
    expect(await subject.client.getJob(id)).toMatchObject({ failures: 1, outages: 0, message });
    expect(await subject.rows()).toEqual(words("try 2"));
  });

  test("of a neighbour that fails is none of a job's business", async () => {
    const essay = essayOf({
      name: "draft",
      async effect(transaction, { input }) {
        await write(transaction, subject.database, String(input));
        if (input === "bad") throw new Error("no");
      },
    });
    await using subject = await setup(essay);
    await subject.client.enqueueMany(essay, ["good", "bad", "better"]);

    await subject.worker.start();
    await subject.recorder.waitFor("job.dead");

    const rows = await subject.rows();
    expect(rows.map((row) => String(row["words"])).toSorted()).toEqual(["better", "good"]);
  });

  test("has its transaction for itself only until it ends", async () => {
    let late: PhaseTransaction | undefined;
    const essay = essayOf({
      name: "draft",
      async effect(transaction) {
        late = transaction;
      },
    });
    await using subject = await setup(essay);
    await finish(subject, essay);

    const refusal = await late?.query("select 1").catch((error: unknown) => error);

    expect(WorkerError.is(refusal, "aborted")).toBe(true);
  });
});

describe("a job added by a phase", () => {
  const letter = definePipeline({
    type: "letter",
    version: 1,
    input: z.strictObject({ to: z.string() }),
    phases: [{ name: "send", output: z.unknown() }],
  });
  const letters = (subject: HostSubject): Promise<readonly TestRow[]> =>
    subject.database.query(`select j.payload, r.priority from :"schema".job as j
      join :"schema".ready as r on r.job_id = j.id where j.type = 'letter' order by j.id`);

  test("is there when the phase is done", async () => {
    const essay = essayOf({
      name: "draft",
      async run(_, context) {
        context.enqueue(letter, { to: "Ada" }, { priority: 1 });
        context.enqueue(letter, { to: "Bob" });
        expect(await letters(subject)).toEqual([]);
        return resultOf("written");
      },
    });
    await using subject = await setup(essay);

    const id = await finish(subject, essay);

    expect((await subject.client.getJob(id))?.state).toBe("completed");
    expect(await letters(subject)).toEqual([
      { payload: { to: "Ada" }, priority: 1 },
      { payload: { to: "Bob" }, priority: 5 },
    ]);
  });

  test("is not there after an attempt that failed", async () => {
    const essay = essayOf({
      name: "draft",
      async run(_, context) {
        context.enqueue(letter, { to: `attempt ${context.attempt}` });
        if (context.attempt === 1) throw new Error("no");
        return resultOf("written");
      },
    });
    await using subject = await setup(essay);

    await finish(subject, essay);

    expect(await letters(subject)).toMatchObject([{ payload: { to: "attempt 2" } }]);
  });

  test("comes with its phase again when the effect failed", async () => {
    let tries = 0;
    const essay = essayOf({
      name: "draft",
      async run(_, context) {
        context.enqueue(letter, { to: `attempt ${context.attempt}` });
        return resultOf("written");
      },
      async effect() {
        tries += 1;
        if (tries === 1) throw new Error("no");
      },
    });
    await using subject = await setup(essay);

    await finish(subject, essay);

    expect(await letters(subject)).toMatchObject([{ payload: { to: "attempt 2" } }]);
  });

  test("with a key that is taken is the one that is there", async () => {
    const essay = essayOf({
      name: "draft",
      async run(_, context) {
        for (const to of ["Ada", "Bob"]) context.enqueue(letter, { to }, { idempotencyKey: "one" });
        return resultOf("written");
      },
    });
    await using subject = await setup(essay);

    await finish(subject, essay);

    expect(await letters(subject)).toMatchObject([{ payload: { to: "Ada" } }]);
  });

  test("is checked when it is asked for", async () => {
    const messages: unknown[] = [];
    const essay = essayOf({
      name: "draft",
      async run(_, context) {
        const refused: readonly ((context: PhaseContext) => void)[] = [
          (on) => on.enqueue(letter, { to: 1 as never }, { priority: 12 }),
          (on) => {
            for (let count = 0; count <= 1_000; count += 1) on.enqueue(letter, { to: "Ada" });
          },
        ];
        for (const refuse of refused) {
          try {
            refuse(context);
          } catch (error) {
            messages.push(WorkerError.is(error) ? error.message : error);
          }
        }
        throw new WorkerError("input_invalid", "Refused.");
      },
    });
    await using subject = await setup(essay);

    await finish(subject, essay);

    expect(messages).toEqual([
      expect.stringMatching(/^Not enqueued: to: .*; priority: /),
      "A phase adds at most 1000 jobs: add the others from those.",
    ]);
    expect(await letters(subject)).toEqual([]);
  });
});
