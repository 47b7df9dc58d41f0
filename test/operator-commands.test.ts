import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { userInfo } from "node:os";

import { createWorker, definePipeline, type Pipeline, WorkerError } from "@leasehold/core";
import { z } from "zod";

import type { ProgramEnd } from "./support/spawned-program.ts";
import { type Bench, root, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();
const nobody = "00000000-0000-4000-8000-000000000000";
const secret = "geheim";

/** Its second phase refuses every text; no command may show the text, nor whose it is. */
function defineEssay(type: string): Pipeline<z.ZodType<{ readonly text: string }>> {
  return definePipeline({
    type,
    version: 1,
    queue: "essays",
    input: z.object({ text: z.string() }),
    phases: [
      {
        name: "read",
        output: z.string(),
        run: ({ input }) => Promise.resolve({ output: input.text, provenance: {} }),
      },
      {
        name: "judge",
        output: z.string(),
        run: () => Promise.reject(new WorkerError("output_invalid", "The answer did not hold.")),
      },
    ],
  });
}

let bench: Bench;

// One database for the file: each test has a type of its own.
beforeAll(async () => {
  bench = await cluster.setup();
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Has jobs of a type fail in `judge`, with no worker left. */
async function failJobs(type: string, count: number): Promise<readonly string[]> {
  const connection = bench.database.url;
  const essay = defineEssay(type);
  const inputs = Array.from({ length: count }, () => ({ text: `${secret} text` }));
  const answers = await bench.client.enqueueMany(essay, inputs, { tenant: secret });
  const ids = answers.map(({ id }) => id);
  await using worker = createWorker({ connection, pipelines: [essay], concurrency: 5 });
  await worker.start();
  await Promise.all(ids.map((id) => bench.client.waitForJob(id)));
  return ids;
}

function ask(...args: readonly string[]): Promise<ProgramEnd> {
  return bench.run(args);
}

/** What programs read is one line. */
function read(end: ProgramEnd): unknown {
  expect(end.stdout.trimEnd().split("\n")).toHaveLength(1);
  return JSON.parse(end.stdout);
}

test("from what ended badly to its cause and its new start are three commands", async () => {
  const ids = await failJobs("essay.three", 3);

  const letters = await ask("dead-letters", "--type", "essay.three");
  const sample = ids.find((id) => letters.stdout.includes(id)) ?? "no sample";
  const cause = await ask("explain", sample);
  const requeued = await ask("requeue", "--type", "essay.three", "--yes");

  expect(letters.stdout).toMatch(/^jobs +state +code +phase +type +queue +first +last +sample$/m);
  expect(letters.stdout).toMatch(
    /^ +3 +failed +output_invalid +judge +essay\.three +essays +\d{4}-/m,
  );
  expect(cause.stdout).toMatch(new RegExp(`^job ${sample}\\n  .*output_invalid.*\\(failed\\)\\n$`));
  expect(requeued.stdout).toBe("3 jobs queued again, spread over 3 s.\n");
  expect(requeued.stderr).toBe("requeued: 100 %\n");
  for (const id of ids) expect(await bench.client.getJob(id)).toMatchObject({ state: "queued" });
  expect(JSON.stringify([letters, cause, requeued])).not.toContain(secret);
});

test("jobs lists by what is asked for, page after page, and actions says who did what to them", async () => {
  const ids = await failJobs("essay.listed", 3);
  const asked = ["--type", "essay.listed", "--state", "failed", "--code", "output_invalid"];
  const [id = ""] = ids;

  const table = await ask("jobs", ...asked);
  const first = await ask("jobs", ...asked, "--limit", "2", "--json");
  const { jobs, next } = read(first) as { readonly jobs: readonly object[]; readonly next: string };
  const rest = await ask("jobs", ...asked, "--after", next, "--ids");
  await ask("requeue", id, "--reason", "a better model");
  const actions = await ask("actions", "--target", id, "--json");

  expect(table.stdout).toMatch(
    /^id +type +state +phase +attempt +failures +losses +outages +code /,
  );
  for (const each of ids) expect(table.stdout).toContain(`\n${each}  essay.listed  failed  judge `);
  expect(jobs).toHaveLength(2);
  expect(ids).toContain(rest.stdout.trim());
  expect(read(actions)).toMatchObject([
    {
      operator: userInfo().username,
      action: "job.requeue",
      target: id,
      jobs: 1,
      reason: "a better model",
    },
  ]);
  expect(JSON.stringify([table, first, rest, actions])).not.toContain(secret);
});

test("requeue counts first, and does nothing to many jobs without consent", async () => {
  const [id = ""] = await failJobs("essay.consent", 1);
  const filter = ["--type", "essay.consent", "--since", "1h", "--code", "output_invalid"];

  const counted = await ask("requeue", ...filter, "--count-only", "--json");
  const refused = await ask("requeue", ...filter);
  const vague = await ask("requeue", "--yes");

  expect(read(counted)).toEqual({ matched: 1 });
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    "aborted: Nothing was done. Requeue 1 job, spread over 1 s? Say so with --yes.\n",
  ]);
  expect([vague.exitCode, vague.stderr]).toEqual([
    1,
    "input_invalid: Name either ids, or which jobs are meant: see `requeue --help`.\n",
  ]);
  expect(await bench.client.getJob(id)).toMatchObject({ state: "failed" });
});

test("requeue, replay, cancel and resolve move a job, or say why not", async () => {
  const [id = "", other = "", settled = ""] = await failJobs("essay.moves", 3);

  const mixed = await ask("requeue", id, nobody, "--json");
  const cancelled = await ask("cancel", id, "--json");
  const twice = await ask("cancel", id);
  const replayed = await ask("replay", other, "--from", "read", "--json");
  const resolved = await ask("resolve", settled, "--reason", "assessed on paper", "--json");
  const again = await ask("resolve", settled, "--reason", "assessed on paper");

  expect([mixed.exitCode, read(mixed)]).toEqual([1, { requeued: [id] }]);
  expect(mixed.stderr).toBe(`not_found: There is no submission and no job ${nobody}.\n`);
  expect([cancelled.exitCode, read(cancelled)]).toEqual([0, { id }]);
  expect([twice.exitCode, twice.stderr]).toEqual([
    1,
    `input_invalid: Job ${id} is left as it is. It has ended already: see \`status\`.\n`,
  ]);
  expect([replayed.exitCode, read(replayed)]).toEqual([0, { id: other, from: "read" }]);
  expect(await bench.client.getJob(other)).toMatchObject({ state: "queued", phase: "read" });
  expect([resolved.exitCode, read(resolved)]).toEqual([0, { id: settled }]);
  expect(again.stderr).toContain("It was settled by hand before");
  expect(await bench.client.getJob(settled)).toMatchObject({
    state: "cancelled",
    code: "resolved",
  });
});

test("a submission's id will do where a job is meant", async () => {
  const content = { kind: "text", text: `Ein ${secret}er Text.` } as const;
  const { id, jobId } = await bench.store.submit({ studentSub: secret, content });

  const explained = await ask("explain", id, "--json");
  const shown = await ask("status", id, "--json");

  expect(read(explained)).toMatchObject({ id: jobId, causes: [{ cause: "no_worker" }] });
  expect(read(shown)).toMatchObject({
    submission: { id, status: "pending" },
    job: { id: jobId, state: "queued" },
  });
  expect(JSON.stringify([explained, shown])).not.toContain(secret);
});

test("what is paused or away stays so until somebody says otherwise, and status shows it", async () => {
  const scope = ["type", "essay.held", "--phase", "judge"];
  const name = "gpu:11434/qwen3:8b";

  const paused = await ask("pause", ...scope, "--reason", "a new model", "--json");
  const set = await ask("resources", "set", name, "--concurrency", "2");
  const open = await ask("resources", "open", name, "--for", "10m", "--code", "new_driver");
  const shown = await ask("resources");
  const status = await ask("status");
  const resumed = await ask("resume", ...scope);
  const closed = await ask("resources", "close", name);

  expect(read(paused)).toEqual({ scope: { type: "essay.held", phase: "judge" }, outcome: "ok" });
  expect(set.stdout).toBe(`${name}: 2 jobs at once\n`);
  expect(open.stdout).toBe(`${name}: nobody claims for it, for 10 m\n`);
  expect(shown.stdout).toMatch(/^gpu:11434\/qwen3:8b +open +new_driver +0 +\d +2 +\d /m);
  expect(status.stdout).toMatch(
    /^paused: type essay\.held phase judge since \S+Z by leasehold: a new model$/m,
  );
  expect(status.stdout).toContain(`away: ${name}, open, new_driver\n`);
  expect(resumed.stdout).toBe("type essay.held phase judge: goes on\n");
  expect(closed.stdout).toBe(`${name}: is used again, slowly at first\n`);
});

test("prune deletes what ended long ago, and redact a learner, only with consent", async () => {
  const [id = ""] = await failJobs("essay.old", 1);
  const content = { kind: "text", text: "Ein Text." } as const;
  await bench.store.submit({ studentSub: `learner-${secret}`, content });

  const without = await ask("prune", "--failed", "0s");
  const kept = await bench.client.getJob(id);
  const pruned = await ask("prune", "--failed", "0s", "--yes");
  const redacted = await bench.run(["redact", "-", "--yes"], {}, `learner-${secret}\n`);

  expect([without.exitCode, kept?.state]).toEqual([1, "failed"]);
  expect(without.stderr).toContain("failed ones older than 0 s");
  expect(pruned.stdout).toMatch(
    /^Deleted \d+ jobs?: 0 completed, \d+ failed, 0 dead, 0 cancelled\./,
  );
  expect(await bench.client.getJob(id)).toBeUndefined();
  expect(redacted.stdout).toBe("Erased from 1 job (1 cancelled), with 1 result.\n");
  expect(JSON.stringify(redacted)).not.toContain(secret);
});

test("workers shows who works, and with --all who did", async () => {
  await failJobs("essay.seen", 1);

  const all = await ask("workers", "--all");

  expect(all.stdout).toMatch(
    / stopped +\d+\.\d+\.\d+ +5 +0 +0 +essay\.seen\/1 +\d{4}-\S+Z +\d{4}-\S+Z$/m,
  );
});

test("help teaches by examples, and a shell completes what it says", async () => {
  const main = `${root}/apps/worker/src/main.ts`;
  const script = `source <('${process.execPath}' '${main}' completion bash) && complete -p leasehold`;
  const bash = Bun.spawn(["bash", "-c", script], { env: { ...bench.variables }, stdout: "pipe" });

  const help = await ask("requeue", "--help");
  const slip = await ask("requeu");
  const commands = await ask("complete", "--", "re");
  const inGroup = await ask("complete", "--", "resources", "cl");

  expect(help.stdout).toContain(
    "\n  bun run apps/worker requeue --code output_invalid --count-only",
  );
  expect([slip.exitCode, slip.stderr]).toEqual([
    1,
    expect.stringContaining("unknown command 'requeu'\n(Did you mean requeue?)"),
  ]);
  expect(await new Response(bash.stdout).text()).toStartWith("complete -F");
  expect(commands.stdout).toMatch(
    /^requeue\t[^]*^replay\t[^]*^resume\t[^]*^resources\t[^]*^redact\t/m,
  );
  expect(inGroup.stdout).toStartWith("close\t");
});
