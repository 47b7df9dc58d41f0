import { createClient, WorkerError } from "@leasehold/core";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, reasonOption, yesOption } from "../command-line/arguments.ts";
import { askConsent, type ConsentFlags } from "../command-line/consent.ts";
import { countOf } from "../command-line/counting.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { openDatabase, prepareDatabase } from "../database.ts";
import { actingAs, type ReasonFlags, reasonOf } from "../operator.ts";

interface RedactFlags extends AnswerFlags, ConsentFlags, ReasonFlags {}

export function addRedact(program: Command): void {
  program
    .command("redact")
    .description(
      "erase a learner from the queue: payloads, results, messages, keys and the name itself",
    )
    .argument("<subject>", "as submissions name the learner, or - to read it from standard input")
    .addOption(yesOption())
    .addOption(reasonOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      [
        "",
        "It needs a login that owns the schema: LEASEHOLD_ADMIN_DATABASE_URL. Jobs that wait or run are cancelled first.",
        "Submissions stay: delete them from your own tables, too. Nothing of it can be taken back.",
        examples(["redact - --yes < subject.txt", "so that the name is in no list of processes"]),
      ].join("\n"),
    )
    .action((subject: string, flags: RedactFlags) =>
      execute((config, signal) => redact(config, { subject, flags }, signal)),
    );
}

async function redact(
  config: WorkerConfig,
  { subject: given, flags }: { readonly subject: string; readonly flags: RedactFlags },
  signal: AbortSignal,
): Promise<void> {
  const subject = given === "-" ? (await Bun.stdin.text()).trim() : given;
  if (subject === "") throw new WorkerError("input_invalid", "Name the learner to erase.");
  await askConsent("Erase all work of this learner from the queue, for good?", flags, signal);
  // What erases is the owner's alone, as migrations are.
  const databaseUrl = config.adminDatabaseUrl ?? config.databaseUrl;
  await using database = await openDatabase({ ...config, databaseUrl });
  await prepareDatabase(config, database.url);
  await using client = createClient({ connection: database.url, schema: config.schema });
  const answer = await actingAs(client, {
    action: "subject.redact",
    ...reasonOf(flags),
  }).redactSubject(subject);
  createAnswer(flags).thing(answer, [
    `Erased from ${countOf(answer.jobs, "job")} (${answer.cancelled} cancelled), with ${countOf(answer.results, "result")}.`,
  ]);
}
