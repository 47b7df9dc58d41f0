import { expect, setDefaultTimeout, test as anyTest } from "bun:test";

import { curl, isCurlMissing } from "./support/curl.ts";
import { readMetrics } from "./support/metrics.ts";
import { patienceMs } from "./support/spawned-program.ts";
import { createTcpRelay } from "./support/tcp-relay.ts";
import { type Bench, useCluster, type Variables } from "./support/worker-bench.ts";
import type { WorkerProcess } from "./support/worker-process.ts";

setDefaultTimeout(120_000);

const test = isCurlMissing ? anyTest.skip : anyTest;
const cluster = useCluster();

const healthPath = "/internal/health/learning-worker";
/** Quick to look again, with texts that tell the stub what to do. */
const lively: Variables = { WORKER_POLL_INTERVAL: "0.1", LEASEHOLD_STUB_MARKERS: "on" };

interface Check {
  readonly check: string;
  readonly status: string;
  readonly detail: string | null;
}

interface Report {
  readonly status: string;
  readonly currentRole: string | null;
  readonly checks: readonly Check[];
}

async function askHealth(worker: WorkerProcess): Promise<Report> {
  const bearer = `Authorization: Bearer ${await worker.token()}`;
  const { status, headers, text } = await curl(
    `${await worker.origin()}${healthPath}`,
    "-H",
    bearer,
  );
  const report = JSON.parse(text) as Report;
  expect(headers.get("cache-control")).toBe("private, no-store");
  expect(headers.get("vary")).toBe("Origin");
  expect(headers.get("content-type")).toBe("application/json");
  expect([status, report.status]).toBeOneOf([
    [200, "healthy"],
    [503, "degraded"],
  ]);
  return report;
}

/** Asks until a report fits. It is a second old at most. */
async function waitForReport(
  worker: WorkerProcess,
  fits: (report: Report) => boolean,
): Promise<Report> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const report = await askHealth(worker);
    if (fits(report)) return report;
    if (performance.now() > deadline) throw new Error(`Still: ${JSON.stringify(report)}`);
    await Bun.sleep(50);
  }
}

/** Asks until the checks that failed are these. */
function waitForFailed(worker: WorkerProcess, ...names: readonly string[]): Promise<Report> {
  return waitForReport(worker, ({ checks }) => {
    const failed = checks.filter(({ status }) => status === "failed");
    return failed.map(({ check }) => check).join() === names.join();
  });
}

function find(name: string, { checks }: Report): Check | undefined {
  return checks.find(({ check }) => check === name);
}

async function submitText(bench: Bench, text: string): Promise<string> {
  const content = { kind: "text", text } as const;
  return (await bench.store.submit({ studentSub: "s", content })).jobId;
}

async function scrape(worker: WorkerProcess): Promise<ReadonlyMap<string, number>> {
  const { status, headers, text } = await curl(`${await worker.origin()}/metrics`);
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(headers.get("cache-control")).toBe("private, no-store");
  return readMetrics(text);
}

test("a login without its grants is told which, and no worker starts", async () => {
  await using bench = await cluster.setup();
  const { adminUrl, attempt, urlOf } = bench.database;
  await bench.run(["migrate", "--roles"], { LEASEHOLD_ADMIN_DATABASE_URL: adminUrl });
  await attempt("postgres", "create role app login");

  const { exitCode, stderr } = await bench.run(["run"], { LEARNING_DATABASE_URL: urlOf("app") });

  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^grant_missing: .*: grant it, see migrate --roles\.$/m);
});

test("healthy: says who it is and what it looked at, to whoever has the token", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker();
  await worker.waitForLog("worker.started");
  const url = `${await worker.origin()}${healthPath}`;

  const report = await askHealth(worker);
  const strangers = await Promise.all([
    curl(url),
    curl(url, "-H", "Authorization: Bearer no-token-of-ours"),
    curl(url, "-H", `Authorization: Basic ${await worker.token()}`),
  ]);
  const ready = await curl(`${await worker.origin()}/readyz`);

  expect(report).toEqual({
    status: "healthy",
    currentRole: "leasehold",
    checks: expect.arrayContaining([
      { check: "db_role", status: "ok", detail: null },
      { check: "queue_visibility", status: "ok", detail: "visible_jobs=0" },
      { check: "queue_lag", status: "ok", detail: "oldest_due_seconds=0" },
      { check: "score_watch", status: "ok", detail: null },
      { check: "worker", status: "ok", detail: "running" },
      { check: "workers", status: "ok", detail: null },
      { check: "model", status: "ok", detail: null },
    ]),
  });
  expect(ready.status).toBe(200);
  for (const stranger of strangers) {
    expect(stranger.status).toBe(401);
    expect(stranger.text).toBe('{"error":"unauthenticated"}');
    expect(stranger.headers.get("www-authenticate")).toBe("Bearer");
    expect(stranger.headers.get("cache-control")).toBe("private, no-store");
  }
});

