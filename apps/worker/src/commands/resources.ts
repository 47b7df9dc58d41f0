import { type ResourceRecord, WorkerError } from "@leasehold/core";
import { type Command, InvalidArgumentError } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseCount, reasonOption } from "../command-line/arguments.ts";
import { countOf } from "../command-line/counting.ts";
import { parseDuration, toDuration } from "../command-line/duration.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { actingAs, openOperator, type ReasonFlags, reasonOf } from "../operator.ts";

interface ActFlags extends AnswerFlags, ReasonFlags {}

interface SetFlags extends ActFlags {
  readonly concurrency: number | "none";
}

interface OpenFlags extends ActFlags {
  readonly for?: number;
  readonly code?: string;
}

export function addResources(program: Command): void {
  const resources = program
    .command("resources")
    .description("see and steer what jobs compete for, such as a model on a host, and its breaker");
  resources
    .command("list", { isDefault: true })
    .description("show the resources, how full they are, and whether they are away")
    .addOption(jsonOption())
    .action((flags: AnswerFlags) => execute((config) => showResources(config, flags)));
  resources
    .command("set")
    .description("say how many jobs may use a resource at once, over all workers")
    .argument("<name>", "as `resources` shows it")
    .requiredOption("--concurrency <count>", "a whole number, or none for any", parseConcurrency)
    .addOption(reasonOption())
    .addOption(jsonOption())
    .action((name: string, flags: SetFlags) =>
      execute((config) => setResource(config, name, flags)),
    );
  resources
    .command("open")
    .description("open its breaker: nobody claims for it; jobs that run go on")
    .argument("<name>", "as `resources` shows it")
    .option("--for <duration>", "then one job looks; default: until `close`", parseDuration)
    .option("--code <code>", "why, in [a-z0-9_]; default: paused")
    .addOption(reasonOption())
    .addOption(jsonOption())
    .action((name: string, flags: OpenFlags) =>
      execute((config) => openBreaker(config, name, flags)),
    );
  resources
    .command("close")
    .description("close its breaker: it is used again, slowly at first")
    .argument("<name>", "as `resources` shows it")
    .addOption(reasonOption())
    .addOption(jsonOption())
    .action((name: string, flags: ActFlags) =>
      execute((config) => closeBreaker(config, name, flags)),
    );
  resources.addHelpText(
    "after",
    examples(
      ["resources", "what there is"],
      ["resources set 127.0.0.1:11434/qwen3:8b --concurrency 2", "whatever its adapter says"],
      ["resources open 127.0.0.1:11434/qwen3:8b --code new_driver", "while you mend it"],
      ["resources close 127.0.0.1:11434/qwen3:8b", "when it is mended"],
    ),
  );
}

function parseConcurrency(text: string): number | "none" {
  if (text === "none") return text;
  try {
    return parseCount(text);
  } catch {
    throw new InvalidArgumentError("Write a whole number from 1 on, or none.");
  }
}

const view: TableView<ResourceRecord> = {
  name: ({ name }) => name,
  state: ({ state }) => state,
  code: ({ code }) => code,
  leased: ({ leased }) => leased,
  places: ({ places }) => places ?? "any",
  concurrency: ({ concurrency }) => concurrency ?? "any",
  outages: ({ outages }) => outages,
  "open until": ({ state, openUntil }) =>
    openUntil ?? (state === "open" ? "it is closed" : undefined),
  probe: ({ probe }) => probe,
};

async function showResources(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using operator = await openOperator(config);
  const resources = await operator.client.getResources();
  createAnswer(flags).rows(resources, view, "No worker has told of any resource.");
}

async function setResource(config: WorkerConfig, name: string, flags: SetFlags): Promise<void> {
  await using operator = await openOperator(config);
  const concurrency = flags.concurrency === "none" ? undefined : flags.concurrency;
  const outcome = await actingAs(operator.client, {
    action: "resource.set",
    target: name,
    ...reasonOf(flags),
  }).setResource(name, { concurrency });
  const words = concurrency === undefined ? "any number of jobs" : countOf(concurrency, "job");
  createAnswer(flags).thing({ name, concurrency, outcome }, [`${name}: ${words} at once`]);
}

async function openBreaker(config: WorkerConfig, name: string, flags: OpenFlags): Promise<void> {
  await using operator = await openOperator(config);
  const { for: forMs, code } = flags;
  const outcome = await actingAs(operator.client, {
    action: "resource.open",
    target: name,
    ...reasonOf(flags),
  }).openBreaker(name, {
    ...(forMs === undefined ? {} : { forMs }),
    ...(code === undefined ? {} : { code }),
  });
  if (outcome === "not_found") throw unknown(name);
  const until = forMs === undefined ? "until it is closed" : `for ${toDuration(forMs)}`;
  createAnswer(flags).thing({ name, outcome }, [`${name}: nobody claims for it, ${until}`]);
}

async function closeBreaker(config: WorkerConfig, name: string, flags: ActFlags): Promise<void> {
  await using operator = await openOperator(config);
  const outcome = await actingAs(operator.client, {
    action: "resource.close",
    target: name,
    ...reasonOf(flags),
  }).closeBreaker(name);
  if (outcome === "not_found") throw unknown(name);
  const words = outcome === "ok" ? "is used again, slowly at first" : "was not open";
  createAnswer(flags).thing({ name, outcome }, [`${name}: ${words}`]);
}

function unknown(name: string): WorkerError {
  return new WorkerError("not_found", `There is no resource ${name}: see \`resources\`.`);
}
