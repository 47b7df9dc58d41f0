import { WorkerError } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseId } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import { toMoment, toPlainText } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { findJobId, openOperator } from "../operator.ts";

export function addExplain(program: Command): void {
  program
    .command("explain")
    .description("say why a job is not running, or how it ended: first the cause that decides")
    .argument("<id>", "a submission's or a job's id", parseId)
    .addOption(jsonOption())
    .addHelpText("after", examples(["explain 0190f3c2-…", "every cause that holds, one by line"]))
    .action((id: string, flags: AnswerFlags) => execute((config) => explain(config, id, flags)));
}

async function explain(config: WorkerConfig, given: string, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  const id = await findJobId(operator, given);
  const causes = await operator.client.explain(id);
  if (causes.some(({ cause }) => cause === "not_found")) {
    throw new WorkerError("not_found", `There is no submission and no job ${given}.`);
  }
  createAnswer(flags).thing({ id, causes }, [
    `job ${id}`,
    ...causes.map(({ cause, sentence, until }) => {
      const end = until === undefined ? "" : `, until ${toMoment(until)}`;
      return `  ${toPlainText(sentence)} (${cause}${end})`;
    }),
  ]);
}
