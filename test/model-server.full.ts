import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import type { JobRecord } from "@leasehold/core";

import { models } from "./support/fake-ollama.ts";
import { writePng, zeroRows } from "./support/hostile-files/png-writer.ts";
import { type SpawnedProgram, spawnProgram } from "./support/spawned-program.ts";
import { storeUpload } from "./support/uploads.ts";
import { type Bench, root, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(300_000);

const cluster = useCluster();
const essay = "Der Bach ist im Sommer schmal. Im März wird er breit und laut.";

interface ModelServer {
  readonly port: number;
  readonly program: SpawnedProgram;
}

/** Starts the server in a process of its own, on the port that it had. */
async function startServer(bench: Bench, mode: string, port = 0): Promise<ModelServer> {
  const program = spawnProgram([join(root, "test/support/ollama-program.ts")], {
    cwd: bench.path,
    env: { ...bench.variables, MODE: mode, PORT: String(port) },
    lifetimeMs: 280_000,
  });
  const url = await program.waitFor(
    "its address",
    ({ stdout }) => /^listening (\S+)$/m.exec(stdout)?.[1],
  );
  return { program, port: Number(new URL(url).port) };
}

function variablesFor({ port }: ModelServer): Readonly<Record<string, string>> {
  return {
    AI_BACKEND: "local",
    AI_VISION_MODEL: models.vision,
    AI_FEEDBACK_MODEL: models.feedback,
    OLLAMA_BASE_URL: `http://127.0.0.1:${port}`,
    // What freezes is noticed by then.
    AI_TIMEOUT_VISION: "8",
    AI_TIMEOUT_FEEDBACK: "8",
    WORKER_CONCURRENCY: "4",
    WORKER_POLL_INTERVAL: "0.1",
  };
}

async function submitTexts(bench: Bench, count: number): Promise<readonly string[]> {
  const jobs: string[] = [];
  for (let number = 1; number <= count; number += 1) {
    const content = { kind: "text", text: `${essay} Nummer ${number}.` } as const;
    const { jobId } = await bench.store.submit({ studentSub: `s${number}`, content });
    jobs.push(jobId);
  }
  return jobs;
}

async function finish(bench: Bench, jobs: readonly string[]): Promise<readonly JobRecord[]> {
  return await Promise.all(
    jobs.map(async (id) => await bench.client.waitForJob(id, { pollIntervalMs: 200 })),
  );
}

/** What jobs came to, and what they were charged. */
function tally(jobs: readonly JobRecord[]): Readonly<Record<string, number>> {
  const count = (of: (job: JobRecord) => number): number =>
    jobs.reduce((sum, job) => sum + of(job), 0);
  return {
    completed: count(({ state }) => (state === "completed" ? 1 : 0)),
    failures: count(({ failures }) => failures),
    losses: count(({ losses }) => losses),
  };
}

test.each([
  ["killed", "SIGKILL"],
  ["frozen", "SIGSTOP"],
] as const)(
  "a model server that is %s in the middle costs nobody an attempt, and its return is no stampede",
  async (_, signal) => {
    await using bench = await cluster.setup();
    const before = await startServer(bench, "well");
    await using first = before.program;
    const worker = bench.startWorker(variablesFor(before));
    const jobs = await submitTexts(bench, 20);
    await worker.waitForLog("job.completed");

    first.signal(signal);
    await worker.waitForLog("job.released", ({ reason }) => reason === "outage");
    first.signal("SIGKILL");
    await first.ended;
    const after = await startServer(bench, "well", before.port);
    await using second = after.program;
    const ended = await finish(bench, jobs);
    second.signal("SIGTERM");

    const released = worker.log().filter(({ msg }) => msg === "job.released");
    process.stdout.write(`${signal}: ${released.length} releases of 20 jobs\n`);
    expect(tally(ended)).toEqual({ completed: 20, failures: 0, losses: 0 });
    // While it is away one job at a time looks for all of them.
    expect(released.length).toBeLessThan(20);
  },
);

test("a model that does not end is stopped in time, each time that it is asked", async () => {
  await using bench = await cluster.setup();
  const server = await startServer(bench, "endless");
  await using program = server.program;
  const worker = bench.startWorker(variablesFor(server));

  const ended = await finish(bench, await submitTexts(bench, 1));
  program.signal("SIGTERM");

  const reasons = worker.log().filter(({ msg }) => msg === "fallback.taken");
  expect(reasons.map(({ reason }) => reason)).toContain("output_runaway");
  expect(tally(ended)).toMatchObject({ losses: 0 });
});

/** How often the server did what its mode is for, and how often it answered. */
function countCalls({ program }: ModelServer): { readonly well: number; readonly ill: number } {
  const { stdout } = program.output();
  return {
    well: stdout.match(/^answers$/gm)?.length ?? 0,
    ill: stdout.match(/^misbehaves$/gm)?.length ?? 0,
  };
}

const says =
  (line: string) =>
  ({ stdout }: { readonly stdout: string }): true | undefined =>
    stdout.split("\n").includes(line) || undefined;

test("a model server that is busy with others is asked now and then, by one, and charges nobody", async () => {
  await using bench = await cluster.setup();
  const server = await startServer(bench, "busy");
  await using program = server.program;
  bench.startWorker(variablesFor(server));

  const ended = await finish(bench, await submitTexts(bench, 20));
  program.signal("SIGTERM");

  const calls = countCalls(server);
  process.stdout.write(`busy: ${calls.ill} refusals for 20 jobs\n`);
  expect(tally(ended)).toEqual({ completed: 20, failures: 0, losses: 0 });
  // One in 5 seconds at most, after those that were under way.
  expect(calls.ill).toBeLessThan(8);
});

test("a model is free for others as soon as the job is cancelled that kept it", async () => {
  await using bench = await cluster.setup();
  const server = await startServer(bench, "endless_once");
  await using program = server.program;
  bench.startWorker(variablesFor(server));
  const [kept = ""] = await submitTexts(bench, 1);
  await program.waitFor("the endless answer", says("misbehaves"));

  await bench.client.cancel(kept);
  await program.waitFor("the end of the call", says("was left"));
  const [cancelled] = await finish(bench, [kept]);
  const next = await finish(bench, await submitTexts(bench, 1));
  program.signal("SIGTERM");

  expect(cancelled?.state).toBe("cancelled");
  expect(tally(next)).toEqual({ completed: 1, failures: 0, losses: 0 });
});

test("one picture among a hundred that the model dies of fails alone", async () => {
  await using bench = await cluster.setup();
  const server = await startServer(bench, "poison");
  await using program = server.program;
  bench.startWorker(variablesFor(server));
  const jobs: string[] = [];
  for (let number = 0; number < 100; number += 1) {
    // The server dies of pictures that are wider than high.
    const size = number === 40 ? { width: 40, height: 30 } : { width: 30, height: 40 };
    const content = await storeUpload(bench, writePng(size, zeroRows(size)), {
      storageKey: `page-${number}.png`,
      mediaType: "image/png",
    });
    jobs.push((await bench.store.submit({ studentSub: `s${number}`, content })).jobId);
  }

  const ended = await finish(bench, jobs);
  program.signal("SIGTERM");

  const failed = ended.filter(({ state }) => state !== "completed");
  process.stdout.write(`poison: ${countCalls(server).ill} crashes for 100 jobs\n`);
  expect(failed.map(({ id, state, code }) => ({ id, state, code }))).toEqual([
    { id: jobs[40] ?? "", state: "failed", code: "input_corrupt" },
  ]);
  expect(tally(ended)).toMatchObject({ completed: 99, losses: 0 });
  expect(countCalls(server).ill).toBe(2);
});