test("draining: not ready while the last job finishes", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker(lively);
  await submitText(bench, "Das dauert. [[stub: hang]]");
  await worker.waitForLog("job.claimed");

  worker.signal("SIGTERM");
  await worker.waitForLog("worker.stopping");
  const ready = await curl(`${await worker.origin()}/readyz`);
  const alive = await curl(`${await worker.origin()}/livez`);
  const report = await waitForFailed(worker, "worker");

  expect([ready.status, ready.text]).toEqual([503, "unavailable"]);
  expect(alive.status).toBe(200);
  expect(find("worker", report)?.detail).toBe("stopping");
});

test("database down: answers, names the code and no address, and recovers by itself", async () => {
  await using bench = await cluster.setup();
  const { name, socketPath } = bench.database;
  await using relay = await createTcpRelay({ path: socketPath });
  const url = `postgresql://leasehold:canary-password@127.0.0.1:${relay.port}/${name}`;
  const worker = bench.startWorker({ ...lively, LEARNING_DATABASE_URL: url });

  const before = await waitForFailed(worker, "db_role", "worker", "database");
  const readyBefore = await curl(`${await worker.origin()}/readyz`);
  await worker.waitForLog("database.awaited");
  await relay.open();
  await waitForFailed(worker);
  const readyBetween = await curl(`${await worker.origin()}/readyz`);
  await relay.close();
  const after = await waitForFailed(worker, "db_role", "database");
  const jobId = await submitText(bench, "Ein Text.");
  await relay.open();
  await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
  await waitForFailed(worker);

  expect(find("db_role", before)?.detail).toBe("database_unavailable");
  expect(find("worker", before)?.detail).toBe("starting");
  expect([readyBefore.status, readyBetween.status]).toEqual([503, 200]);
  expect(after).toMatchObject({ currentRole: null });
  expect(JSON.stringify([before, after]) + worker.output().stdout).not.toMatch(
    /canary|postgresql:|127\.0\.0\.1:\d+\/test/,
  );
});

test("metrics: the runbook's names from the first scrape, moved by what happens", async () => {
  await using bench = await cluster.setup();
  await bench.sql`select leasehold.register_type('learning.submission', p_backoff_base_ms => 100)`;
  const worker = bench.startWorker({ ...lively, WORKER_CONCURRENCY: "2" });
  await worker.waitForLog("worker.started");
  const first = await scrape(worker);

  await submitText(bench, "Dieser bleibt. [[stub: hang]]");
  for (const text of ["[[stub: transient 1]]", "[[stub: permanent]]"]) {
    await bench.client.waitForJob(await submitText(bench, text), { pollIntervalMs: 50 });
  }
  await worker.waitForLog("job.completed", ({ attempt }) => attempt === 2);
  const second = await scrape(worker);

  const names = [
    "analysis_jobs_inflight",
    'ai_worker_retry_total{phase="vision"}',
    'ai_worker_retry_total{phase="feedback"}',
    'ai_worker_failed_total{error_code="vision_failed"}',
    'ai_worker_failed_total{error_code="feedback_failed"}',
    'ai_worker_failed_total{error_code="input_unsupported"}',
    'ai_worker_processed_total{status="completed"}',
  ];
  expect(names.map((name) => first.get(name))).toEqual(names.map(() => 0));
  expect(names.map((name) => second.get(name))).toEqual([1, 0, 1, 0, 0, 1, 1]);
});

test("beyond loopback, metrics need the token too", async () => {
  await using bench = await cluster.setup();
  const token = "an-operators-token";
  const worker = bench.startWorker({
    LEASEHOLD_HTTP_HOST: "0.0.0.0",
    LEASEHOLD_OPERATOR_TOKEN: `another-operators-token,${token}`,
  });
  const { port } = new URL(await worker.origin());
  const url = `http://127.0.0.1:${port}/metrics`;

  const stranger = await curl(url);
  const operator = await curl(url, "-H", `Authorization: Bearer ${token}`);

  expect([stranger.status, operator.status]).toEqual([401, 200]);
});

test("an answer that never holds: no score, and a number that says so", async () => {
  await using bench = await cluster.setup();
  const worker = bench.startWorker(lively);
  await worker.waitForLog("worker.started");

  const jobId = await submitText(bench, "Das wird nichts. [[stub: invalid]]");
  await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
  await worker.waitForLog("job.completed");

  const series = await scrape(worker);
  const name = "ai_worker_fallback_total";
  const labels = (path: string): string =>
    `{phase="feedback",path="${path}",reason="schema_violated"}`;
  expect(series.get(`${name}${labels("one_shot")}`)).toBe(1);
  expect(series.get(`${name}${labels("degraded")}`)).toBe(1);
  expect(series.get('ai_worker_score_alarms{shape="all_zero"}')).toBe(0);
  expect(await worker.waitForLog("fallback.taken")).toMatchObject({ jobId, phase: "feedback" });
});
