import { type Client, createClient, WorkerError } from "@leasehold/core";
import {
  createScheduler,
  type ScheduleHealth,
  type Scheduler,
  type ScheduleRecord,
} from "@leasehold/cron";
import type { Command } from "commander";

import { type AnswerFlags, createAnswer } from "../command-line/answer.ts";
import { examples, jsonOption, parseCount, reasonOption } from "../command-line/arguments.ts";
import { countOf } from "../command-line/counting.ts";
import { execute } from "../command-line/execute.ts";
import type { TableView } from "../command-line/table.ts";
import type { WorkerConfig } from "../config.ts";
import { openDatabase, openLearningStore } from "../database.ts";
import { operatorName, type ReasonFlags, reasonOf } from "../operator.ts";

interface PlanFlags extends AnswerFlags {
  readonly hours: number;
}

export function addCron(program: Command): void {
  const cron = program
    .command("cron")
    .description("see and steer schedules; hosts define them, and workers enqueue their jobs");
  cron
    .command("list", { isDefault: true })
    .description("show the schedules, what comes next, and what is wrong with them")
    .addOption(jsonOption())
    .action((flags: AnswerFlags) => execute((config) => showSchedules(config, flags)));
  addDeeds(cron);
  cron
    .command("plan")
    .description("write the slots that are to come, as a worker's scheduler does")
    .option("--hours <count>", "so far ahead, from 25 to 8784", parseCount, 48)
    .addOption(jsonOption())
    .action((flags: PlanFlags) => execute((config) => planSlots(config, flags)));
  cron
    .command("enqueue")
    .description("enqueue the jobs of the slots that are due, as a worker's scheduler does")
    .addOption(jsonOption())
    .action((flags: AnswerFlags) => execute((config) => enqueueDue(config, flags)));
  cron.addHelpText(
    "after",
    examples(
      ["cron", "`slots_low`: nobody plans; `slots_overdue`: nobody enqueues"],
      ["cron pause weekly-digest", "what passes meanwhile is not made up for"],
      ["cron resume weekly-digest", "from the next slot on"],
    ),
  );
}

/** What is done with one schedule by its name. */
function addDeeds(cron: Command): void {
  for (const [deed, description, words, act] of [
    ["pause", "hold a schedule; what passes is not made up for", "paused", "pauseSchedule"],
    ["resume", "let a schedule go on, from its next slot", "goes on", "resumeSchedule"],
    [
      "remove",
      "delete a schedule; its jobs stay, and a host may add it again",
      "removed",
      "removeSchedule",
    ],
  ] as const) {
    cron
      .command(deed)
      .description(description)
      .argument("<name>", "as `cron` shows it")
      .addOption(reasonOption())
      .addOption(jsonOption())
      .action((name: string, flags: AnswerFlags & ReasonFlags) =>
        execute(async (config) => {
          await using open = await openScheduler(config);
          if ((await open.scheduler[act](name)) === "not_found") {
            throw new WorkerError("not_found", `There is no schedule ${name}: see \`cron\`.`);
          }
          await open.client.noteAction({
            operator: operatorName(),
            action: `schedule.${deed}`,
            target: name,
            ...reasonOf(flags),
          });
          createAnswer(flags).thing({ name }, [`${name}: ${words}`]);
        }),
      );
  }
}

interface OpenScheduler extends AsyncDisposable {
  readonly scheduler: Scheduler;
  readonly client: Client;
}

/** A scheduler that is asked and not started. */
async function openScheduler(config: WorkerConfig, planHours = 48): Promise<OpenScheduler> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await openDatabase(config));
  stack.use(await openLearningStore(config, url));
  const { schema } = config;
  const scheduler = stack.use(createScheduler({ connection: url, schema, planHours }));
  const client = stack.use(createClient({ connection: url, schema }));
  const resources = stack.move();
  return { scheduler, client, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

interface ShownSchedule
  extends
    ScheduleRecord,
    Pick<ScheduleHealth, "plannedHours" | "overdueCount" | "failedCount" | "warning"> {}

const view: TableView<ShownSchedule> = {
  name: ({ name }) => name,
  cron: ({ cron }) => cron,
  zone: ({ timeZone }) => timeZone,
  type: ({ type }) => type,
  state: ({ enabled, warning }) => (enabled ? (warning ?? "ok") : "paused"),
  "next slot": ({ nextSlotAt }) => nextSlotAt,
  "planned until": ({ plannedUntil }) => plannedUntil,
  missed: ({ missed }) => (typeof missed === "string" ? missed : `all, ${missed.all} at most`),
};

async function showSchedules(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using open = await openScheduler(config);
  const schedules = await open.scheduler.listSchedules();
  const health = new Map((await open.scheduler.listHealth()).map((each) => [each.name, each]));
  const rows = schedules.map((schedule): ShownSchedule => {
    const {
      plannedHours = 0,
      overdueCount = 0,
      failedCount = 0,
      warning,
    } = health.get(schedule.name) ?? {};
    return { ...schedule, plannedHours, overdueCount, failedCount, warning };
  });
  createAnswer(flags).rows(rows, view, "There are no schedules.");
}

async function planSlots(config: WorkerConfig, flags: PlanFlags): Promise<void> {
  await using open = await openScheduler(config, flags.hours);
  const planned = await open.scheduler.planSlots();
  createAnswer(flags).thing({ planned }, [`${countOf(planned, "slot")} planned.`]);
}

async function enqueueDue(config: WorkerConfig, flags: AnswerFlags): Promise<void> {
  await using open = await openScheduler(config);
  const enqueued = await open.scheduler.enqueueDue();
  createAnswer(flags).thing({ enqueued }, [`${countOf(enqueued, "job")} enqueued.`]);
}
