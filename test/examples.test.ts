import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { type Client, createClient, createWorker, migrate } from "@leasehold/core";
import { type EventRecorder, recordEvents } from "@leasehold/core/testing";
import { startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import {
  createFolderStorage,
  createLearningStore,
  createMediaPreparer,
  feedbackOutput,
  learningSql,
  type LearningStore,
  submissionPipeline,
  type SubmissionReport,
} from "@leasehold/learning";
import { createTextServiceAdapter } from "example-custom-adapter";
import { startTextService, type TextService } from "example-custom-adapter/testing";

import { patienceMs, type ProgramEnd, spawnProgram } from "./support/spawned-program.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";

const root = join(import.meta.dirname, "..");
const samples = join(root, "examples/submissions");
const timeoutMs = 2 * patienceMs;

describe("the minimal host", () => {
  test(
    "needs no configuration to take a reading, work it and leave in order",
    async () => {
      await using host = await startHost();

      const id = await host.post("The fox is quick. It jumps.");
      const reading = await host.waitForSummary(id);
      const end = await host.stop("SIGTERM");

      expect(reading).toEqual({ id, summary: "The fox is quick." });
      expect(end).toEqual({
        exitCode: 0,
        signal: null,
        stdout: `Listening on ${host.url}\n`,
        stderr: "",
      });
    },
    timeoutMs,
  );

  test(
    "shows its health to its operator and its numbers to every scraper",
    async () => {
      await using database = await openDatabase();
      const token = crypto.randomUUID();
      await using host = await startHost({ DATABASE_URL: database.url, OPERATOR_TOKEN: token });
      await host.waitForSummary(await host.post("The fox is quick."));

      const [live, ready, stranger, operator, metrics] = await Promise.all([
        host.get("/livez"),
        host.get("/readyz"),
        host.get("/internal/health"),
        host.get("/internal/health", { authorization: `Bearer ${token}` }),
        host.waitForMetric('ai_worker_processed_total{status="completed"} 1'),
      ]);

      expect([live.status, ready.status, stranger.status]).toEqual([200, 200, 401]);
      expect(operator.status).toBe(200);
      expect(await operator.json()).toEqual({
        status: "healthy",
        currentRole: expect.any(String),
        checks: [],
      });
      expect(metrics).toContain('ai_worker_failed_total{error_code="adapter_unknown"} 0');
      expect(metrics).not.toContain("fox");
    },
    timeoutMs,
  );

  test(
    "loses no reading that it took when it is told to stop",
    async () => {
      await using database = await openDatabase();
      await using first = await startHost({ DATABASE_URL: database.url });
      const ids = await Promise.all(Array.from({ length: 20 }, () => first.post("The fox.")));
      const { exitCode } = await first.stop("SIGTERM");

      await using second = await startHost({ DATABASE_URL: database.url });
      const readings = await Promise.all(ids.map((id) => second.waitForSummary(id)));

      expect(exitCode).toBe(0);
      expect(readings.map(({ summary }) => summary)).toEqual(ids.map(() => "The fox."));
    },
    timeoutMs,
  );
});

describe("the custom adapter, in a worker", () => {
  const provenance = { adapter: "text-service@1", model: "tiny", digest: expect.any(String) };

  test(
    "assesses a text by the criteria of the submission and says what judged it",
    async () => {
      await using bench = await setupAdapter();

      const report = await bench.work({ kind: "text", text: "The fox is quick.\n\nIt jumps." });

      expect(report).toMatchObject({
        status: "completed",
        analysis: {
          schema: "criteria.v2",
          criteria_results: [{ max_score: 10 }, { max_score: 5 }],
        },
        provenance: {
          vision: { skipped: "text_submission" },
          feedback: { ...provenance, program: "learning.feedback" },
        },
      });
      expect(isFeedback(report)).toBe(true);
    },
    timeoutMs,
  );

  test(
    "reads a picture before it assesses what it read",
    async () => {
      await using bench = await setupAdapter();
      const bytes = await readFile(join(samples, "page.png"));

      const report = await bench.work({
        kind: "image",
        storageKey: "page.png",
        mediaType: "image/png",
        bytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      });

      expect(report).toMatchObject({
        status: "completed",
        text: expect.stringContaining("[stub vision] images=1"),
        provenance: { vision: { ...provenance, pages: 1 }, feedback: provenance },
      });
      expect(isFeedback(report)).toBe(true);
    },
    timeoutMs,
  );

  test(
    "charges nobody while its service is down",
    async () => {
      await using bench = await setupAdapter();
      await bench.service[Symbol.asyncDispose]();

      const { jobId } = await bench.submit({ kind: "text", text: "The fox is quick." });
      const released = await bench.events.waitFor("job.released", { timeoutMs: patienceMs });

      expect(released).toMatchObject({ jobId, reason: "outage", code: "backend_unreachable" });
      expect(await bench.client.getJob(jobId)).toMatchObject({
        state: "queued",
        failures: 0,
        outages: 1,
      });
    },
    timeoutMs,
  );
});

interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** A fresh database on the server that all test processes share. */
async function openDatabase(): Promise<TestDatabase> {
  const server = await startEmbeddedPostgres({
    dataDir: join(tmpdir(), `leasehold-tests-${userInfo().uid}`),
    durability: "none",
  });
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  return {
    url: await server.createDatabase(name),
    async [Symbol.asyncDispose]() {
      await server.dropDatabase(name);
      await server.stop();
    },
  };
}

interface Reading {
  readonly id: string;
  readonly summary: string | null;
}

/** The example as its reader starts it: a process of its own, known by its address only. */
interface Host extends AsyncDisposable {
  readonly url: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Answers the id of the new reading. */
  post(body: string): Promise<string>;
  waitForSummary(id: string): Promise<Reading>;
  /** Answers the metrics as soon as they hold the line. */
  waitForMetric(line: string): Promise<string>;
  stop(signal: NodeJS.Signals): Promise<ProgramEnd>;
}

async function startHost(environment: Readonly<Record<string, string>> = {}): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const home = stack.use(await createTemporaryDirectory());
  const program = stack.use(
    spawnProgram(["run", join(root, "examples/minimal-host")], {
      // Its own Postgres lies below the folder that it is started in.
      cwd: home.path,
      env: { PATH: process.env["PATH"] ?? "", HOME: home.path, PORT: "0", ...environment },
    }),
  );
  const stop: Host["stop"] = async (signal) => {
    program.signal(signal);
    const timer = setTimeout(() => program.signal("SIGKILL"), patienceMs);
    const end = await program.ended;
    clearTimeout(timer);
    return end;
  };
  // In order also when the test failed: its own Postgres would outlive a host that was killed.
  stack.defer(async () => void (await stop("SIGTERM")));
  const url = await program.waitFor(
    "address",
    ({ stdout }) => /^Listening on (\S+)\n/.exec(stdout)?.[1],
  );
  const get: Host["get"] = (path, headers = {}) => fetch(`${url}${path}`, { headers });
  const resources = stack.move();
  return {
    url,
    get,
    async post(body) {
      const response = await fetch(`${url}/readings`, { method: "POST", body });
      expect(response.status).toBe(202);
      return ((await response.json()) as Reading).id;
    },
    waitForSummary: (id) =>
      waitUntil(
        async () => (await (await get(`/readings/${id}`)).json()) as Reading,
        ({ summary }) => summary !== null,
      ),
    waitForMetric: (line) =>
      waitUntil(
        async () => await (await get("/metrics")).text(),
        (text) => text.includes(line),
      ),
    stop,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Asks again until the answer is the wanted one, for what only HTTP tells. */
async function waitUntil<Answer>(
  ask: () => Promise<Answer>,
  isWanted: (answer: Answer) => boolean,
): Promise<Answer> {
  const over = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > over) throw new Error("What was waited for did not come.");
    await Bun.sleep(20);
  }
}

