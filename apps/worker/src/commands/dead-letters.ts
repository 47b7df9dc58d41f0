import type { DeadLetterRecord } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openOperator } from "../operator.ts";

interface DeadLetterFlags extends AnswerFlags {
  readonly type?: string;
  readonly code?: string;
}

export function addDeadLetters(program: Command): void {
  program
    .command("dead-letters")
    .description(
      "show what ended badly, by where and why, the most first; each with one job to look at",
    )
    .option("--type <type>", "only of this type")
    .option("--code <code>", "only with this code")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["dead-letters", "what ended badly"],
        ["explain <sample>", "how one of them ended"],
        ["requeue --code output_invalid --count-only", "how many a new start would be for"],
      ),
    )
    .action((flags: DeadLetterFlags) => execute((config) => showDeadLetters(config, flags)));
}

const view: TableView<DeadLetterRecord> = {
  jobs: ({ count }) => count,
  state: ({ state }) => state,
  code: ({ code }) => code,
  phase: ({ phase }) => phase,
  type: ({ type }) => type,
  queue: ({ queue }) => queue,
  first: ({ firstAt }) => firstAt,
  last: ({ lastAt }) => lastAt,
  sample: ({ sampleId }) => sampleId,
};

async function showDeadLetters(config: WorkerConfig, flags: DeadLetterFlags): Promise<void> {
  await using operator = await openOperator(config);
  const fits = ({ type, code }: DeadLetterRecord): boolean =>
    (flags.type ?? type) === type && (flags.code ?? code) === code;
  const letters = (await operator.client.getDeadLetters()).filter(fits);
  createAnswer(flags).rows(letters, view, "Nothing ended badly.");
}
