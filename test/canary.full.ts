import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { submissionPipeline } from "@leasehold/learning";

import { findLeaks, readSinks } from "./support/canary.ts";
import { createTcpRelay, type TcpRelay } from "./support/tcp-relay.ts";
import { startTraceCollector, type TraceCollector } from "./support/trace-collector.ts";
import { storeUpload } from "./support/uploads.ts";
import { type Bench, useCluster, type Variables } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

/** Words that belong to learners, teachers and operators. Each is found nowhere else. */
const canaries = {
  essay: "zeisig-aufsatz-7f3a",
  page: "zeisig-seite-7f3a",
  student: "zeisig-schueler-7f3a",
  tenant: "zeisig-schule-7f3a",
  criterion: "zeisig-kriterium-7f3a",
  hints: "zeisig-loesung-7f3a",
  password: "zeisig-passwort-7f3a",
  token: "zeisig-betreiber-wort-7f3a",
  key: "zeisig-schluessel-7f3a",
} as const;

interface CanaryBench extends Bench {
  readonly relay: TcpRelay;
  readonly collector: TraceCollector;
  readonly secrets: Variables;
}

/** A database behind an address with a password, and a collector that wants a key. */
async function setup(): Promise<CanaryBench> {
  const bench = await cluster.setup();
  const { name, socketPath } = bench.database;
  const relay = await createTcpRelay({ path: socketPath });
  await relay.open();
  const collector = startTraceCollector();
  await bench.sql`select leasehold.register_type('learning.submission', p_backoff_base_ms => 50)`;
  return {
    ...bench,
    relay,
    collector,
    secrets: {
      LEARNING_DATABASE_URL: `postgresql://leasehold:${canaries.password}@127.0.0.1:${relay.port}/${name}`,
      LEASEHOLD_OPERATOR_TOKEN: canaries.token,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${canaries.key}`,
      OPENAI_API_KEY: canaries.key,
      LEASEHOLD_STUB_MARKERS: "on",
      WORKER_POLL_INTERVAL: "0.1",
      LOG_LEVEL: "debug",
    },
    async [Symbol.asyncDispose]() {
      await bench[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
      await collector[Symbol.asyncDispose]();
    },
  };
}

/** What the stub acts out: one for each class of failure. */
const acts = [
  "transient 1",
  "invalid 1",
  "truncated 1",
  "outage 1",
  "busy 1",
  "timeout 1",
  "permanent",
];

/** One submission for every way to end but a crash. */
async function submitAll(bench: CanaryBench): Promise<readonly string[]> {
  const request = {
    studentSub: canaries.student,
    criteria: [canaries.criterion],
    hints: canaries.hints,
  };
  const upload = await storeUpload(bench, Buffer.from(`%PDF-1.7 ${canaries.page}\n%%EOF\n`), {
    storageKey: `${canaries.page}.pdf`,
    mediaType: "application/pdf",
  });
  const texts = ["", ...acts.map((act) => `[[stub: ${act}]]`)].map((marker) => ({
    kind: "text" as const,
    text: `${canaries.essay} ${marker}`,
  }));
  const submitted = await Promise.all(
    [...texts, upload].map((content) => bench.store.submit({ ...request, content })),
  );
  const tenanted = await bench.client.enqueue(
    submissionPipeline,
    {
      submissionId: crypto.randomUUID(),
      kind: "text",
      text: canaries.essay,
      criteria: [{ id: "c1", name: canaries.criterion, maxScore: 10 }],
      language: "de",
    },
    { tenant: canaries.tenant },
  );
  return [...submitted.map(({ jobId }) => jobId), tenanted.id];
}

test("nobody's words come out: of success, of every class of failure, of a crash", async () => {
  await using bench = await setup();
  const { client, collector, relay, secrets, store } = bench;
  const doomed = await store.submit({
    studentSub: canaries.student,
    content: { kind: "text", text: `${canaries.essay} [[stub: crash]]` },
  });
  const crashed = bench.startWorker({ ...secrets, WORKER_LEASE_SECONDS: "1" });
  const crash = await crashed.ended;
  await client.cancel(doomed.jobId);
  const worker = bench.startWorker(secrets);

  const jobs = await submitAll(bench);
  for (const job of jobs) await client.waitForJob(job, { pollIntervalMs: 50 });
  await relay.close();
  await worker.waitForLog("database.failed");
  await relay.open();
  const sources = { worker, collector, token: canaries.token };
  const running = await readSinks(bench, sources);
  worker.signal("SIGTERM");
  const { stdout, stderr } = await worker.ended;

  const all = {
    ...running,
    stdout: crash.stdout + stdout,
    stderr: crash.stderr + stderr,
    traces: collector.bodies(),
  };
  expect(findLeaks(all, Object.values(canaries))).toEqual([]);
  // It did happen, and each sink has something to say.
  expect(crash.signal).toBe("SIGKILL");
  const told = new Set(worker.log().map(({ msg }) => msg));
  for (const event of ["job.completed", "job.retried", "job.released", "job.failed"]) {
    expect(told).toContain(event);
  }
  expect(collector.spans().some(({ isError }) => isError)).toBe(true);
  expect(all.metrics).toContain("ai_worker_failed_total");
  expect(all.health).toContain("db_role");
  expect(all.errors.length).toBeGreaterThan(500);
  expect(all.processes).toContain("main.ts");
});

test("a leak into any of these places would be seen", async () => {
  await using bench = await setup();
  const { collector, secrets } = bench;
  const preload = join(bench.path, "leak.ts");
  await writeFile(preload, leakyProgram(collector.url));
  const worker = bench.startWorker({ ...secrets, BUN_OPTIONS: `--preload=${preload}` });
  const { jobId } = await bench.store.submit({
    studentSub: "somebody",
    content: { kind: "text", text: "Ein Text. [[stub: permanent]]" },
  });
  await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
  await bench.sql`update leasehold.stopped set message = ${canaries.essay}`;
  await worker.waitForLog(canaries.essay);

  const sources = { worker, collector, token: canaries.token };
  const sinks = await readSinks(bench, sources);

  expect(findLeaks(sinks, Object.values(canaries))).toEqual(Object.keys(sinks));
});

/** A program that tells an essay to whoever listens. */
function leakyProgram(collectorUrl: string): string {
  const essay = JSON.stringify(canaries.essay);
  return `
    const serve = Bun.serve;
    Bun.serve = (options) => serve({ ...options, async fetch(...given) {
      const answer = await options.fetch(...given);
      return new Response((await answer.text()) + ${essay}, { status: answer.status });
    } });
    process.stdout.write(JSON.stringify({ msg: ${essay} }) + "\\n");
    process.stderr.write(${essay} + "\\n");
    await fetch(${JSON.stringify(`${collectorUrl}/v1/logs`)}, { method: "POST", body: ${essay} });
    // A process beside it, for as long as it lives.
    const loop = 'while kill -0 "$1" 2>/dev/null; do sleep 0.2; done';
    Bun.spawn(["sh", "-c", loop, ${essay}, String(process.pid)], { stdio: ["ignore", "ignore", "ignore"] }).unref();
  `;
}
