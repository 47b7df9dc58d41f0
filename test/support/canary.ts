import { spawnSync } from "node:child_process";
import { join } from "node:path";

import type { Client } from "@leasehold/core";

import { readConsole } from "./console-sink.ts";
import { writePdf } from "./hostile-files/pdf-writer.ts";
import { createTcpRelay, type TcpRelay } from "./tcp-relay.ts";
import { startTraceCollector, type TraceCollector } from "./trace-collector.ts";
import { storeUpload, type Upload } from "./uploads.ts";
import { type Bench, type Cluster, root, type Variables } from "./worker-bench.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Words that belong to learners, teachers and operators. Each is found nowhere else. */
export const canaries = {
  essay: "zeisig-aufsatz-7f3a",
  page: "zeisig-seite-7f3a",
  file: "zeisig-datei-7f3a",
  student: "zeisig-schueler-7f3a",
  tenant: "zeisig-schule-7f3a",
  criterion: "zeisig-kriterium-7f3a",
  instruction: "zeisig-auftrag-7f3a",
  hints: "zeisig-loesung-7f3a",
  password: "zeisig-passwort-7f3a",
  token: "zeisig-betreiber-wort-7f3a",
  consoleToken: "zeisig-konsolen-wort-7f3a",
  key: "zeisig-schluessel-7f3a",
} as const;

/** A worker's surroundings, in which every word that is nobody's business is a canary. */
export interface Aviary extends AsyncDisposable {
  readonly bench: Bench;
  /** The way to the database. */
  readonly relay: TcpRelay;
  readonly variables: Variables;
  /** A collector that wants a key, and what tells a worker of it. */
  readonly startCollector: () => {
    readonly collector: TraceCollector;
    readonly variables: Variables;
  };
}

