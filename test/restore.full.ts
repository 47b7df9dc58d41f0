import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient, type JobRecord } from "@leasehold/core";
import { createLearningStore } from "@leasehold/learning";

import { runCommand } from "../scripts/run-command.ts";
import { isOldPostgresMissing, oldPostgresFolder } from "./support/old-postgres.ts";
import { readBlocks } from "./support/runbook.ts";
import { root, setupHome, useCluster, type Variables } from "./support/worker-bench.ts";
import { startWorker } from "./support/worker-process.ts";

// The tools of a backup are of their server's version, and only Debian's PostgreSQL comes with them.

setDefaultTimeout(180_000);

const cluster = useCluster({ binFolder: oldPostgresFolder });

const variables: Variables = {
  WORKER_CONCURRENCY: "2",
  WORKER_LEASE_SECONDS: "6",
  WORKER_POLL_INTERVAL: "0.2",
  LEASEHOLD_HTTP_PORT: "0",
  LEASEHOLD_STUB_MARKERS: "on",
};

/** A database that an administrator installed, with its roles. */
async function setup() {
  await using stack = new AsyncDisposableStack();
  const database = await cluster.createDatabase();
  const home = stack.use(await setupHome());
  const admin = { LEASEHOLD_ADMIN_DATABASE_URL: database.adminUrl };
  const worker = { LEARNING_DATABASE_URL: database.urlOf("gustav_worker") };
  const installed = await home.run(["migrate", "--roles"], admin);
  if (installed.exitCode !== 0) throw new Error(installed.stderr);
  const store = createLearningStore({ connection: database.adminUrl });
  stack.defer(() => store.close());
  const client = stack.use(createClient({ connection: database.adminUrl }));
  const resources = stack.move();
  return {
    store,
    client,
    submit: (text: string) => store.submit({ studentSub: "s", content: { kind: "text", text } }),
    /** Runs what must succeed, and answers what it said. */
    async run(...args: readonly string[]): Promise<string> {
      const { exitCode, stdout, stderr } = await home.run(args, { ...admin, ...worker });
      expect([exitCode, stderr]).toEqual([0, ""]);
      return stdout;
    },
    startWorker: () => startWorker(home, home.start(["run"], { ...variables, ...worker })),
    /** Runs a line of the runbook with the tools of the server. */
    async type(line: string): Promise<void> {
      const { ok, output } = await runCommand(
        [
          "env",
          `PATH=${oldPostgresFolder}:${process.env["PATH"] ?? ""}`,
          `LEASEHOLD_ADMIN_DATABASE_URL=${toLibpqUrl(database)}`,
          "sh",
          "-euc",
          line,
        ],
        { cwd: home.path, timeoutMs: 60_000 },
      );
      if (!ok) throw new Error(`${line}: ${output}`);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function toLibpqUrl({ name, socketPath }: { readonly name: string; readonly socketPath: string }) {
  const folder = encodeURIComponent(join(socketPath, ".."));
  return `postgresql://postgres@/${name}?host=${folder}`;
}

/** What the runbook has somebody type, who backs up and restores. */
async function readBackupLines(): Promise<readonly [backup: string, restore: string]> {
  const runbook = await readFile(join(root, "docs/operations.md"), "utf8");
  const block = readBlocks(runbook).find(({ noRun }) => noRun?.includes("pg_dump"));
  const [backup = "", restore = "", ...more] = (block?.code ?? "").trim().split("\n");
  expect([backup, restore, more]).toEqual([
    expect.stringMatching(/^pg_dump /),
    expect.stringMatching(/^pg_restore /),
    [],
  ]);
  return [backup, restore];
}

test.skipIf(isOldPostgresMissing)(
  "a backup taken while a worker is busy is restored as the runbook says, and everything of then ends once" +
    (isOldPostgresMissing ? ` (skipped: no ${oldPostgresFolder})` : ""),
  async () => {
    await using subject = await setup();
    const { store, client, submit } = subject;
    const [backup, restore] = await readBackupLines();
    const held = await submit("[[stub: slow 3000]]");
    const worker = subject.startWorker();
    await worker.waitForLog("job.claimed", ({ jobId }) => jobId === held.jobId);
    const done = await submit("Done before the backup.");
    await worker.waitForLog("job.completed", ({ jobId }) => jobId === done.jobId);
    await subject.run("pause", "type", "learning.submission");
    const waiting = await Promise.all([1, 2, 3].map((n) => submit(`Waits, ${n}.`)));
    const ofThen = [held, done, ...waiting];

    await subject.type(backup);
    await subject.run("resume", "type", "learning.submission");
    const late = await submit("Came after the backup.");
    for (const { jobId } of [...ofThen, late]) await client.waitForJob(jobId);
    worker.signal("SIGTERM");
    await worker.ended;
    await subject.type(restore);

    const migrated = await subject.run("migrate", "--roles");
    await subject.run("doctor");
    const restored = await Promise.all(ofThen.map(({ jobId }) => client.getJob(jobId)));
    await subject.run("resume", "type", "learning.submission");
    subject.startWorker();
    const ended: JobRecord[] = [];
    for (const { jobId } of ofThen) ended.push(await client.waitForJob(jobId));
    const reports = await Promise.all(ofThen.map(({ id }) => store.readSubmission(id)));

    expect(migrated).toStartWith("Nothing to apply.\n");
    expect(restored.map((job) => job?.state)).toEqual([
      "leased",
      "completed",
      "queued",
      "queued",
      "queued",
    ]);
    expect(ended.map(({ state, failures }) => [state, failures])).toEqual(
      ofThen.map(() => ["completed", 0]),
    );
    expect(ended.map(({ losses }) => losses)).toEqual([1, 0, 0, 0, 0]);
    expect(reports.map((report) => report?.status)).toEqual(ofThen.map(() => "completed"));
    expect(await store.readSubmission(late.id)).toBeUndefined();
  },
);
