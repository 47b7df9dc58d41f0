import {
  type Client,
  type CountedJob,
  type JobFilter,
  type JobPage,
  jobStates,
} from "@leasehold/core";
import { type Command, Option } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseCount } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openOperator } from "../operator.ts";

interface JobsFlags extends AnswerFlags, JobFilter {
  readonly limit: number;
  readonly after?: string;
  readonly ids?: true;
}

export function addJobs(program: Command): void {
  program
    .command("jobs")
    .description("list jobs, the newest first; of those that ended badly, the last to end first")
    .addOption(new Option("--state <state>", "in this state").choices(jobStates))
    .option("--type <type>", "of this type")
    .option("--queue <queue>", "of this queue")
    .option("--code <code>", "with this last trouble")
    .option("--tenant <tenant>", "of this tenant")
    .option("--worker <name>", "that this worker has, or had last")
    .option("--limit <count>", "so many at most", parseCount, 50)
    .option("--after <place>", "go on where the list before ended")
    .option("--ids", "print only their ids, one by line")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["jobs --state leased", "what runs"],
        ["jobs --state failed --code output_invalid --limit 10", "some that failed of one thing"],
        ["jobs --state dead --ids | xargs bun run apps/worker requeue", "by their ids"],
      ),
    )
    .action((flags: JobsFlags) => execute((config) => showJobs(config, flags)));
}

const view: TableView<CountedJob> = {
  id: ({ id }) => id,
  type: ({ type }) => type,
  state: ({ state }) => state,
  phase: ({ phase }) => phase,
  attempt: ({ attempt }) => attempt,
  failures: ({ failures }) => failures,
  losses: ({ losses }) => losses,
  outages: ({ outages }) => outages,
  code: ({ code }) => code,
  created: ({ createdAt }) => createdAt,
  "due or ended": ({ dueAt, finishedAt }) => finishedAt ?? dueAt,
};

async function showJobs(config: WorkerConfig, flags: JobsFlags): Promise<void> {
  await using operator = await openOperator(config);
  const page = await collectJobs(operator.client, flags);
  const answer = createAnswer(flags);
  if (flags.json === true) answer.thing(page, []);
  else if (flags.ids === true)
    answer.thing(
      page,
      page.jobs.map(({ id }) => id),
    );
  else {
    answer.rows(page.jobs, view, "No job fits.");
    if (page.next !== undefined) answer.say(`There may be more: --after '${page.next}'`);
  }
}

/** As many as one call answers. */
const pageMax = 200;

/** Goes from page to page, since one may be short where few jobs fit. */
async function collectJobs(client: Pick<Client, "listJobs">, flags: JobsFlags): Promise<JobPage> {
  const jobs: CountedJob[] = [];
  const filter = toFilter(flags);
  let next = flags.after;
  do {
    const limit = Math.min(flags.limit - jobs.length, pageMax);
    const page = await client.listJobs(filter, {
      limit,
      ...(next === undefined ? {} : { after: next }),
    });
    jobs.push(...page.jobs);
    next = page.next;
  } while (next !== undefined && jobs.length < flags.limit);
  return { jobs, next };
}

function toFilter({ state, type, queue, code, tenant, worker }: JobFilter): JobFilter {
  return {
    ...(state === undefined ? {} : { state }),
    ...(type === undefined ? {} : { type }),
    ...(queue === undefined ? {} : { queue }),
    ...(code === undefined ? {} : { code }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(worker === undefined ? {} : { worker }),
  };
}
