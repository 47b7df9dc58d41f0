import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseId } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { findJobId, openOperator, refuse } from "../operator.ts";

export function addCancel(program: Command): void {
  program
    .command("cancel")
    .description(
      "end a job; a worker that runs it writes nothing more, and its model call is aborted",
    )
    .argument("<id>", "a submission's or a job's id", parseId)
    .addOption(jsonOption())
    .addHelpText("after", examples(["cancel 0190f3c2-…", "`requeue` takes it back"]))
    .action((id: string, flags: AnswerFlags) => execute((config) => cancel(config, id, flags)));
}

async function cancel(config: WorkerConfig, given: string, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  const id = await findJobId(operator, given);
  const outcome = await operator.client.cancel(id);
  if (outcome !== "ok") throw refuse(given, outcome);
  createAnswer(flags).thing({ id }, [`job ${id}: cancelled`]);
}
