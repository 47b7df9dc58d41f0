import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseId, reasonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { actOnJob, type ReasonFlags, reasonOf } from "../operator.ts";

interface ReplayFlags extends AnswerFlags, ReasonFlags {
  readonly from: string;
}

export function addReplay(program: Command): void {
  program
    .command("replay")
    .description(
      "do an ended job again from a phase, also a completed one; results of earlier phases stay",
    )
    .argument("<id>", "a submission's or a job's id", parseId)
    .requiredOption(
      "--from <phase>",
      "the first phase that is done again: its result and later ones are deleted",
    )
    .addOption(reasonOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["replay 0190f3c2-… --from feedback", "a new assessment of what was read"]),
    )
    .action((id: string, flags: ReplayFlags) => execute((config) => replay(config, id, flags)));
}

async function replay(config: WorkerConfig, given: string, flags: ReplayFlags): Promise<void> {
  const { from } = flags;
  const act = { given, action: "job.replay", detail: from, ...reasonOf(flags) };
  const id = await actOnJob(config, act, (acting, job) => acting.replay(job, from));
  createAnswer(flags).thing({ id, from }, [`job ${id}: queued again from ${from}`]);
}
