// Real workers in virtual time, against a model of the database, with faults; a seed decides everything.
// `world` is what surrounds the workers, `model` is the SQL in memory, and `lockstep` holds it to the real one.
// `checker` judges what happens, and `mutants` prove that it can.
import { drainMicrotasks } from "bun:jsc";

import { type Checker, createChecker } from "./checker/checker.ts";
import type { Schema } from "./model/schema.ts";
import { stateOf } from "./model/settling.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { openFleet } from "./open-fleet.ts";
import { createBackends } from "./world/backends.ts";
import type { Fleet } from "./world/fleet.ts";
import { releaseHost, releaseNemesis } from "./world/nemesis.ts";
import { createPostgres, type Postgres } from "./world/postgres.ts";
import { drawProfile, faultyMs } from "./world/profile.ts";
import { withSealedPlatform } from "./world/sealed-platform.ts";
import { formatTime, tellStatement } from "./world/story.ts";
import { createTimeline } from "./world/timeline.ts";
import { drawWorkload, typePlans } from "./world/workload.ts";
import type { World } from "./world/world.ts";

export interface SimulateOptions {
  /** Keeps the story. Default: `false`. */
  readonly trace?: boolean;
  /** A bug that is planted first. */
  readonly mutant?: Mutant;
  /** Runs on the platform's own abort signals, which are slow. Default: `false`. */
  readonly nativeAbort?: boolean;
}

/** What became of one seed. */
export interface SimulationReport {
  readonly seed: number;
  /** What must not have happened, if something did. */
  readonly violation: string | undefined;
  readonly events: number;
  readonly virtualMs: number;
  /** Equal for two runs in which the same happened. */
  readonly hash: number;
  /** How many jobs ended in each state. */
  readonly states: Readonly<Record<string, number>>;
  /** One line for each thing that happened, if they were kept. */
  readonly story: readonly string[];
}

/** From the end of the faults on, everything must come to its end within an hour. */
const horizonMs = faultyMs + 3_600_000;
/** Jobs that could not be enqueued while Postgres was away come by then. */
const arrivalMs = 2_000;
/** Long enough for a breaker that was open to be closed again. */
const restMs = 100_000;

/** Runs one seed to its end. It is synchronous, and the same seed always tells the same story. */
export function simulate(seed: number, options: SimulateOptions = {}): SimulationReport {
  const story: string[] = [];
  const timeline = createTimeline();
  let violation: string | undefined;
  const world: World = {
    seed,
    profile: drawProfile(seed),
    timeline,
    isFaulty: () => timeline.now() < faultyMs,
    report(text) {
      violation ??= text;
    },
    tell(line) {
      if (options.trace !== true || violation !== undefined) return;
      story.push(`${formatTime(timeline.now())} ${line()}`);
    },
  };
  const seal = {
    onEscape: (name: string) => world.report(`the worker reached ${name}`),
    nativeAbort: options.nativeAbort ?? false,
  };
  const states = withSealedPlatform(seal, () =>
    run(world, { mutant: options.mutant, isBroken: () => violation !== undefined }),
  );
  return {
    seed,
    violation,
    events: timeline.count(),
    virtualMs: timeline.now(),
    hash: timeline.hash(),
    states,
    story,
  };
}

interface Trial {
  readonly mutant: Mutant | undefined;
  readonly isBroken: () => boolean;
}

function run(world: World, trial: Trial): Readonly<Record<string, number>> {
  const { mutant } = trial;
  const plans = drawWorkload(world);
  const postgres = createPostgres(world);
  const { schema } = postgres;
  for (const type of typePlans) schema.functions.registerType(type);
  schema.replace(mutant?.functions?.(schema, postgres.caller) ?? {});
  const checker = createChecker({ world, postgres, plans });
  postgres.observe((statement) => {
    world.tell(() => tellStatement(statement));
    checker.statement(statement);
  });
  const backends = createBackends(world);
  const fleet = openFleet(world, { mutant, plans, postgres, checker, backends });
  releaseHost(world, postgres, plans);
  releaseNemesis({ world, fleet, postgres, backends });
  live(world, { postgres, checker, fleet }, trial.isBroken);
  return countStates(schema);
}

/** The life of a world: faults, then peace until every job has ended, then the end of every worker. */
function live(
  world: World,
  { postgres, checker, fleet }: { postgres: Postgres; checker: Checker; fleet: Fleet },
  isBroken: () => boolean,
): void {
  const { timeline } = world;
  const goOn = (until: number, isDone: () => boolean = () => false): void => {
    drainMicrotasks();
    // One event at a time, each with all that it brings about at once.
    while (!isBroken() && !isDone() && timeline.step(until)) drainMicrotasks();
  };
  fleet.start();
  goOn(faultyMs);

  world.tell(() => "the faults are over");
  postgres.comeBack();
  fleet.heal();
  goOn(faultyMs + arrivalMs);
  goOn(horizonMs, () => checker.isAllOver());
  if (!checker.isAllOver()) world.report("an hour after the faults not every job has ended");
  goOn(timeline.now() + restMs);
  checker.judgeRest(fleet.processes());

  fleet.close();
  goOn(timeline.now() + restMs, () => fleet.processes().length === 0);
  checker.judgeEnd();
}

/** How many jobs are in each state. */
export function countStates({ tables }: Schema): Readonly<Record<string, number>> {
  const states: Record<string, number> = {};
  for (const { id } of tables.job.rows()) {
    const state = stateOf(tables, id);
    states[state] = (states[state] ?? 0) + 1;
  }
  return states;
}
