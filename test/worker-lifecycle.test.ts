import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { type Bench, setupHome, useCluster, type Variables } from "./support/worker-bench.ts";
import type { LogLine } from "./support/worker-process.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();
const lively: Variables = { WORKER_POLL_INTERVAL: "0.1", LEASEHOLD_STUB_MARKERS: "on" };

async function submitText({ store }: Bench, text: string): Promise<{ id: string; jobId: string }> {
  return await store.submit({ studentSub: "s", content: { kind: "text", text } });
}

function namesOf(log: readonly LogLine[]): readonly string[] {
  return log.map(({ msg }) => msg);
}

test("SIGTERM lets the running job finish, takes no other, and ends with 0", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker(lively);
  const running = await submitText(bench, "Langsam [[stub: slow 500]].");
  await worker.waitForLog("job.claimed");
  const waiting = await submitText(bench, "Danach.");

  worker.signal("SIGTERM");
  const { exitCode, stderr } = await worker.ended;

  expect([exitCode, stderr]).toEqual([0, ""]);
  // On a slow machine the worker is told to look after its leases while the job runs.
  const names = namesOf(worker.log()).filter((name) => name !== "renewal.started");
  expect(names.slice(-4)).toEqual([
    "worker.stopping",
    "phase.completed",
    "job.completed",
    "worker.stopped",
  ]);
  expect(worker.log().find(({ msg }) => msg === "worker.stopping")).toMatchObject({ inFlight: 1 });
  expect(await bench.client.getJob(running.jobId)).toMatchObject({ state: "completed", losses: 0 });
  expect(await bench.client.getJob(waiting.jobId)).toMatchObject({ state: "queued", attempts: [] });
});

test("a job that is not done within the grace period is given back, charged to nobody", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({ ...lively, WORKER_GRACE_SECONDS: "0.3" });
  const { id, jobId } = await submitText(bench, "[[stub: hang]]");
  await worker.waitForLog("job.claimed");

  worker.signal("SIGINT");
  const { exitCode } = await worker.ended;

  expect(exitCode).toBe(0);
  expect(await bench.client.getJob(jobId)).toMatchObject({
    state: "queued",
    failures: 0,
    losses: 0,
    outages: 0,
  });
  // A deployment is no trouble that a learner's teacher should read about.
  expect(await bench.store.readSubmission(id)).toMatchObject({
    status: "pending",
    errorCode: undefined,
  });
});

test("a worker whose model calls ignore their abort lets the others end, and asks to be started afresh", async () => {
  await using bench = await cluster.setup();
  const recycling = { WORKER_CONCURRENCY: "3", WORKER_ABANDONED_MAX: "2" };
  const worker = bench.startWorker({ ...lively, ...recycling, LOG_LEVEL: "debug" });
  const deaf = [
    await submitText(bench, "Taub [[stub: hang-deaf 1]]."),
    await submitText(bench, "Auch taub [[stub: hang-deaf 1]]."),
  ];
  const slow = await submitText(bench, "Langsam [[stub: slow 4000]].");
  for (const { jobId } of [...deaf, slow]) {
    // The model is being asked: a job that is cancelled before leaves nobody behind.
    await worker.waitForLog("phase.progressed", (line) => line["jobId"] === jobId);
  }

  for (const { jobId } of deaf) await bench.client.cancel(jobId);
  const exhausted = await worker.waitForLog("worker.exhausted");
  const late = await submitText(bench, "Danach.");
  const { exitCode, stderr } = await worker.ended;
  const recycled = bench.startWorker(lively);
  const after = await bench.client.waitForJob(late.jobId);

  expect([exitCode, stderr]).toEqual([75, ""]);
  expect(exhausted).toMatchObject({ level: 50, count: 2 });
  expect(namesOf(worker.log()).filter((name) => name === "job.cancelled")).toHaveLength(2);
  expect(await bench.client.getJob(slow.jobId)).toMatchObject({ state: "completed", losses: 0 });
  expect(after).toMatchObject({ state: "completed", losses: 0 });
  recycled.signal("SIGTERM");
  expect((await recycled.ended).exitCode).toBe(0);
});

test("a second signal ends it at once", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({ ...lively, WORKER_GRACE_SECONDS: "3600" });
  await submitText(bench, "[[stub: hang]]");
  await worker.waitForLog("job.claimed");
  worker.signal("SIGTERM");
  await worker.waitForLog("worker.stopping");

  worker.signal("SIGTERM");
  const { exitCode } = await worker.ended;

  expect(exitCode).toBe(1);
});

