import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createTcpRelay } from "./support/tcp-relay.ts";
import { storeUpload } from "./support/uploads.ts";
import { type Bench, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

/** Words that belong to learners, teachers and operators. Nobody else may read them. */
const secrets = {
  text: "Kanarienvogel-Aufsatz",
  student: "kanarienvogel-schuelerin",
  criterion: "Kanarienvogel-Kriterium",
  instruction: "Kanarienvogel-Auftrag",
  hints: "Kanarienvogel-Loesung",
  upload: "Kanarienvogel-Seite",
  file: "kanarienvogel-datei.pdf",
  password: "kanarienvogel-passwort",
  token: "kanarienvogel-wort-des-betreibers",
} as const;

test("nothing that learners or operators keep to themselves is logged, shown or stored as an error", async () => {
  await using bench = await cluster.setup();
  const { name, socketPath } = bench.database;
  await using relay = await createTcpRelay({ path: socketPath });
  await relay.open();
  await bench.sql`select leasehold.register_type('learning.submission', p_backoff_base_ms => 100)`;
  const variables = {
    LEARNING_DATABASE_URL: `postgresql://leasehold:${secrets.password}@127.0.0.1:${relay.port}/${name}`,
    LEASEHOLD_OPERATOR_TOKEN: secrets.token,
    LEASEHOLD_STUB_MARKERS: "on",
    WORKER_POLL_INTERVAL: "0.1",
    LOG_LEVEL: "debug",
  };
  const worker = bench.startWorker(variables);

  const submitted = await submitAll(bench);
  for (const { jobId } of submitted) await bench.client.waitForJob(jobId, { pollIntervalMs: 50 });
  // Postgres goes away, which drivers like to explain with an address.
  await relay.close();
  await worker.waitForLog("database.failed");
  await relay.open();
  const shown: string[] = [];
  for (const path of ["/internal/health/learning-worker", "/metrics", "/livez", "/nothing"]) {
    const headers = { authorization: `Bearer ${secrets.token}` };
    shown.push(await (await fetch(`${await worker.origin()}${path}`, { headers })).text());
  }
  for (const id of [undefined, ...submitted.map(({ id: each }) => each)]) {
    const { stdout, stderr } = await bench.run(
      ["status", ...(id === undefined ? [] : [id])],
      variables,
    );
    shown.push(stdout, stderr);
  }
  const errors = await bench.sql`
    select message from leasehold.attempt union all select last_message from leasehold.job_counter
    union all select message from leasehold.stopped union all select provenance::text from leasehold.result
    union all select coalesce(vision_last_error, '') || coalesce(feedback_last_error, '') || provenance::text
      from public.learning_submissions`;
  worker.signal("SIGTERM");
  const { stdout, stderr, exitCode } = await worker.ended;

  const lines = worker.log();
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(lines.length).toBeGreaterThan(30);
  expect(stdout.trimEnd().split("\n")).toHaveLength(lines.length);
  for (const line of lines)
    expect(line).toMatchObject({ level: expect.any(Number), time: expect.any(Number) });
  // It did happen: results, a retry, a failure for good and one of an upload.
  const names = new Set(lines.map(({ msg }) => msg));
  for (const event of ["job.completed", "job.retried", "job.failed", "database.failed"]) {
    expect(names).toContain(event);
  }
  const everything = JSON.stringify([stdout, shown, errors]).toLowerCase();
  expect(everything).not.toContain("kanarienvogel");
  expect(errors.length).toBeGreaterThan(5);
});

test("an error that nobody caught is told without what it holds", async () => {
  await using bench = await cluster.setup();
  const preload = join(bench.path, "fault.ts");
  await writeFile(
    preload,
    `const message = "Kanarienvogel\\n    at kanarienvogel (line)";
     const fail = () => { throw Object.assign(new TypeError(message), { detail: "Kanarienvogel" }); };
     process.on("SIGUSR2", () => setTimeout(fail));`,
  );
  const worker = bench.startWorker({ BUN_OPTIONS: `--preload=${preload}` });
  await worker.waitForLog("worker.started");

  worker.signal("SIGUSR2");
  const { exitCode, stdout, stderr } = await worker.ended;

  expect(exitCode).toBe(1);
  expect(stderr).toStartWith("Unexpected TypeError; please report this.\n    at ");
  expect((stdout + stderr).toLowerCase()).not.toContain("kanarienvogel");
});

/** One submission for every way to end. */
async function submitAll(
  bench: Bench,
): Promise<readonly { readonly id: string; readonly jobId: string }[]> {
  const request = {
    studentSub: secrets.student,
    criteria: [secrets.criterion],
    instruction: secrets.instruction,
    hints: secrets.hints,
  };
  const markers = ["", "[[stub: transient 1]]", "[[stub: invalid 1]]", "[[stub: permanent]]"];
  const texts = markers.map((marker) => ({
    kind: "text" as const,
    text: `${secrets.text} ${marker}`,
  }));
  const upload = await storeUpload(bench, Buffer.from(`%PDF-1.7 ${secrets.upload}\n%%EOF\n`), {
    storageKey: secrets.file,
    mediaType: "application/pdf",
  });
  return await Promise.all(
    [...texts, upload].map((content) => bench.store.submit({ ...request, content })),
  );
}
