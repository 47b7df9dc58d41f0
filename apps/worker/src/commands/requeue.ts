import { type RequeueFilter, type RequeueReport, WorkerError } from "@leasehold/core";
import { type Command, Option } from "commander";

import { type Answer, type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import {
  examples,
  jsonOption,
  parseCount,
  parseIds,
  reasonOption,
  yesOption,
} from "../command-line/arguments.ts";
import { askConsent, type ConsentFlags } from "../command-line/consent.ts";
import { countOf } from "../command-line/counting.ts";
import { parseDuration, parseMoment, toDuration } from "../command-line/duration.ts";
import { execute } from "../command-line/execute.ts";
import { createProgressLine } from "../command-line/progress-line.ts";
import type { WorkerConfig } from "../config.ts";
import {
  actingAs,
  findJobId,
  openOperator,
  type Operator,
  type ReasonFlags,
  reasonOf,
  refuse,
} from "../operator.ts";

interface RequeueFlags extends AnswerFlags, ConsentFlags, ReasonFlags {
  readonly code?: string;
  readonly type?: string;
  readonly queue?: string;
  readonly tenant?: string;
  readonly phase?: string;
  readonly state?: "failed" | "dead" | "cancelled";
  readonly since?: Date;
  readonly until?: Date;
  readonly outage?: true;
  readonly all?: true;
  readonly limit?: number;
  readonly spread?: number;
  readonly countOnly?: true;
}

export function addRequeue(program: Command): void {
  program
    .command("requeue")
    .description("give ended jobs a new start where they ended: by id, or all that fit")
    .argument("[ids...]", "submissions' or jobs' ids", parseIds)
    .option("--code <code>", "those that ended with this code")
    .option("--type <type>", "those of this type")
    .option("--queue <queue>", "those of this queue")
    .option("--tenant <tenant>", "those of this tenant")
    .option("--phase <phase>", "those that ended in this phase")
    .addOption(
      new Option("--state <state>", "default: failed and dead").choices([
        "failed",
        "dead",
        "cancelled",
      ]),
    )
    .option(
      "--since <moment>",
      "those that ended since then, such as 3h or 2026-11-22T03:00Z",
      moment,
    )
    .option("--until <moment>", "those that ended before", moment)
    .option("--outage", "those that died of something that was down, as far as can be told")
    .option("--all", "all that failed or are dead")
    .option("--limit <count>", "at most so many", parseCount)
    .option(
      "--spread <duration>",
      "due at random within so long; default: a second for each, 10m at most",
      parseDuration,
    )
    .option("--count-only", "only count those that fit")
    .addOption(yesOption())
    .addOption(reasonOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["requeue 0190f3c2-…", "one job"],
        ["requeue --code output_invalid --count-only", "how many fit"],
        ["requeue --code output_invalid --since 3h --spread 10m", "counts, asks, and spreads them"],
        ["requeue --outage --since 3h --yes", "those that died of an outage, without asking"],
      ),
    )
    .action((ids: readonly string[], flags: RequeueFlags) =>
      execute((config, signal) => requeue(config, { ids, flags }, signal)),
    );
}

/** Commander hands a second argument that is none of ours. */
function moment(text: string): Date {
  return parseMoment(text);
}

interface RequeueCall {
  readonly ids: readonly string[];
  readonly flags: RequeueFlags;
}

async function requeue(
  config: WorkerConfig,
  { ids, flags }: RequeueCall,
  signal: AbortSignal,
): Promise<boolean> {
  const filter = toFilter(flags);
  const isFiltered = Object.keys(filter).length > 0 || flags.all === true;
  if (ids.length > 0 === isFiltered) {
    throw new WorkerError(
      "input_invalid",
      "Name either ids, or which jobs are meant: see `requeue --help`.",
    );
  }
  await using operator = await openOperator(config);
  const answer = createAnswer(flags);
  if (ids.length > 0) return await requeueEach(operator, { ids, flags }, answer);
  return await requeueAll(operator, { filter, flags, answer }, signal);
}

function toFilter({
  code,
  type,
  queue,
  tenant,
  phase,
  state,
  since,
  until,
  outage,
}: RequeueFlags): RequeueFilter {
  return {
    ...(code === undefined ? {} : { code }),
    ...(type === undefined ? {} : { type }),
    ...(queue === undefined ? {} : { queue }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(phase === undefined ? {} : { phase }),
    ...(state === undefined ? {} : { state }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(outage === undefined ? {} : { outage }),
  };
}

async function requeueEach(
  operator: Operator,
  { ids, flags }: RequeueCall,
  answer: Answer,
): Promise<boolean> {
  const done: string[] = [];
  for (const given of ids) {
    const id = await findJobId(operator, given);
    const outcome = await actingAs(operator.client, {
      action: "job.requeue",
      target: id,
      ...reasonOf(flags),
    }).requeue(id);
    if (outcome === "ok") done.push(id);
    else console.error(describe(refuse(given, outcome)));
  }
  answer.thing(
    { requeued: done },
    done.map((id) => `job ${id}: queued again`),
  );
  return done.length === ids.length;
}

function describe({ code, message }: WorkerError): string {
  return `${code}: ${message}`;
}

interface FilteredCall {
  readonly filter: RequeueFilter;
  readonly flags: RequeueFlags;
  readonly answer: Answer;
}

const spreadMsPerJob = 1_000;
const spreadMsMax = 600_000;

/** Counts first, and asks. What ends meanwhile is not meant: nobody has seen it. */
async function requeueAll(
  { client }: Operator,
  { filter, flags, answer }: FilteredCall,
  signal: AbortSignal,
): Promise<boolean> {
  const limit = flags.limit === undefined ? {} : { limit: flags.limit };
  const counted = { ...filter, until: filter.until ?? new Date() };
  const { matched } = await client.requeueAll(counted, { ...limit, dryRun: true });
  if (flags.countOnly === true || matched === 0) {
    answer.thing({ matched }, [`${countOf(matched, "job")} ${matched === 1 ? "fits" : "fit"}.`]);
    return true;
  }
  const spreadMs = flags.spread ?? Math.min(matched * spreadMsPerJob, spreadMsMax);
  const question = `Requeue ${countOf(matched, "job")}, spread over ${toDuration(spreadMs)}?`;
  await askConsent(question, flags, signal);
  const line = createProgressLine(process.stderr);
  const onBatch = ({ matched: done }: RequeueReport): void => {
    line.show({ label: "requeued", done, total: matched, whole: countOf(matched, "job") });
    // Batches are whole: the same call again does the rest.
    if (signal.aborted)
      throw new WorkerError("aborted", `Stopped after ${done} of ${matched} jobs.`);
  };
  try {
    const report = await actingAs(client, {
      action: "jobs.requeue",
      target: JSON.stringify(filter),
      ...reasonOf(flags),
    }).requeueAll(counted, { ...limit, spreadMs, onBatch });
    line.end();
    answer.thing({ ...report, spreadMs }, describeReport(report, spreadMs));
    return report.refused === 0;
  } finally {
    line.end();
  }
}

function describeReport(
  { requeued, conflicted, refused }: RequeueReport,
  spreadMs: number,
): readonly string[] {
  return [
    `${countOf(requeued, "job")} queued again, spread over ${toDuration(spreadMs)}.`,
    ...(conflicted > 0 ? [`${conflicted} stay: another live job holds their unique key.`] : []),
    ...(refused > 0 ? [`${refused} stay: the hook of their type refused (effect_failed).`] : []),
  ];
}