test("a worker that waits for its database stops when it is told to", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({
    LEARNING_DATABASE_URL: "postgresql://worker:canary@127.0.0.1:1/learning",
  });
  await worker.waitForLog("database.awaited");

  worker.signal("SIGTERM");
  const { exitCode, stdout } = await worker.ended;

  expect(exitCode).toBe(0);
  expect(stdout).not.toContain("canary");
});

test("says first what it runs by, and what is set in vain", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({ WORKER_MAX_RETRIES: "7", WORKER_CONCURRENCY: "2" });
  await worker.waitForLog("worker.started");

  const [configured, stub, vain] = worker.log();

  expect(configured).toMatchObject({
    msg: "worker.configured",
    backend: "stub: answers are invented, no model judges anything",
    database: "your Postgres",
    storage: join(bench.dataDir, "uploads"),
    concurrency: 2,
    leaseSeconds: 60,
  });
  expect(stub).toMatchObject({
    level: 40,
    msg: "worker.warned",
    message: expect.stringContaining("THE STUB ANSWERS"),
  });
  expect(vain).toMatchObject({
    msg: "worker.warned",
    message: "WORKER_MAX_RETRIES is not read: set retries_max with leasehold.register_type.",
  });
});

test("logs lines for people when asked to", async () => {
  await using bench = await cluster.setup();
  const worker = bench.start(["run"], {
    LEASEHOLD_HTTP_PORT: "off",
    LEASEHOLD_LOG_FORMAT: "pretty",
    LOG_LEVEL: "warn",
  });

  const line = await worker.waitFor("line", ({ stdout }) => /^.*THE STUB.*$/m.exec(stdout)?.[0]);

  expect(line).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: THE STUB ANSWERS: every score is invented\./);
  expect(worker.output().stdout).not.toContain("worker.configured");
});

test("a port that nobody chose gives way; one that somebody chose does not", async () => {
  await using bench = await cluster.setup();
  await using other = await cluster.setup();
  const usual = bench.start(["run"]);
  const found = await usual.waitFor("port", findPort);

  const next = other.start(["run"]);
  const warning = await next.waitFor(
    "warning",
    ({ stdout }) => /port \d+ is taken; using \d+/.exec(stdout)?.[0],
  );
  const chosen = await other.run(["run"], { LEASEHOLD_HTTP_PORT: found });

  expect(await next.waitFor("port", findPort)).not.toBe(found);
  expect(warning).toStartWith("port 8787 is taken; using ");
  expect(chosen.exitCode).toBe(2);
  expect(chosen.stderr).toBe(
    `config_invalid: Port ${found} of 127.0.0.1 is taken: set LEASEHOLD_HTTP_PORT to another one, or to off.\n`,
  );
});

function findPort({ stdout }: { readonly stdout: string }): string | undefined {
  return /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(stdout)?.[1];
}

test("off serves nothing and makes no token", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker({ LEASEHOLD_HTTP_PORT: "off" });
  await worker.waitForLog("worker.started");

  const files = await readdir(bench.dataDir).catch(() => []);

  expect(namesOf(worker.log())).not.toContain("http.listening");
  expect(files).not.toContain("operator-token");
});

test("makes a token that only its own user can read, and its neighbours share it", async () => {
  await using bench = await cluster.setup();
  const workers = Array.from({ length: 3 }, () => bench.startWorker());
  await Promise.all(workers.map((worker) => worker.waitForLog("http.listening")));
  const file = join(bench.dataDir, "operator-token");

  const token = (await readFile(file, "utf8")).trim();
  const answers = await Promise.all(
    workers.map((worker) => worker.ask("/internal/health/learning-worker")),
  );

  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(token).toMatch(/^[\w-]{32}$/);
  expect(answers.map(({ status }) => status)).not.toContain(401);
  expect(await readdir(bench.dataDir)).toEqual(["operator-token"]);
  for (const worker of workers) expect(worker.output().stdout).not.toContain(token);
});

test("without a database it brings one, which the command line joins and which ends with it", async () => {
  await using home = await setupHome();
  const worker = home.start(["run"], { LEASEHOLD_HTTP_PORT: "off" });
  await worker.waitFor("start", ({ stdout }) => /"worker\.started"/.exec(stdout) ?? undefined);

  const submitted = await home.run(["submit", "-", "--wait"], {}, "Der Bach ist breit.");
  worker.signal("SIGTERM");
  const { exitCode } = await worker.ended;

  expect([submitted.exitCode, exitCode]).toEqual([0, 0]);
  expect(worker.output().stdout).toMatch(/"database":"embedded Postgres 18[^"]* \(started\) in /);
  const [clusterFolder = ""] = (await readdir(home.dataDir)).filter((name) => /^pg\d+$/.test(name));
  expect(await readdir(join(home.dataDir, clusterFolder))).not.toContain("postmaster.pid");
});
