import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { submissionPipeline } from "@leasehold/learning";

import {
  type Aviary,
  canaries,
  findLeaks,
  hurryToEnd,
  leakyProgram,
  readSinks,
  setupAviary,
  type Sinks,
  submitAll,
  submitDoomed,
} from "./support/canary.ts";
import type { SentSpan } from "./support/trace-collector.ts";
import { root, useCluster } from "./support/worker-bench.ts";
import type { LogLine } from "./support/worker-process.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();
const commands = [["status"], ["dead-letters"], ["doctor"], ["explain", ""]];

let opened: Promise<Aviary> | undefined;
afterAll(async () => await (await opened)?.[Symbol.asyncDispose]());

/** The tests of this file share what takes long: a database, and a worker's whole life. */
function setup(): Promise<Aviary> {
  return (opened ??= setupAviary(cluster));
}

/** A worker's life, as everybody saw it. */
interface Life {
  readonly sinks: Sinks;
  readonly lines: readonly LogLine[];
  readonly spans: readonly SentSpan[];
  readonly crashSignal: string | null | undefined;
  readonly exitCode: number | null;
}

let lived: Promise<Life> | undefined;
const live = (): Promise<Life> => (lived ??= liveOnce());

/** Success, every class of failure, a crash, and a Postgres that goes away, which drivers like to explain. */
async function liveOnce(): Promise<Life> {
  const { bench, relay, variables, startCollector } = await setup();
  const { collector, variables: traced } = startCollector();
  const own = { ...variables, ...traced };
  const doomed = await submitDoomed(bench);
  const crashed = bench.startWorker({ ...own, WORKER_LEASE_SECONDS: "1" });
  const crash = await crashed.ended;
  await bench.client.cancel(doomed);
  const worker = bench.startWorker(own);
  const jobs = [...(await submitAll(bench)), await submitAsTenant(bench)];
  await hurryToEnd(bench, jobs);
  const asked = commands.map((args) => args.map((word) => (word === "" ? (jobs[0] ?? "") : word)));
  const running = await readSinks(bench, { worker, collector, variables: own, commands: asked });
  await relay.close();
  await worker.waitForLog("database.failed");
  await relay.open();
  worker.signal("SIGTERM");
  const { stdout, stderr, exitCode } = await worker.ended;
  return {
    sinks: {
      ...running,
      stdout: crash.stdout + stdout,
      stderr: crash.stderr + stderr,
      traces: collector.bodies(),
    },
    lines: [...crashed.log(), ...worker.log()],
    spans: collector.spans(),
    crashSignal: crash.signal,
    exitCode,
  };
}

async function submitAsTenant({ client }: Aviary["bench"]): Promise<string> {
  const input = {
    submissionId: crypto.randomUUID(),
    kind: "text",
    text: canaries.essay,
    criteria: [{ id: "c1", name: canaries.criterion, maxScore: 10 }],
    language: "de",
  } as const;
  return (await client.enqueue(submissionPipeline, input, { tenant: canaries.tenant })).id;
}

test("nobody's words come out: of success, of every class of failure, of a crash", async () => {
  const { sinks } = await live();

  expect(findLeaks(sinks)).toEqual([]);
});

test("each of them did happen, and each place has something to say", async () => {
  const { sinks, lines, spans, crashSignal, exitCode } = await live();

  expect([crashSignal, exitCode]).toEqual(["SIGKILL", 0]);
  const told = new Set(lines.map(({ msg }) => msg));
  for (const event of ["job.completed", "job.retried", "job.released", "job.failed"]) {
    expect(told).toContain(event);
  }
  const codes = new Set(lines.flatMap(({ code, reason }) => [code, reason]));
  for (const code of [
    "backend_busy",
    "backend_timeout",
    "backend_unreachable",
    "input_corrupt",
    "model_missing",
    "output_runaway",
    "output_truncated",
    "schema_violated",
  ]) {
    expect(codes).toContain(code);
  }
  expect(spans.some(({ isError }) => isError)).toBe(true);
  expect(sinks.metrics).toContain("ai_worker_failed_total");
  expect(sinks.health).toContain("db_role");
  expect(sinks.headers).toContain("no-store");
  expect(sinks.console).toContain('"code":"input_corrupt"');
  expect(sinks.console).not.toContain("503 ");
  expect(sinks.errors.length).toBeGreaterThan(500);
  expect(sinks.processes).toContain("main.ts");
  expect(sinks.commands).toContain("input_corrupt");
  expect(sinks.stderr).toBe("");
});

test("every line is one of the vocabulary, with no field but its own", async () => {
  const { lines, sinks } = await live();
  const logs = await readFile(join(root, "docs/logs.md"), "utf8");
  const rows = logs.matchAll(/^\| `([a-z.]+)` +\| (?:debug|info|warn|error) +\| (.*?) +\|/gm);
  const vocabulary = new Map([...rows].map(([, name = "", fields = ""]) => [name, fields]));

  const strange = lines.flatMap(({ level: _level, time: _time, msg, ...fields }) => {
    const known = vocabulary.get(msg);
    if (known === undefined) return [msg];
    const others = Object.keys(fields).filter((name) => !known.includes(`\`${name}\``));
    return others.map((name) => `${msg}: ${name}`);
  });

  expect(vocabulary.size).toBeGreaterThan(30);
  expect(new Set(strange)).toEqual(new Set());
  expect(lines.length).toBeGreaterThan(50);
  expect(sinks.stdout.trimEnd().split("\n")).toHaveLength(lines.length);
});

test("a leak into any of these places would be seen", async () => {
  const { bench, variables, startCollector } = await setup();
  const { collector, variables: traced } = startCollector();
  const preload = join(bench.path, "leak.ts");
  await writeFile(preload, leakyProgram(collector.url));
  const own = { ...variables, ...traced, BUN_OPTIONS: `--preload=${preload}` };
  const worker = bench.startWorker(own);
  const { jobId } = await bench.store.submit({
    studentSub: "somebody",
    content: { kind: "text", text: "Ein Text. [[stub: permanent]]" },
  });
  await hurryToEnd(bench, [jobId]);
  await bench.sql`update leasehold.stopped set message = ${canaries.essay} where message is not null`;
  await worker.waitForLog(canaries.essay);

  const sinks = await readSinks(bench, {
    worker,
    collector,
    variables: own,
    commands: [["status"]],
  });
  await bench.sql`update leasehold.stopped set message = 'mended' where message = ${canaries.essay}`;
  worker.signal("SIGKILL");
  await worker.ended;

  expect(findLeaks(sinks)).toEqual(Object.keys(sinks));
});
