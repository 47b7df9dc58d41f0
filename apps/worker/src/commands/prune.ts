import { type PruneAnswer, type Retention, workerDefaults, WorkerError } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, reasonOption, yesOption } from "../command-line/arguments.ts";
import { askConsent, type ConsentFlags } from "../command-line/consent.ts";
import { countOf } from "../command-line/counting.ts";
import { parseDuration, toDuration } from "../command-line/duration.ts";
import { execute } from "../command-line/execute.ts";
import { createProgressLine } from "../command-line/progress-line.ts";
import type { WorkerConfig } from "../config.ts";
import { actingAs, openOperator, type ReasonFlags, reasonOf } from "../operator.ts";

type Age = number | "never";
type State = (typeof states)[number];

interface PruneFlags extends AnswerFlags, ConsentFlags, ReasonFlags, Readonly<Record<State, Age>> {}

const dayMs = 86_400_000;
const states = ["completed", "failed", "dead", "cancelled"] as const;

/** As workers do by themselves. */
const defaults: Readonly<Record<State, number>> = {
  completed: workerDefaults.keepCompletedDays * dayMs,
  failed: workerDefaults.keepFailedDays * dayMs,
  dead: workerDefaults.keepDeadDays * dayMs,
  cancelled: workerDefaults.keepCancelledDays * dayMs,
};

export function addPrune(program: Command): void {
  const command = program
    .command("prune")
    .description(
      "delete jobs that ended long ago, with attempts, results and keys; workers do it by themselves",
    );
  for (const state of states) {
    const days = `${defaults[state] / dayMs}d`;
    const meaning =
      state === "failed" || state === "dead" ? `${state} jobs` : `jobs that were ${state}`;
    command.option(
      `--${state} <age>`,
      `${meaning}, this long ago, or never (default: ${days})`,
      parseAge,
      defaults[state],
    );
  }
  command
    .addOption(yesOption())
    .addOption(reasonOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["prune", "what workers would delete, too"],
        ["prune --completed 7d --failed never --dead never --yes", "to make room"],
      ),
    )
    .action((flags: PruneFlags) => execute((config, signal) => prune(config, flags, signal)));
}

function parseAge(text: string): Age {
  return text === "never" ? text : parseDuration(text);
}

async function prune(config: WorkerConfig, flags: PruneFlags, signal: AbortSignal): Promise<void> {
  await using operator = await openOperator(config);
  await askConsent(`Delete ${describe(flags)}?`, flags, signal);
  const acting = actingAs(operator.client, { action: "jobs.prune", ...reasonOf(flags) });
  const line = createProgressLine(process.stderr);
  let sum: Omit<PruneAnswer, "more"> = { completed: 0, failed: 0, dead: 0, cancelled: 0 };
  for (let more = true; more;) {
    const batch = await acting.pruneJobs(toRetention(flags));
    sum = add(sum, batch);
    more = batch.more;
    if (more) line.tell(`deleted ${countOf(count(sum), "job")}`);
    if (more && signal.aborted) {
      line.end();
      throw new WorkerError(
        "aborted",
        `Stopped after ${countOf(count(sum), "job")}; the rest is left.`,
      );
    }
  }
  line.end();
  createAnswer(flags).thing(sum, [
    `Deleted ${countOf(count(sum), "job")}: ${sum.completed} completed, ${sum.failed} failed, ${sum.dead} dead, ${sum.cancelled} cancelled.`,
  ]);
}

function describe(flags: PruneFlags): string {
  const kinds = states.flatMap((state) => {
    const age = flags[state];
    return age === "never" ? [] : [`${state} ones older than ${toDuration(age)}`];
  });
  return kinds.length === 0 ? "nothing" : `jobs: ${kinds.join(", ")}`;
}

function toRetention({ completed, failed, dead, cancelled }: PruneFlags): Retention {
  return {
    completedMs: keep(completed),
    failedMs: keep(failed),
    deadMs: keep(dead),
    cancelledMs: keep(cancelled),
  };
}

function keep(age: Age): number | undefined {
  return age === "never" ? undefined : age;
}

function add(sum: Omit<PruneAnswer, "more">, batch: PruneAnswer): Omit<PruneAnswer, "more"> {
  return {
    completed: sum.completed + batch.completed,
    failed: sum.failed + batch.failed,
    dead: sum.dead + batch.dead,
    cancelled: sum.cancelled + batch.cancelled,
  };
}

function count({ completed, failed, dead, cancelled }: Omit<PruneAnswer, "more">): number {
  return completed + failed + dead + cancelled;
}
