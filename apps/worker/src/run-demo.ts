import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { type JobRecord, WorkerError, type WorkerEvent } from "@leasehold/core";
import type { LearningStore, SubmissionReport } from "@leasehold/learning";

import { type App, openApp } from "./app.ts";
import type { WorkerConfig } from "./config.ts";
import { openDatabase, prepareDatabase } from "./database.ts";
import { type DemoEntry, printReport, printSummary } from "./demo-report.ts";
import { createLog } from "./logging.ts";
import { describeUpload, toContent } from "./uploads.ts";
import { pause } from "./waiting.ts";

export interface DemoOptions {
  readonly json: boolean;
  /** Works on the configured database instead of one that is thrown away. */
  readonly inPlace: boolean;
}

/** The samples, in the order of the table. */
const samples = ["text.md", "photo.jpg", "page.png", "letter.pdf", "scan.pdf"] as const;
const samplesRoot: string = fileURLToPath(
  new URL("../../../examples/submissions", import.meta.url),
);

/** How long a demonstration may take. A model on a slow machine needs minutes for a page. */
const patienceMs = 1_800_000;
const pollMs = 100;

/** Works the samples and shows what came of them. Answers whether all of them completed. */
export async function runDemo(
  config: WorkerConfig,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const startedAt = performance.now();
  await using database = await openDemoDatabase(config, options);
  const settings: WorkerConfig = {
    ...config,
    schedules: false,
    storageRoot: options.inPlace ? config.storageRoot : samplesRoot,
    migrates: config.migrates || !options.inPlace,
    worker: { ...config.worker, pollSeconds: Math.min(config.worker.pollSeconds, 0.5) },
  };
  const log = createLog(
    { ...settings.log, level: "error" },
    { descriptor: 2, isTerminal: process.stderr.isTTY },
  );
  await using app = await openApp(settings, database.url, log);
  console.error(`backend: ${app.backend.description}\ndatabase: ${database.description}`);
  const names = new Map<string, string>();
  const outages = watchOutages(app);
  app.worker.subscribe((event) => printProgress(event, names));
  if (options.inPlace) await refuseBusyDatabase(app, settings, database.url);
  await app.start(signal);
  const entries = await submitSamples(app.store, settings.storageRoot, names);
  const finished: DemoEntry[] = [];
  for (const entry of entries) {
    const report = await waitForReport(app, entry.id, { signal, outages });
    finished.push({ name: entry.name, report, job: await findJob(app, report) });
  }
  await app.stop();
  const seconds = (performance.now() - startedAt) / 1000;
  const ok = finished.every(({ report }) => report.status === "completed");
  printReport(finished);
  printSummary(finished, { ok, backend: config.backend.kind, seconds, json: options.json });
  return ok;
}

interface DemoDatabase extends AsyncDisposable {
  readonly url: string;
  readonly description: string;
}

async function openDemoDatabase(
  config: WorkerConfig,
  { inPlace }: DemoOptions,
): Promise<DemoDatabase> {
  const database = await openDatabase(inPlace ? config : { ...config, databaseUrl: undefined });
  const { embedded } = database;
  if (inPlace || embedded === undefined) return database;
  const name = `demo_${randomBytes(6).toString("hex")}`;
  return {
    url: await embedded.createDatabase(name),
    description: `${database.description}, thrown away afterwards`,
    async [Symbol.asyncDispose]() {
      await embedded.dropDatabase(name);
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A worker takes whatever waits: real work must not get what a demonstration, or the stub, makes of it. */
async function refuseBusyDatabase(app: App, settings: WorkerConfig, url: string): Promise<void> {
  await prepareDatabase(settings, url);
  const jobs = (await app.client.getQueue()).reduce((sum, { count }) => sum + count, 0);
  if (jobs === 0) return;
  throw new WorkerError(
    "config_invalid",
    `Not shown in this database: the demonstration would take the work that waits or runs in it (jobs: ${jobs}).`,
    { scope: "config" },
  );
}

interface Submitted {
  readonly id: string;
  readonly name: string;
}

async function submitSamples(
  store: LearningStore,
  storageRoot: string,
  names: Map<string, string>,
): Promise<readonly Submitted[]> {
  const submitted: Submitted[] = [];
  for (const name of samples) {
    const content =
      storageRoot === samplesRoot
        ? await describeUpload(samplesRoot, name)
        : await toContent(await readFile(join(samplesRoot, name)), storageRoot);
    const { id, jobId } = await store.submit({
      studentSub: "demo",
      content,
      criteria: ["Inhalt", "Aufbau", { name: "Sprache", maxScore: 5 }],
      instruction: "Lies die Arbeit und gib eine Rückmeldung.",
    });
    names.set(jobId, name);
    submitted.push({ id, name });
  }
  return submitted;
}

/** Live progress, for people: it goes beside the answer. */
function printProgress(event: WorkerEvent, names: ReadonlyMap<string, string>): void {
  if (!("jobId" in event)) return;
  const where = `${(names.get(event.jobId) ?? event.jobId).padEnd(12)} ${event.phase}`;
  if (event.name === "phase.started") console.error(`${where} …`);
  if (event.name === "phase.completed") console.error(`${where} done, ${event.durationMs} ms`);
  if ("code" in event) console.error(`${where} ${event.name} (${event.code})`);
}

interface Outages {
  /** Jobs that met a backend that was down and have not got past it. */
  readonly open: Map<string, string>;
}

function watchOutages({ worker }: App): Outages {
  const open = new Map<string, string>();
  worker.subscribe((event) => {
    if (event.name === "job.released" && event.reason === "outage") {
      open.set(event.jobId, event.code);
    }
    if (event.name === "phase.completed") open.delete(event.jobId);
  });
  return { open };
}

async function waitForReport(
  app: App,
  id: string,
  { signal, outages }: { readonly signal: AbortSignal; readonly outages: Outages },
): Promise<SubmissionReport> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (signal.aborted) throw new WorkerError("aborted", "The demonstration was stopped.");
    const report = await app.store.readSubmission(id);
    if (report?.status === "completed" || report?.status === "failed") return report;
    if (outages.open.size > 0) await explainOutage(app, outages, signal);
    await pause(pollMs, signal);
  }
  throw new WorkerError("deadline_exceeded", "The demonstration took more than half an hour.");
}

/** A worker would wait for its backend; somebody who looks on is told. */
async function explainOutage(app: App, { open }: Outages, signal: AbortSignal): Promise<void> {
  const health = await app.backend.adapter.probe?.(signal);
  if (health?.status === "ok") return;
  const codes = [...new Set(open.values())].join(", ");
  throw new WorkerError(
    "backend_unreachable",
    `The model server does not do its part (${codes}): ${health?.detail ?? "no detail"} The jobs wait, uncharged; a worker would go on by itself.`,
    { scope: "backend", retryable: true },
  );
}

async function findJob(app: App, { jobId }: SubmissionReport): Promise<JobRecord> {
  const job = jobId === undefined ? undefined : await app.client.getJob(jobId);
  if (job === undefined) throw new WorkerError("not_found", "A submission lost its job.");
  return job;
}
