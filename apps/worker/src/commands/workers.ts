import type { WorkerRecord } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openOperator } from "../operator.ts";

interface WorkersFlags extends AnswerFlags {
  readonly all?: true;
}

export function addWorkers(program: Command): void {
  program
    .command("workers")
    .description("show who works, and who has fallen silent without a goodbye")
    .option("--all", "also those that stopped within the last month")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["workers", "`silent`: killed, cut off or starved; see its last lines"]),
    )
    .action((flags: WorkersFlags) => execute((config) => showWorkers(config, flags)));
}

const view: TableView<WorkerRecord> = {
  name: ({ name }) => name,
  state: ({ state }) => state,
  version: ({ version }) => version,
  slots: ({ slots }) => slots,
  runs: ({ inFlight }) => inFlight,
  abandoned: ({ abandoned }) => abandoned,
  types: ({ types }) => types.join(", "),
  started: ({ startedAt }) => startedAt,
  seen: ({ seenAt }) => seenAt,
};

async function showWorkers(config: WorkerConfig, flags: WorkersFlags): Promise<void> {
  await using operator = await openOperator(config);
  const workers = await operator.client.getWorkers();
  const shown = workers.filter(({ state }) => flags.all === true || state !== "stopped");
  createAnswer(flags).rows(shown, view, "No worker is there. Start one with: bun run apps/worker");
}
