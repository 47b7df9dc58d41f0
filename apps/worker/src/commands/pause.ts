import { type PauseRecord, type PauseScope, WorkerError } from "@leasehold/core";
import { Argument, type Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseCount, reasonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import { type TableView, toMoment, toPlainText } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { actingAs, openOperator, type ReasonFlags, reasonOf } from "../operator.ts";

type ScopeKind = (typeof scopeKinds)[number];
const scopeKinds = ["queue", "type", "tenant", "resource"] as const;

interface PauseFlags extends AnswerFlags, ReasonFlags {
  readonly typeVersion?: number;
  readonly phase?: string;
}

export function addPause(program: Command): void {
  addScope(program.command("pause"))
    .description(
      "stop claims of a queue or a type, for a tenant or a resource; without words, show what is paused",
    )
    .option("--reason <words>", "why, in your own words, for the next one")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["pause type learning.submission --reason 'a new model is pulled'", "jobs that run go on"],
        ["pause type learning.submission --phase vision", "of one phase alone"],
        ["pause", "what is paused"],
      ),
    )
    .action((kind: ScopeKind | undefined, name: string | undefined, flags: PauseFlags) =>
      execute((config) =>
        kind === undefined
          ? showPauses(config, flags)
          : pause(config, toScope({ kind, name, flags }), flags),
      ),
    );
}

export function addResume(program: Command): void {
  addScope(program.command("resume"))
    .description("take a pause back, named as it was set")
    .addOption(reasonOption())
    .addOption(jsonOption())
    .addHelpText("after", examples(["resume type learning.submission", "claims go on at once"]))
    .action((kind: ScopeKind | undefined, name: string | undefined, flags: PauseFlags) =>
      execute((config) => resume(config, toScope({ kind, name, flags }), flags)),
    );
}

function addScope(command: Command): Command {
  return command
    .addArgument(new Argument("[scope]", "what is meant").choices(scopeKinds))
    .argument("[name]", "its name")
    .option("--type-version <number>", "of a type: this version alone", parseCount)
    .option("--phase <phase>", "of a type: this phase alone");
}

/** What is paused, since when, by whom and why, on one line. */
export function toPauseLine({ scope, pausedAt, pausedBy, reason }: PauseRecord): string {
  const words = reason === undefined ? "" : `: ${toPlainText(reason)}`;
  return `${describeScope(scope)} since ${toMoment(pausedAt)} by ${toPlainText(pausedBy)}${words}`;
}

function describeScope(scope: PauseScope): string {
  if (!("type" in scope)) {
    return Object.entries(scope)
      .map(([kind, name]) => `${kind} ${toPlainText(name)}`)
      .join();
  }
  const version = scope.version === undefined ? "" : ` version ${scope.version}`;
  const phase = scope.phase === undefined ? "" : ` phase ${toPlainText(scope.phase)}`;
  return `type ${toPlainText(scope.type)}${version}${phase}`;
}

function toScope({
  kind,
  name,
  flags: { typeVersion, phase },
}: {
  readonly kind: ScopeKind | undefined;
  readonly name: string | undefined;
  readonly flags: PauseFlags;
}): PauseScope {
  if (kind === undefined || name === undefined) {
    throw new WorkerError(
      "input_invalid",
      "Name what is meant, such as: type learning.submission.",
    );
  }
  if (kind === "type") {
    return {
      type: name,
      ...(typeVersion === undefined ? {} : { version: typeVersion }),
      ...(phase === undefined ? {} : { phase }),
    };
  }
  if (typeVersion !== undefined || phase !== undefined) {
    throw new WorkerError("input_invalid", "Only a type has versions and phases.");
  }
  if (kind === "tenant") return { tenant: name };
  return kind === "resource" ? { resource: name } : { queue: name };
}

const view: TableView<PauseRecord> = {
  paused: ({ scope }) => describeScope(scope),
  since: ({ pausedAt }) => pausedAt,
  by: ({ pausedBy }) => pausedBy,
  reason: ({ reason }) => reason,
};

async function showPauses(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  createAnswer(flags).rows(await operator.client.getPauses(), view, "Nothing is paused.");
}

async function pause(config: WorkerConfig, scope: PauseScope, flags: PauseFlags): Promise<void> {
  await using operator = await openOperator(config);
  const { reason } = flags;
  const outcome = await actingAs(operator.client, {
    action: "scope.pause",
    target: describeScope(scope),
    ...reasonOf(flags),
  }).pause(scope, reason === undefined ? {} : { reason });
  const words = outcome === "ok" ? "paused; what runs goes on" : "was paused already, and stays so";
  createAnswer(flags).thing({ scope, outcome }, [`${describeScope(scope)}: ${words}`]);
}

async function resume(config: WorkerConfig, scope: PauseScope, flags: PauseFlags): Promise<void> {
  await using operator = await openOperator(config);
  const outcome = await actingAs(operator.client, {
    action: "scope.resume",
    target: describeScope(scope),
    ...reasonOf(flags),
  }).resume(scope);
  const words = outcome === "ok" ? "goes on" : "was not paused; `pause` shows what is";
  createAnswer(flags).thing({ scope, outcome }, [`${describeScope(scope)}: ${words}`]);
}
