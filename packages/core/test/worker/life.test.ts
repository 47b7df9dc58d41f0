import { describe, expect, test } from "bun:test";

import { createWorker, WorkerError } from "@leasehold/core";
import { createTestDatabase, drain, waitForEvent } from "@leasehold/core/testing";
import postgres from "postgres";

import { startProxy } from "../support/proxy.ts";
import { connectionOptions, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { thrownBy } from "../support/thrown-by.ts";
import {
  aborted,
  adapterOf,
  createGate,
  essayOf,
  resultOf,
  setupWorker,
  storyOf,
} from "../support/worker.ts";

const server = useServer();

const idle = essayOf({ draft: async () => resultOf(1) });
describe("start", () => {
  test("claims what is there and what comes", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [idle] });
    await subject.client.enqueue(idle, {});

    await subject.worker.start();
    await drain(subject.database);
    await subject.client.enqueue(idle, {});
    await drain(subject.database);

    const completed = subject.recorder.names().filter((name) => name === "job.completed");
    expect(completed).toHaveLength(2);
    expect([subject.worker.state(), subject.worker.inFlight()]).toEqual(["running", 0]);
  });

  test("is refused twice, and after a stop", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [idle] });
    await subject.worker.start();

    const twice = await thrownBy(subject.worker.start());
    await subject.worker.stop();
    const after = await thrownBy(subject.worker.start());

    expect([twice, after]).toMatchObject([{ code: "config_invalid" }, { code: "config_invalid" }]);
    expect(String(after)).toContain("this one is stopped");
  });

  test("names migrate when the schema is missing", async () => {
    const { url } = await server();
    await using worker = createWorker({ connection: url, schema: "nowhere", pipelines: [idle] });

    const error = await thrownBy(worker.start());

    expect(error).toMatchObject({ code: "schema_outdated", scope: "config" });
    expect(String(error)).toContain("run migrate");
  });

  test("names both versions when the schema is older", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [idle] });
    await subject.database.query(`delete from :"schema".schema_migration where bundle = 'core'`);

    const error = await thrownBy(subject.worker.start());

    expect(error).toMatchObject({ code: "schema_outdated", scope: "config" });
    expect(String(error)).toMatch(/at version none, this worker needs \d+:/);
  });

  test("starts on a schema that is newer", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [idle] });
    await subject.database.query(`
      insert into :"schema".schema_migration (bundle, version, name, checksum)
      values ('core', 99, 'from_the_future', '')`);

    await subject.worker.start();

    expect(subject.worker.state()).toBe("running");
  });

  test("names the function that the login may not call", async () => {
    const { url, urlAs } = await server();
    await using database = await createTestDatabase({ connection: url });
    const login = `worker_${crypto.randomUUID().replaceAll("-", "")}`;
    const admin = postgres(urlAs("postgres"), { max: 1 });
    await admin.unsafe(`create role "${login}" login`);
    await database.query(`grant usage on schema :"schema" to "${login}"`);
    await database.query(`grant execute on function :"schema".schema_version to "${login}"`);
    await using worker = createWorker({
      connection: urlAs(login),
      schema: database.schema,
      pipelines: [idle],
    });

    const error = await thrownBy(worker.start());
    await admin.unsafe(`drop owned by "${login}"`);
    await admin.unsafe(`drop role "${login}"`);
    await admin.end();

    expect(error).toMatchObject({ code: "grant_missing", scope: "config" });
    expect(String(error)).toContain("declare_lanes");
  });

  test("may be called again when Postgres was away", async () => {
    const worker = createWorker({ connection: "postgres://u@127.0.0.1:1/d", pipelines: [idle] });

    const errors = [await thrownBy(worker.start()), await thrownBy(worker.start())];
    const state = worker.state();
    await worker.stop();

    const away = { code: "database_unavailable", retryable: true };
    expect(errors).toMatchObject([away, away]);
    expect([state, worker.state()]).toEqual(["new", "stopped"]);
  });
});

describe("createWorker", () => {
  test.each([
    ["no pipeline", { pipelines: [] }, "pipelines must not be empty"],
    ["a phase that nobody runs", { pipelines: [essayOf({ draft: undefined })] }, "no adapter"],
    [
      "a phase that two adapters run",
      {
        pipelines: [essayOf({ draft: undefined })],
        adapters: [adapterOf(async () => resultOf(1)), adapterOf(async () => resultOf(2))],
      },
      "several adapters",
    ],
    ["a pipeline twice", { pipelines: [idle, idle] }, "registered twice"],
    ["a setting that is none", { pipelines: [idle], concurrency: 0 }, "concurrency"],
    ["a setting that nobody knows", { pipelines: [idle], concurency: 3 }, "concurency"],
  ])("refuses %s", async (_, options, words) => {
    let error: unknown;

    try {
      createWorker({ connection: "postgres://u@127.0.0.1:1/d", ...options });
    } catch (thrown) {
      error = thrown;
    }

    expect(error).toMatchObject({ code: "config_invalid", scope: "config" });
    expect(String(error)).toContain(words);
  });
});

