import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import { readDemoLine } from "./support/demo-line.ts";
import {
  chatsWith,
  explanation,
  type FakeOllama,
  type FakeOllamaOptions,
  feedback,
  models,
  startFakeOllama,
  transcript,
} from "./support/fake-ollama.ts";
import { readMetrics } from "./support/metrics.ts";
import { createTcpRelay, type TcpRelay } from "./support/tcp-relay.ts";
import { type Bench, samples, useCluster, type Variables } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

interface LocalBench extends Bench {
  readonly ollama: FakeOllama;
  /** Where the worker looks for Ollama. It leads there once it is opened. */
  readonly relay: TcpRelay;
}

async function setup(
  variables: Variables = {},
  options: FakeOllamaOptions = {},
): Promise<LocalBench> {
  const ollama = await startFakeOllama(options);
  const relay = await createTcpRelay({ port: Number(new URL(ollama.url).port), host: "127.0.0.1" });
  const bench = await cluster.setup({
    AI_BACKEND: "local",
    AI_VISION_MODEL: models.vision,
    AI_FEEDBACK_MODEL: models.feedback,
    OLLAMA_BASE_URL: `http://127.0.0.1:${relay.port}`,
    WORKER_POLL_INTERVAL: "0.2",
    ...variables,
  });
  return {
    ...bench,
    ollama,
    relay,
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
      await ollama[Symbol.asyncDispose]();
    },
  };
}

const samplePhoto = join(samples, "photo.jpg");
const essay = "Der Bach ist im Sommer schmal. Im März wird er breit und laut.";

test("sends pictures as bytes, texts and every criterion, and completes with what came back", async () => {
  await using bench = await setup();
  await bench.relay.open();

  const demo = await bench.run(["demo", "--in-place", "--json"]);

  const line = readDemoLine(demo.stdout);
  expect(line).toMatchObject({ ok: true, backend: "local" });
  expect(demo.exitCode).toBe(0);
  const pages = await Promise.all(
    chatsWith(models.vision, bench.ollama).map((messages) => measurePage(messages)),
  );
  // A photo, a screenshot and three scanned pages; the letter carries its text.
  expect(pages).toEqual([
    { format: "jpeg", width: 900, height: 1200 },
    { format: "jpeg", width: 777, height: 1100 },
    ...[1, 2, 3].map(() => ({ format: "jpeg", width: 1085, height: 1536 })),
  ]);
  const prompts = chatsWith(models.feedback, bench.ollama).map((messages) =>
    messages.map(({ content }) => content).join("\n"),
  );
  // Each text is judged and then written about.
  expect(prompts).toHaveLength(10);
  for (const prompt of prompts) {
    for (const criterion of ["c1 (0–10): Inhalt", "c2 (0–10): Aufbau", "c3 (0–5): Sprache"]) {
      expect(prompt).toContain(criterion);
    }
  }
  const texts = ["Köcherfliegenlarven", "Klettergerüst", transcript];
  expect(texts.map((text) => prompts.filter((prompt) => prompt.includes(text)).length)).toEqual([
    2, 2, 6,
  ]);
});

test("stores what the models said, with their names and digests", async () => {
  await using bench = await setup();
  await bench.relay.open();
  const photo = await bench.run(["submit", samplePhoto, "--criterion", "Rechenweg:4"]);
  const worker = bench.startWorker();
  await worker.waitForLog("job.completed");

  const report = await bench.store.readSubmission(photo.stdout.trim());

  expect(report).toMatchObject({
    status: "completed",
    text: transcript,
    feedbackMd: feedback,
    analysis: {
      schema: "criteria.v2",
      score: 4,
      criteria_results: [
        {
          criterion: "Rechenweg",
          max_score: 4,
          score: 3,
          explanation_md: `${explanation}\n\n> ${transcript}`,
        },
      ],
    },
    provenance: {
      vision: { adapter: "ollama", model: models.vision, digest: expect.any(String) },
      feedback: { adapter: "ollama", model: models.feedback, digest: expect.any(String) },
    },
  });
  expect(JSON.stringify(report?.provenance)).not.toContain("synthetic");
});

