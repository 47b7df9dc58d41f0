import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseId, reasonOption } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { WorkerConfig } from "../config.ts";
import { actOnJob } from "../operator.ts";

interface ResolveFlags extends AnswerFlags {
  readonly reason: string;
}

export function addResolve(program: Command): void {
  program
    .command("resolve")
    .description("end the matter of a failed or dead job that somebody settled by hand")
    .argument("<id>", "a submission's or a job's id", parseId)
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples([
        "resolve 0190f3c2-… --reason 'assessed on paper'",
        "no dead letter any more; `requeue` takes it back",
      ]),
    )
    .action((id: string, flags: ResolveFlags) => execute((config) => resolve(config, id, flags)));
}

async function resolve(
  config: WorkerConfig,
  given: string,
  { reason, ...flags }: ResolveFlags,
): Promise<void> {
  const act = { given, action: "job.resolve", reason };
  const id = await actOnJob(config, act, (acting, job) => acting.resolve(job, reason));
  createAnswer(flags).thing({ id }, [`job ${id}: settled by hand`]);
}
