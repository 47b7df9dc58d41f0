import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseId, reasonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { actOnJob, type ReasonFlags, reasonOf } from "../operator.ts";

interface CancelFlags extends AnswerFlags, ReasonFlags {}

export function addCancel(program: Command): void {
  program
    .command("cancel")
    .description(
      "end a job; a worker that runs it writes nothing more, and its model call is aborted",
    )
    .argument("<id>", "a submission's or a job's id", parseId)
    .addOption(reasonOption())
    .addOption(jsonOption())
    .addHelpText("after", examples(["cancel 0190f3c2-…", "`requeue` takes it back"]))
    .action((id: string, flags: CancelFlags) => execute((config) => cancel(config, id, flags)));
}

async function cancel(config: WorkerConfig, given: string, flags: CancelFlags): Promise<void> {
  const act = { given, action: "job.cancel", ...reasonOf(flags) };
  const id = await actOnJob(config, act, (acting, job) => acting.cancel(job));
  createAnswer(flags).thing({ id }, [`job ${id}: cancelled`]);
}