test("waits for a server that is away, charges nobody, and goes on by itself", async () => {
  await using bench = await setup();
  const worker = bench.startWorker();
  const submissions = [
    await bench.run(["submit", "-", "--criterion", "Inhalt"], {}, essay),
    await bench.run(["submit", samplePhoto, "--criterion", "Inhalt"]),
  ].map(({ stdout }) => stdout.trim());
  await worker.waitForLog("job.released", ({ phase }) => phase === "vision");
  await worker.waitForLog("job.released", ({ phase }) => phase === "feedback");

  const backlog = await bench.run(["status"]);
  const [text, photo] = await Promise.all(submissions.map((id) => bench.run(["status", id])));
  await bench.relay.open();
  for (const id of submissions) {
    const { jobId = "" } = (await bench.store.readSubmission(id)) ?? {};
    await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
  }
  const metrics = readMetrics(await (await worker.ask("/metrics")).text());
  const reports = await Promise.all(submissions.map((id) => bench.store.readSubmission(id)));
  const jobs = await Promise.all(reports.map((report) => bench.client.getJob(report?.jobId ?? "")));

  expect(worker.log()).toContainEqual(
    expect.objectContaining({
      msg: "job.released",
      reason: "outage",
      code: "backend_unreachable",
    }),
  );
  expect(backlog.stdout).toContain(
    "2 jobs met a backend that was down; they are tried again, uncharged.",
  );
  expect(text?.stdout).toContain(": pending (feedback_retrying)\n");
  expect(photo?.stdout).toContain(": pending (vision_retrying)\n");
  expect(photo?.stdout).toMatch(/^ {2}0 failures, 0 losses, [1-9]\d* outages$/m);
  expect(photo?.stdout).toContain("  last trouble: backend_unreachable: Ollama (127.0.0.1:");
  expect(reports.map((report) => report?.status)).toEqual(["completed", "completed"]);
  for (const phase of ["vision", "feedback"]) {
    // An outage shows in both: it is tried again, and it was nobody's fault.
    const outages = metrics.get(`ai_worker_outage_total{phase="${phase}"}`);
    expect(outages).toBeGreaterThan(0);
    expect(metrics.get(`ai_worker_retry_total{phase="${phase}"}`)).toBe(outages);
  }
  for (const job of jobs) {
    expect(job).toMatchObject({ failures: 0, losses: 0 });
    expect(job?.outages).toBeGreaterThan(0);
  }
});

test("waits for a model that is not there, and says which", async () => {
  await using bench = await setup({ AI_FEEDBACK_MODEL: "never-pulled:70b" });
  await bench.relay.open();
  const worker = bench.startWorker();
  const { stdout: id } = await bench.run(["submit", "-", "--criterion", "Inhalt"], {}, essay);
  const released = await worker.waitForLog("job.released");

  const status = await bench.run(["status", id.trim()]);

  expect(released).toMatchObject({ reason: "outage", code: "model_missing" });
  expect(status.stdout).toContain(": pending (feedback_retrying)\n");
  expect(status.stdout).toMatch(/^ {2}0 failures, 0 losses, 1 outages$/m);
  expect(status.stdout).toContain(
    `last trouble: model_missing: Ollama (127.0.0.1:${bench.relay.port}/never-pulled:70b): ` +
      "the server does not have this model; pull it there",
  );
});

test("gives up a model after the seconds that the environment names", async () => {
  await using bench = await setup(
    { AI_TIMEOUT_VISION: "1", AI_TIMEOUT_FEEDBACK: "1", WORKER_CONCURRENCY: "2" },
    { script: ({ kind }) => (kind === "chat" ? { kind: "silence" } : undefined) },
  );
  await bench.relay.open();
  const worker = bench.startWorker();
  await bench.run(["submit", "-", "--criterion", "Inhalt"], {}, essay);
  await bench.run(["submit", samplePhoto, "--criterion", "Inhalt"]);

  const released = await Promise.all(
    ["vision", "feedback"].map((wanted) =>
      worker.waitForLog("job.released", ({ phase }) => phase === wanted),
    ),
  );

  // By themselves they would wait for five minutes, which is longer than this test does.
  for (const release of released) {
    expect(release).toMatchObject({ reason: "outage", code: "backend_timeout" });
  }
});

test("tells who looks on at a demonstration what is missing", async () => {
  await using bench = await setup();

  const away = await bench.run(["demo", "--in-place", "--json"]);
  await bench.sql`select leasehold.cancel_job(id) from leasehold.job_overview`;
  await bench.relay.open();
  const missing = await bench.run(["demo", "--in-place", "--json"], {
    AI_FEEDBACK_MODEL: "never-pulled:70b",
  });

  expect([away.exitCode, missing.exitCode]).toEqual([1, 1]);
  expect(lastLineOf(away.stderr)).toStartWith(
    `backend_unreachable: The model server does not do its part (backend_unreachable): Ollama (127.0.0.1:${bench.relay.port}`,
  );
  expect(lastLineOf(missing.stderr)).toContain("/never-pulled:70b): the server does not have");
  expect(away.stdout + missing.stdout).toBe("");
});

/** What the one picture of a chat is, by its bytes. */
async function measurePage(
  messages: ReturnType<typeof chatsWith>[number],
): Promise<{ readonly format: string; readonly width: number; readonly height: number }> {
  const [picture = "", ...others] = messages.flatMap(({ images = [] }) => images);
  expect(others).toEqual([]);
  const { format, width, height } = await new Bun.Image(Buffer.from(picture, "base64")).metadata();
  return { format, width, height };
}

function lastLineOf(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

test("tries a submission again whose answers do not hold, when the environment wants nothing less", async () => {
  await using bench = await setup(
    { LEASEHOLD_FEEDBACK_FALLBACKS: "none" },
    { script: ({ kind }) => (kind === "chat" ? { kind: "answer", text: "Quatsch." } : undefined) },
  );
  await bench.relay.open();
  const worker = bench.startWorker();

  await bench.run(["submit", "-", "--criterion", "Inhalt"], {}, essay);

  expect(await worker.waitForLog("job.retried")).toMatchObject({ code: "output_invalid" });
  expect(worker.log().map(({ msg }) => msg)).not.toContain("fallback.taken");
});
