import type { QueueRecord } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { toDuration } from "../command-line/duration.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openOperator } from "../operator.ts";

export function addQueues(program: Command): void {
  program
    .command("queues")
    .description("show what waits and what runs, by queue, type and state")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["queues", "`due` is late by its oldest; `delayed` and `waiting` are not late"],
        ["queues --json | jq '.[] | select(.state == \"due\")'", "for a script"],
      ),
    )
    .action((flags: AnswerFlags) => execute((config) => showQueues(config, flags)));
}

/** What `queues` and `status` show of the backlog. */
export const queueView: TableView<QueueRecord> = {
  queue: ({ queue }) => queue,
  type: ({ type }) => type,
  state: ({ state }) => state,
  jobs: ({ count }) => count,
  "oldest due": ({ oldestAgeSeconds }) => toAge(oldestAgeSeconds),
  "p95 due": ({ p95AgeSeconds }) => toAge(p95AgeSeconds),
  "many failures": ({ highRetryCount }) => highRetryCount,
  "met an outage": ({ outageCount }) => outageCount,
};

export const emptyBacklog = "Nothing waits and nothing runs.";

async function showQueues(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  createAnswer(flags).rows(await operator.client.getQueue(), queueView, emptyBacklog);
}

function toAge(seconds: number | undefined): string | undefined {
  return seconds === undefined ? undefined : toDuration(seconds * 1_000);
}
