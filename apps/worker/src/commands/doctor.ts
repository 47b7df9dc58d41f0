import type { HealthFinding } from "@leasehold/learning";
import type { Command } from "commander";

import { openBackend } from "../backend.ts";
import { openChecks } from "../checks.ts";
import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { openDatabase } from "../database.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("look for what keeps queue and models from working well; it changes nothing")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["doctor", "exit code 1 when something has failed; warnings are 0"],
        ["doctor --json | jq -r '.[] | select(.status != \"ok\") | .check'", "what is not well"],
      ),
    )
    .action((flags: AnswerFlags) => execute((config, signal) => examine(config, flags, signal)));
}

/** Looks for what keeps work from being done well, and prints it. False when something has failed. */
async function examine(
  config: WorkerConfig,
  flags: AnswerFlags,
  signal: AbortSignal,
): Promise<boolean> {
  await using database = await openDatabase(config);
  await using backend = openBackend(config, { watch: (model) => model });
  await using checks = openChecks(config, { url: database.url, adapter: backend.adapter });
  const findings: readonly HealthFinding[] = [
    ...config.warnings.map(
      (message) => ({ check: "environment", status: "warn", message }) as const,
    ),
    ...(await checks.examine(signal)),
  ];
  createAnswer(flags).thing(findings, findings.map(toLine));
  return findings.every(({ status }) => status !== "fail");
}

function toLine({ check, status, message }: HealthFinding): string {
  return `${status.padEnd(4)}  ${check.padEnd(21)}  ${message}`;
}
