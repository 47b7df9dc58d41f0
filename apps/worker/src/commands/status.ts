import { type JobRecord, WorkerError, type WorkerRecord } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseId } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import { toMoment } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openOperator, type Operator } from "../operator.ts";
import { toPauseLine } from "./pause.ts";
import { emptyBacklog, queueView } from "./queues.ts";

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("show how all stands, or where one submission or job is; no content")
    .argument("[id]", "a submission's or a job's id", parseId)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["status", "the backlog, the workers, and what is paused, away or has failed"],
        ["status 0190f3c2-…", "one submission or job, with every attempt"],
      ),
    )
    .action((id: string | undefined, flags: AnswerFlags) =>
      execute((config) => (id === undefined ? showAll(config, flags) : showOne(config, id, flags))),
    );
}

async function showAll(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  const standing = await readStanding(operator);
  const answer = createAnswer(flags);
  if (flags.json === true) {
    answer.thing(standing, []);
    return;
  }
  answer.rows(standing.queues, queueView, emptyBacklog);
  answer.say("");
  for (const line of describeStanding(standing)) answer.say(line);
}

/** How all stands, at one look. */
type Standing = Awaited<ReturnType<typeof readStanding>>;

// Its type is what JSON says of it: each of them is documented where it comes from.
async function readStanding({ client }: Operator) {
  const [queues, workers, pauses, resources, deadLetters] = await Promise.all([
    client.getQueue(),
    client.getWorkers(),
    client.getPauses(),
    client.getResources(),
    client.getDeadLetters(),
  ]);
  return {
    queues,
    workers: { live: count(workers, "live"), silent: count(workers, "silent") },
    pauses,
    away: resources.filter(({ state }) => state !== "closed"),
    endedBadly: deadLetters.reduce((sum, letters) => sum + letters.count, 0),
  };
}

function count(workers: readonly WorkerRecord[], state: WorkerRecord["state"]): number {
  return workers.filter((worker) => worker.state === state).length;
}

function describeStanding({
  queues,
  workers,
  pauses,
  away,
  endedBadly,
}: Standing): readonly string[] {
  const outages = queues.reduce((sum, { outageCount }) => sum + outageCount, 0);
  return [
    `workers: ${workers.live} live, ${workers.silent} silent`,
    ...pauses.map((pause) => `paused: ${toPauseLine(pause)}`),
    ...away.map(
      ({ name, state, code }) => `away: ${name}, ${state}${code === undefined ? "" : `, ${code}`}`,
    ),
    ...(outages > 0
      ? [`${outages} jobs met a backend that was down; they are tried again, uncharged.`]
      : []),
    `ended badly: ${endedBadly}${endedBadly > 0 ? " (see dead-letters)" : ""}`,
  ];
}

async function showOne(config: WorkerConfig, id: string, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  const report = await operator.store.readSubmission(id);
  const job = await operator.client.getJob(report?.jobId ?? id);
  if (report === undefined && job === undefined) {
    throw new WorkerError("not_found", `There is no submission and no job ${id}.`);
  }
  // A report is content but for these three.
  const submission = report && {
    id: report.id,
    status: report.status,
    errorCode: report.errorCode,
  };
  const lines: string[] = [];
  if (submission !== undefined) {
    const code = submission.errorCode === undefined ? "" : ` (${submission.errorCode})`;
    lines.push(`submission ${submission.id}: ${submission.status}${code}`);
  }
  if (job !== undefined) lines.push(...describeJob(job));
  createAnswer(flags).thing({ submission, job }, lines);
}

function describeJob(job: JobRecord): readonly string[] {
  const { progress, waitsFor } = job;
  return [
    `job ${job.id}: ${job.state} at ${job.phase}, attempt ${job.attempt}`,
    `  ${job.failures} failures, ${job.losses} losses, ${job.outages} outages`,
    ...(job.code === undefined ? [] : [`  last trouble: ${job.code}: ${job.message ?? ""}`]),
    ...(job.state === "queued" && job.dueAt !== undefined ? [`  due ${toMoment(job.dueAt)}`] : []),
    ...(waitsFor === undefined ? [] : [`  waits for ${waitsFor.name ?? waitsFor.reason}`]),
    ...(progress?.stage === undefined
      ? []
      : [`  is at ${progress.stage}, as told ${toMoment(progress.toldAt)}`]),
    ...job.attempts.map(
      ({ phase, attempt, outcome, code, ms }) =>
        `  ${phase} ${attempt}: ${outcome}${code === null ? "" : ` (${code})`}, ${ms} ms`,
    ),
  ];
}
