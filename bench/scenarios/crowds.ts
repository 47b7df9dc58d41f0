import { createClient } from "@leasehold/core";

import { type Fill, fillLeasehold } from "../contenders/leasehold-fill.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { nowMs, pause } from "../measure/clock.ts";
import { startCrew } from "../measure/drain.ts";
import type { Lab, LabDatabase } from "../measure/lab.ts";
import { handledJobs, type WorkTally, workTally } from "../program/messages.ts";
import type { Program } from "../program/programs.ts";
import type { Sizes } from "../sizes.ts";
import { measureInTurns, type Scenario, type ScenarioContext } from "./scenario.ts";

const dayMs = 86_400_000;
const pausedType = "paused";
const patienceMs = 300_000;

export const backlog: Scenario = {
  name: "backlog",
  about: "as many jobs with few waiting as with many: the first of a large backlog",
  measure: (context) =>
    measureCrowds(context, "backlog", ({ backlogSmall, backlogLarge }) => ({
      small: [{ jobs: backlogSmall }],
      large: [{ jobs: backlogLarge }],
    })),
};

export const delayed: Scenario = {
  name: "delayed",
  about: "due jobs behind many that are due tomorrow",
  measure: (context) =>
    measureCrowds(context, "delayed", ({ backlogSmall, backlogLarge }) => ({
      none: [{ jobs: backlogSmall }],
      many: [{ jobs: backlogLarge, delayMs: dayMs }, { jobs: backlogSmall }],
    })),
};

export const foreign: Scenario = {
  name: "foreign",
  about: "due jobs behind many of a type that no worker runs",
  measure: (context) =>
    measureCrowds(context, "foreign", ({ backlogSmall, backlogLarge }) => ({
      none: [{ jobs: backlogSmall }],
      many: [{ jobs: backlogLarge, type: "foreign" }, { jobs: backlogSmall }],
    })),
};

export const paused: Scenario = {
  name: "paused",
  about: "due jobs behind many of a type that the worker runs and that is paused",
  measure: (context) =>
    measureCrowds(context, "paused", ({ backlogSmall, backlogLarge }) => ({
      none: [{ jobs: backlogSmall }],
      many: [{ jobs: backlogLarge, type: pausedType, isPaused: true }, { jobs: backlogSmall }],
    })),
};

/** Jobs to be there before a measurement begins, whose type may be paused. */
interface Crowd extends Fill {
  /** Default: false. */
  readonly isPaused?: boolean;
}

type CrowdsOf = (sizes: Sizes) => Readonly<Record<string, readonly Crowd[]>>;

/** Measures how fast the same number of jobs is worked off among different crowds. */
async function measureCrowds(
  context: ScenarioContext,
  scenario: string,
  crowdsOf: CrowdsOf,
): Promise<void> {
  const { lab, sizes, note } = context;
  const crowds = Object.entries(crowdsOf(sizes));
  // On both sides of the ratio alike, the worker could run what is paused.
  const otherTypes = crowds.flatMap(([, fills]) => fills.flatMap(pausedTypeOf));
  await using filled = new AsyncDisposableStack();
  const series = [];
  for (const [variant, fills] of crowds) {
    note(`${scenario} ${variant}: filling`);
    const template = filled.use(await createTemplate(lab, fills));
    series.push({
      contender: leasehold.name,
      variant,
      measure: () => measureFirst(lab, template, { jobs: sizes.backlogSmall, otherTypes }),
    });
  }
  await measureInTurns(context, { scenario, series });
}

function pausedTypeOf({ type, isPaused }: Crowd): readonly string[] {
  return isPaused === true && type !== undefined ? [type] : [];
}

/** A database to be copied: each run begins with the same one, and it is filled once. */
async function createTemplate(lab: Lab, crowds: readonly Crowd[]): Promise<LabDatabase> {
  const template = await lab.createDatabase();
  await leasehold.prepare(template.url);
  await using client = createClient({ connection: template.url });
  for (const crowd of crowds) {
    await fillLeasehold(template.url, crowd);
    for (const type of pausedTypeOf(crowd)) await client.pause({ type });
  }
  await client.close();
  await template.analyse();
  // Postgres copies no database that somebody is connected to.
  await template.admin.end();
  return template;
}

/** The clock runs from the start of the first job to the event that tells of the last completion that counts. */
async function measureFirst(
  lab: Lab,
  template: LabDatabase,
  { jobs, otherTypes }: { readonly jobs: number; readonly otherTypes: readonly string[] },
): Promise<Readonly<Record<string, number>>> {
  await using database = await lab.createDatabase(template);
  await database.checkpoint();
  await using crew = await startCrew(
    lab,
    { contender: leasehold, processes: 1, otherTypes, jobs },
    database.url,
  );
  const [worker] = crew.programs;
  if (worker === undefined) throw new Error("a crew has a program");
  await Promise.race([worker.first, crew.started.then(() => worker.first)]);
  const window = lab.openWindow();
  const tally = await waitForTarget(worker);
  const reading = window.close();

  const { numbers } = await worker.ask({ ask: "finish" }, handledJobs);
  if (new Set(numbers).size !== numbers.length) throw new Error("a job ran twice");
  return {
    jobs_per_second: (jobs / (tally.reachedAt - tally.firstAt)) * 1_000,
    server_cpu_s_per_1k: (reading.serverCpuSeconds / jobs) * 1_000,
    other_cpu: reading.otherCpuSeconds / reading.seconds,
  };
}

async function waitForTarget(worker: Program): Promise<WorkTally> {
  const deadline = nowMs() + patienceMs;
  for (;;) {
    const tally = await worker.ask({ ask: "tally" }, workTally);
    if (tally.reachedAt > 0) return tally;
    if (nowMs() > deadline) throw new Error(`${tally.handled} jobs ran in time`);
    await pause(10);
  }
}
