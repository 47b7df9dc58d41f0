import type { ActionRecord } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseCount } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openOperator } from "../operator.ts";

interface ActionsFlags extends AnswerFlags {
  readonly target?: string;
  readonly operator?: string;
  readonly limit: number;
}

export function addActions(program: Command): void {
  program
    .command("actions")
    .description("show what operators did, to what and why, the newest first")
    .option("--target <target>", "only to this, such as a job's id")
    .option("--operator <name>", "only by this one")
    .option("--limit <count>", "so many, at most 200", parseCount, 50)
    .addOption(jsonOption())
    .addHelpText("after", examples(["actions --limit 10", "what was done last"]))
    .action((flags: ActionsFlags) => execute((config) => showActions(config, flags)));
}

const view: TableView<ActionRecord> = {
  at: ({ at }) => at,
  operator: ({ operator }) => operator,
  login: ({ login }) => login,
  action: ({ action }) => action,
  outcome: ({ outcome }) => outcome,
  jobs: ({ jobs }) => jobs,
  target: ({ target }) => target,
  reason: ({ reason }) => reason,
};

async function showActions(config: WorkerConfig, flags: ActionsFlags): Promise<void> {
  await using open = await openOperator(config);
  const { target, operator, limit } = flags;
  const actions = await open.client.getActions({
    limit,
    ...(target === undefined ? {} : { target }),
    ...(operator === undefined ? {} : { operator }),
  });
  createAnswer(flags).rows(actions, view, "Nobody did anything yet.");
}