type Content = Parameters<LearningStore["submit"]>[0]["content"];

interface AdapterBench extends AsyncDisposable {
  readonly service: TextService;
  readonly client: Client;
  readonly events: EventRecorder;
  submit(content: Content): Promise<{ readonly id: string; readonly jobId: string }>;
  /** Submits, waits for the end of the job and answers what became of the submission. */
  work(content: Content): Promise<SubmissionReport>;
}

/** A worker with the custom adapter on a database of its own, and the service that the adapter asks. */
async function setupAdapter(): Promise<AdapterBench> {
  await using stack = new AsyncDisposableStack();
  const { url: connection } = stack.use(await openDatabase());
  await migrate({ connection, bundles: [learningSql] });
  const service = stack.use(startTextService());
  const adapter = createTextServiceAdapter({
    baseUrl: service.url,
    model: "tiny",
    storage: createFolderStorage({ root: samples }),
    media: stack.use(createMediaPreparer()),
  });
  const client = stack.use(createClient({ connection }));
  const store = stack.use(createLearningStore({ connection }));
  const worker = stack.use(
    createWorker({ connection, pipelines: [submissionPipeline], adapters: [adapter] }),
  );
  const events = stack.use(recordEvents(worker));
  await worker.start();
  const submit: AdapterBench["submit"] = (content) =>
    store.submit({
      studentSub: "learner-1",
      content,
      criteria: ["Content", { name: "Language", maxScore: 5 }],
      language: "en",
    });
  const resources = stack.move();
  return {
    service,
    client,
    events,
    submit,
    async work(content) {
      const { id, jobId } = await submit(content);
      await client.waitForJob(jobId, { signal: AbortSignal.timeout(patienceMs) });
      const report = await store.readSubmission(id);
      if (report === undefined) throw new Error("The submission is gone.");
      return report;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function isFeedback({ feedbackMd, analysis, path, needsReview }: SubmissionReport): boolean {
  return feedbackOutput.safeParse({ feedbackMd, analysis, path, needsReview }).success;
}
