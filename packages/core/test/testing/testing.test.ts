import { describe, expect, test } from "bun:test";

import type { EventSource, WorkerEvent, WorkerEventListener } from "@leasehold/core";
import { createTestDatabase, drain, recordEvents, waitForEvent } from "@leasehold/core/testing";
import postgres from "postgres";

import { setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { essayOf, resultOf, setupWorker } from "../support/worker.ts";

const server = useServer();

const quick = essayOf({ draft: async () => resultOf(1) });

describe("createTestDatabase", () => {
  test("gives each test a schema of its own, and drops it", async () => {
    const { url } = await server();
    const sql = postgres(url, { max: 1 });
    const exists = async (name: string): Promise<boolean> =>
      (await sql`select from pg_namespace where nspname = ${name}`).length === 1;

    const [one, two] = await Promise.all([
      createTestDatabase({ connection: url }),
      createTestDatabase({ connection: url, schema: "chosen by the test" }),
    ]);
    const during = [await exists(one.schema), await exists(two.schema)];
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    const after = [await exists(one.schema), await exists(two.schema)];
    await sql.end();

    expect(one.schema).toStartWith("leasehold_test_");
    expect(two.schema).toBe("chosen by the test");
    expect([during, after]).toEqual([
      [true, true],
      [false, false],
    ]);
  });

  test("moves its clock as the test says, and time goes on", async () => {
    const { url } = await server();
    await using database = await createTestDatabase({ connection: url });
    const offset = async (): Promise<number> => {
      const [row] = await database.query(
        `select round(extract(epoch from :"schema".clock() - clock_timestamp()))::integer as seconds`,
      );
      return Number(row?.["seconds"]);
    };

    const before = await offset();
    await database.advance(3_600_000);
    await database.advance(-60_000);

    expect([before, await offset()]).toEqual([0, 3_540]);
    const [row] = await database.query(
      `select :"schema".clock() as first, pg_sleep(0.002), :"schema".clock() as second`,
    );
    expect(row?.["second"]).not.toEqual(row?.["first"]);
  });

  test("has the SQL of other packages, and hands parameters on", async () => {
    const { url } = await server();
    const notes = {
      name: "notes",
      migrations: [
        { version: 1, name: "create_note", text: 'create table :"schema".note (text text);' },
      ],
      definitions: [],
    };
    await using database = await createTestDatabase({ connection: url, bundles: [notes] });

    await database.query('insert into :"schema".note values ($1)', ["it's"]);

    expect(await database.query('select text from :"schema".note')).toEqual([{ text: "it's" }]);
  });

  test("wakes a sleeping worker for what became due", async () => {
    await using subject = await setupWorker(await server(), {
      pipelines: [quick],
      pollSeconds: 60,
      pollSecondsMax: 60,
    });
    const { id } = await subject.client.enqueue(quick, {}, { delayMs: 3_600_000 });
    await subject.worker.start();
    const first = await subject.client.enqueue(quick, {});
    await subject.client.waitForJob(first.id);

    await subject.database.advance(3_600_000);

    expect((await subject.client.waitForJob(id)).state).toBe("completed");
  });
});

describe("drain", () => {
  test("resolves when everything that was enqueued is done", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [quick] });
    const answers = await subject.client.enqueueMany(quick, [1, 2, 3, 4, 5, 6, 7, 8]);
    await subject.worker.start();

    await drain(subject.database);

    const jobs = await Promise.all(answers.map(({ id }) => subject.client.getJob(id)));
    expect(jobs.map((job) => job?.state)).toEqual(answers.map(() => "completed"));
  });

  test("leaves a job alone that waits for its time", async () => {
    await using queue = await setupQueue(await server());
    await queue.enqueue({ delayMs: 60_000 });

    await drain(queue.database);

    await queue.database.advance(60_000);
    const late = await drain(queue.database, { timeoutMs: 0 }).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(Error);
  });

  test("says what is left when nobody does it", async () => {
    await using queue = await setupQueue(await server());
    await queue.enqueue();
    await queue.enqueue();
    await queue.enqueue({ type: "errand", phase: "run" });
    await queue.claim({ limit: 1 });

    const late = await drain(queue.database, { timeoutMs: 20 }).catch((error: unknown) => error);

    expect(String(late)).toBe(
      'Error: Not drained within 20 ms: 1 due of type "errand", 1 due of type "essay", 1 leased of type "essay" left.',
    );
  });
});

/** An event source that a test speaks for. */
function createSource(): EventSource & {
  readonly tell: (event: WorkerEvent) => void;
  readonly listeners: Set<WorkerEventListener>;
} {
  const listeners = new Set<WorkerEventListener>();
  return {
    listeners,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(event) {
      for (const listener of listeners) listener(event);
    },
  };
}

const started: WorkerEvent = { name: "worker.started", worker: "w" };
const renewed: WorkerEvent = { name: "lease.renewed", count: 2 };

describe("waitForEvent", () => {
  test("resolves with the next event of a name, or that a predicate takes", async () => {
    const source = createSource();
    const byName = waitForEvent(source, "lease.renewed");
    const byPredicate = waitForEvent(source, (event) => event.name === "worker.started");

    source.tell(started);
    source.tell(renewed);

    expect((await byName).count).toBe(2);
    expect(await byPredicate).toBe(started);
    expect(source.listeners.size).toBe(0);
  });

  test("says what came instead when it did not come in time", async () => {
    const source = createSource();
    const late = waitForEvent(source, "job.dead", { timeoutMs: 5 }).catch(
      (error: unknown) => error,
    );
    const none = waitForEvent(source, () => false, { timeoutMs: 5 }).catch(
      (error: unknown) => error,
    );

    source.tell(started);

    expect(String(await late)).toBe('Error: No "job.dead" within 5 ms; seen: worker.started.');
    expect(String(await none)).toBe("Error: No such event within 5 ms; seen: worker.started.");
    expect(source.listeners.size).toBe(0);
  });

  test("rejects when its predicate throws", async () => {
    const source = createSource();
    const waiting = waitForEvent(source, () => {
      throw new Error("a typo");
    }).catch((error: unknown) => error);

    source.tell(started);

    expect(await waiting).toEqual(new Error("a typo"));
  });
});

describe("recordEvents", () => {
  test("keeps what was told, also for who asks late, until it is disposed", async () => {
    const source = createSource();
    const recorder = recordEvents(source);
    source.tell(started);
    source.tell(renewed);

    const early = await recorder.waitFor("worker.started");
    recorder[Symbol.dispose]();
    source.tell(started);

    expect(early).toBe(started);
    expect(recorder.events).toEqual([started, renewed]);
    expect(recorder.names()).toEqual(["worker.started", "lease.renewed"]);
    expect(source.listeners.size).toBe(0);
  });
});