describe("stop", () => {
  test("lets a job finish within the grace period", async () => {
    const started = createGate();
    const release = createGate();
    const essay = essayOf({
      draft: async () => {
        started.open();
        await release.opened;
        return resultOf(1);
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      graceSeconds: 20,
    });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await started.opened;

    const stopping = subject.worker.stop();
    const left = await subject.client.enqueue(essay, {});
    const during = subject.worker.state();
    release.open();
    await stopping;

    expect([during, subject.worker.state()]).toEqual(["stopping", "stopped"]);
    expect(await subject.client.getJob(id)).toMatchObject({ state: "completed" });
    expect(await subject.client.getJob(left.id)).toMatchObject({ state: "queued" });
  });

  test("aborts what is left after the grace period, and gives it back at once and uncharged", async () => {
    const reasons: unknown[] = [];
    const essay = essayOf({
      draft: async (_, { signal }) => {
        await aborted(signal);
        reasons.push(signal.reason);
        throw signal.reason;
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      graceSeconds: 0,
    });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    await subject.worker.stop();

    expect(WorkerError.is(reasons[0], "worker_stopping")).toBe(true);
    const job = await subject.client.getJob(id);
    expect(job).toMatchObject({ state: "queued", failures: 0, losses: 0, outages: 0 });
    expect(job?.attempts).toMatchObject([{ outcome: "released", code: "worker_stopping" }]);
    expect(job?.dueAt?.getTime()).toBeLessThanOrEqual(Date.now());
    expect(storyOf(subject).slice(-4)).toEqual([
      "worker.stopping",
      "phase.ended",
      "job.released",
      "worker.stopped",
    ]);
  });

  test("does not wait for an adapter that does not obey, and gives its job back", async () => {
    const hung = createGate();
    const essay = essayOf({
      draft: async () => {
        await hung.opened;
        return resultOf("much too late");
      },
    });
    await using subject = await setupWorker(await server(), {
      pipelines: [essay],
      graceSeconds: 0,
    });
    const { id } = await subject.client.enqueue(essay, {});
    await subject.worker.start();
    await subject.recorder.waitFor("phase.started");

    await subject.worker.stop();
    hung.open();

    expect(subject.recorder.names()).toContain("adapter.abandoned");
    expect(await subject.client.getJob(id)).toMatchObject({ state: "queued", losses: 0 });
  });

  test("is one stop, however often it is called", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [idle] });
    await subject.worker.start();

    await Promise.all([subject.worker.stop(), subject.worker.stop()]);
    await subject.worker.stop();

    const ends = subject.recorder.names().filter((name) => name === "worker.stopped");
    expect(ends).toHaveLength(1);
  });

  test("before a start is a stop, too, and no start comes after it", async () => {
    await using subject = await setupWorker(await server(), { pipelines: [idle] });

    const stopping = subject.worker.stop();
    const late = await thrownBy(subject.worker.start());
    await stopping;

    expect(late).toMatchObject({ code: "config_invalid" });
    expect(subject.worker.state()).toBe("stopped");
    expect(subject.recorder.names()).toEqual([]);
  });

  test("during a start stops what the start began", async () => {
    const testServer = await server();
    const { path, ...login } = connectionOptions(testServer.workerUrl);
    await using proxy = await startProxy(path);
    await using subject = await setupWorker(testServer, { pipelines: [idle] });
    const { worker, recorder } = subject.addWorker({ connection: { ...login, path: proxy.path } });

    const starting = thrownBy(worker.start());
    await worker.stop();
    await starting;
    const { id } = await subject.client.enqueue(idle, {});

    expect(worker.state()).toBe("stopped");
    expect(recorder.names().at(-1)).toBe("worker.stopped");
    await proxy.left();
    expect((await subject.client.getJob(id))?.state).toBe("queued");
  });

  test("leaves no timer and no connection behind", async () => {
    await using queue = await setupQueue(await server());
    const program = `
      import { createWorker } from "${import.meta.resolve("../../src/worker/worker.ts")}";
      import { definePipeline } from "${import.meta.resolve("../../src/pipeline.ts")}";
      import { z } from "zod";
      const pipeline = definePipeline({ type: "essay", version: 1, input: z.unknown(),
        phases: [{ name: "draft", output: z.unknown(), run: () => new Promise(() => {}) }] });
      const worker = createWorker({ connection: ${JSON.stringify(queue.url)},
        schema: ${JSON.stringify(queue.schema)}, pipelines: [pipeline], graceSeconds: 0,
        abandonSeconds: 0.1, leaseSeconds: 30, renewSeconds: 0.01 });
      const claimed = new Promise((resolve) =>
        worker.subscribe(({ name }) => name === "lease.renewed" && resolve()));
      await worker.start();
      await claimed;
      await worker.stop();`;
    await queue.enqueue();
    const child = Bun.spawn([process.execPath, "--eval", program], {
      cwd: import.meta.dir,
      stdout: "inherit",
      stderr: "inherit",
    });

    // It ends by itself, long before its lease does.
    const code = await Promise.race([child.exited, Bun.sleep(15_000)]);
    child.kill("SIGKILL");

    expect(code).toBe(0);
  });
});

test("events of a listener that throws reach the others", async () => {
  await using subject = await setupWorker(await server(), { pipelines: [idle] });
  subject.worker.subscribe(() => {
    throw new Error("An observer's own trouble.");
  });
  const completed = waitForEvent(subject.worker, "job.completed");
  const { id } = await subject.client.enqueue(idle, {});

  await subject.worker.start();

  expect((await completed).jobId).toBe(id);
});