/** A database behind an address with a password, retries without a pause, and a log of everything. */
export async function setupAviary(cluster: Cluster): Promise<Aviary> {
  const stack = new AsyncDisposableStack();
  const bench = stack.use(await cluster.setup());
  const { name, socketPath } = bench.database;
  const relay = stack.use(await createTcpRelay({ path: socketPath }));
  await relay.open();
  await bench.sql`select leasehold.register_type('learning.submission', p_backoff_base_ms => 50)`;
  return {
    bench,
    relay,
    variables: {
      LEARNING_DATABASE_URL: `postgresql://leasehold:${canaries.password}@127.0.0.1:${relay.port}/${name}`,
      LEASEHOLD_OPERATOR_TOKEN: canaries.token,
      // One who may not see what is in jobs.
      LEASEHOLD_CONSOLE_TOKENS: `ada:read+act:${canaries.consoleToken}`,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${canaries.key}`,
      OPENAI_API_KEY: canaries.key,
      LEASEHOLD_STUB_MARKERS: "on",
      WORKER_POLL_INTERVAL: "0.1",
      WORKER_CONCURRENCY: "4",
      LOG_LEVEL: "debug",
    },
    startCollector() {
      const collector = stack.use(startTraceCollector());
      return { collector, variables: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What the stub acts out: one for each class of failure. */
const acts = [
  "transient 1",
  "invalid",
  "truncated",
  "runaway",
  "outage 1",
  "busy 1",
  "timeout 1",
  "missing 1",
  "permanent",
];

const request = {
  studentSub: canaries.student,
  criteria: [canaries.criterion],
  instruction: canaries.instruction,
  hints: canaries.hints,
};

/** The submission that kills its worker. */
export async function submitDoomed({ store }: Bench): Promise<string> {
  const content = { kind: "text", text: `${canaries.essay} [[stub: crash]]` } as const;
  return (await store.submit({ ...request, content })).jobId;
}

/** One submission for every other way to end: texts, a picture, documents that are whole and that are not. */
export async function submitAll(bench: Bench): Promise<readonly string[]> {
  const texts = ["", ...acts.map((act) => `[[stub: ${act}]]`)].map((marker) => ({
    kind: "text" as const,
    text: `${canaries.essay} ${marker}`,
  }));
  const submitted = await Promise.all(
    [...texts, ...(await storeUploads(bench))].map((content) =>
      bench.store.submit({ ...request, content }),
    ),
  );
  return submitted.map(({ jobId }) => jobId);
}

async function storeUploads(bench: Bench): Promise<readonly Upload[]> {
  const whole = writePdf({ content: `BT /F1 14 Tf 60 780 Td (${canaries.page}) Tj ET` });
  const broken = Buffer.from(`%PDF-1.7 ${canaries.page}\n%%EOF\n`);
  const picture = await Bun.file(join(root, "examples/submissions/photo.jpg")).bytes();
  const named = { storageKey: canaries.file, mediaType: "application/pdf" };
  return await Promise.all([
    storeUpload(bench, whole, { ...named, storageKey: `${canaries.file}-1.pdf` }),
    storeUpload(bench, broken, { ...named, storageKey: `${canaries.file}-2.pdf` }),
    storeUpload(bench, picture, { storageKey: `${canaries.file}.jpg`, mediaType: "image/jpeg" }),
  ]);
}

/** Waits for the end of jobs, and not for a breaker or a pause on the way: those have tests of their own. */
export async function hurryToEnd({ sql, client }: Bench, jobs: readonly string[]): Promise<void> {
  for (let left = jobs; left.length > 0; left = await keepLive(client, left)) {
    await sql`select leasehold.close_breaker(name) from leasehold.resource where state <> 'closed'`;
    await sql`update leasehold.ready set due_at = least(due_at, clock_timestamp())`;
    await Bun.sleep(50);
  }
}

async function keepLive(client: Client, jobs: readonly string[]): Promise<readonly string[]> {
  const records = await Promise.all(jobs.map((id) => client.getJob(id)));
  const live = new Set(["queued", "leased", "waiting"]);
  return jobs.filter((_, index) => live.has(records[index]?.state ?? ""));
}

/** Everywhere that strangers look: what a worker says of itself. */
export interface Sinks {
  readonly stdout: string;
  readonly stderr: string;
  readonly traces: string;
  readonly metrics: string;
  readonly health: string;
  readonly headers: string;
  readonly console: string;
  readonly errors: string;
  readonly processes: string;
  readonly commands: string;
}

export interface SinkSources {
  readonly worker: WorkerProcess;
  readonly collector: TraceCollector;
  /** What the commands of an operator are told, and which. */
  readonly variables: Variables;
  readonly commands: readonly (readonly string[])[];
}

const paths = ["/internal/health/learning-worker?deep=1", "/livez", "/readyz", "/nothing"];

/** Reads every sink of a worker that runs, as its operator. */
export async function readSinks(bench: Bench, sources: SinkSources): Promise<Sinks> {
  const { worker, collector, variables } = sources;
  const origin = await worker.origin();
  const ask = async (path: string): Promise<readonly [text: string, headers: string]> => {
    const headers = { authorization: `Bearer ${canaries.token}` };
    const response = await fetch(`${origin}${path}`, { headers });
    return [await response.text(), JSON.stringify([...response.headers])];
  };
  const [metrics] = await ask("/metrics");
  const health = await Promise.all(paths.map(ask));
  const runs = await Promise.all(sources.commands.map((args) => bench.run(args, variables)));
  const { stdout: processes } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
  return {
    ...worker.output(),
    traces: collector.bodies(),
    metrics,
    health: health.map(([text]) => text).join("\n"),
    headers: health.map(([, headers]) => headers).join("\n"),
    console: await readConsole(`${origin}/console`, canaries.consoleToken),
    errors: await readErrors(bench),
    processes,
    commands: runs.map(({ stdout, stderr }) => stdout + stderr).join("\n"),
  };
}

/** Every row that says how something ended. */
async function readErrors({ sql }: Bench): Promise<string> {
  const rows = await sql`
    select code || coalesce(message, '') as text from leasehold.attempt
    union all select last_code || coalesce(last_message, '') from leasehold.job_counter
    union all select code || coalesce(message, '') from leasehold.stopped
    union all select provenance::text from leasehold.result
    union all select coalesce(vision_last_error, '') || coalesce(feedback_last_error, '') || provenance::text
      from public.learning_submissions`;
  return JSON.stringify(rows);
}

/** Names of the sinks that hold one of the words, whatever its case. */
export function findLeaks(sinks: Readonly<Record<keyof Sinks, string>>): readonly string[] {
  const words = Object.values(canaries).map((word) => word.toLowerCase());
  return Object.entries(sinks)
    .filter(([, text]) => words.some((word) => text.toLowerCase().includes(word)))
    .map(([name]) => name);
}

/** A program that tells an essay to whoever listens, to be loaded before the worker's own. */
export function leakyProgram(collectorUrl: string): string {
  const essay = JSON.stringify(canaries.essay);
  return `
    const serve = Bun.serve;
    Bun.serve = (options) => serve({ ...options, async fetch(...given) {
      const answer = await options.fetch(...given);
      const headers = { "x-essay": ${essay} };
      return new Response((await answer.text()) + ${essay}, { status: answer.status, headers });
    } });
    process.stdout.write(JSON.stringify({ msg: ${essay} }) + "\\n");
    process.stderr.write(${essay} + "\\n");
    await fetch(${JSON.stringify(`${collectorUrl}/v1/logs`)}, { method: "POST", body: ${essay} });
    // A process beside it, for as long as it lives.
    const loop = 'while kill -0 "$1" 2>/dev/null; do sleep 0.2; done';
    Bun.spawn(["sh", "-c", loop, ${essay}, String(process.pid)], { stdio: ["ignore", "ignore", "ignore"] }).unref();
  `;
}
