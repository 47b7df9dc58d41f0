import { drainMicrotasks } from "bun:jsc";

import type { WorkerEvent } from "@leasehold/core";

import { createChecker } from "./checker/checker.ts";
import type { Counter } from "./model/rows.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { openFleet } from "./open-fleet.ts";
import { countStates } from "./simulate.ts";
import type { Backends } from "./world/backends.ts";
import { releaseHost } from "./world/nemesis.ts";
import { createPostgres } from "./world/postgres.ts";
import type { Profile } from "./world/profile.ts";
import { withSealedPlatform } from "./world/sealed-platform.ts";
import type { Statement } from "./world/statement.ts";
import { createTimeline } from "./world/timeline.ts";
import { type JobPlan, typePlans } from "./world/workload.ts";
import type { World } from "./world/world.ts";

/** A world in which nothing happens by chance but delays: what becomes of these jobs is the question. */
export interface Scenario {
  /** What differs from two workers of four slots that nothing keeps from their work. */
  readonly profile: Partial<Profile>;
  readonly plans: readonly JobPlan[];
  /** The error of a call to a resource now, if there is one. Default: there is none. */
  readonly troubleOf?: (resource: string | undefined, now: number) => Error | undefined;
  readonly mutant?: Mutant;
}

export interface ScenarioReport {
  readonly violation: string | undefined;
  readonly states: Readonly<Record<string, number>>;
  readonly counters: readonly Counter[];
  readonly virtualMs: number;
  /** All that the database was asked, and when. */
  readonly statements: readonly { readonly at: number; readonly statement: Statement }[];
  readonly events: readonly WorkerEvent[];
  /** Jobs of each resource that were leased at once, at most. */
  readonly peaks: Readonly<Record<string, number>>;
}

const quiet: Profile = {
  workers: 2,
  slots: 4,
  leaseSeconds: 60,
  pollSecondsMax: 5,
  jobs: 0,
  hints: 1,
  badCalls: 0,
  lockedRows: 0,
  raisingHooks: 0,
  poison: 0,
  flawed: 0,
  clockDrift: 0,
  kills: undefined,
  stalls: undefined,
  stops: undefined,
  cuts: undefined,
  databaseOutages: undefined,
  backendOutages: undefined,
  orders: undefined,
  bounds: {},
  affinityJobs: 50,
};

const horizonMs = 6 * 3_600_000;

/** Plays a scenario until every job has ended. The checker judges it, as it judges any other. */
export function playScenario(scenario: Scenario): ScenarioReport {
  const timeline = createTimeline();
  let violation: string | undefined;
  const world: World = {
    seed: 1,
    profile: { ...quiet, ...scenario.profile },
    timeline,
    isFaulty: () => false,
    report: (text) => void (violation ??= text),
    tell: () => undefined,
  };
  const play = (): Omit<ScenarioReport, "violation" | "virtualMs"> =>
    playIn(world, scenario, () => violation !== undefined);
  const onEscape = (name: string): void => world.report(`the worker reached ${name}`);
  return { ...withSealedPlatform({ onEscape }, play), violation, virtualMs: timeline.now() };
}

function playIn(
  world: World,
  { plans, troubleOf, mutant }: Scenario,
  isBroken: () => boolean,
): Omit<ScenarioReport, "violation" | "virtualMs"> {
  const { timeline } = world;
  const postgres = createPostgres(world);
  const { schema } = postgres;
  for (const type of typePlans) schema.functions.registerType(type);
  schema.replace(mutant?.functions?.(schema, postgres.caller) ?? {});
  const statements: { at: number; statement: Statement }[] = [];
  const peaks: Record<string, number> = {};
  const checker = createChecker({ world, postgres, plans });
  postgres.observe((statement) => {
    checker.statement(statement);
    statements.push({ at: timeline.now(), statement });
    const leased = Object.groupBy(schema.tables.lease.rows(), ({ resource = "none" }) => resource);
    for (const [resource, { length = 0 } = []] of Object.entries(leased)) {
      peaks[resource] = Math.max(peaks[resource] ?? 0, length);
    }
  });
  const events: WorkerEvent[] = [];
  const { runs, processes } = checker;
  const backends = {
    goAway: () => undefined,
    troubleOf: (resource) => troubleOf?.(resource, timeline.now()),
  } as Backends;
  const observer: typeof processes = {
    ...processes,
    told(process, event) {
      events.push(event);
      processes.told(process, event);
    },
  };
  const watched = { ...checker, runs, processes: observer };
  const fleet = openFleet(world, { mutant, plans, postgres, checker: watched, backends });
  releaseHost(world, postgres, plans);
  const goOn = (until: number, isDone: () => boolean): void => {
    drainMicrotasks();
    while (!isBroken() && !isDone() && timeline.step(until)) drainMicrotasks();
  };
  const lastComesAt = Math.max(...plans.map(({ comesAtMs }) => comesAtMs));
  fleet.start();
  goOn(lastComesAt + 1_000, () => false);
  goOn(horizonMs, () => checker.isAllOver());
  if (!checker.isAllOver()) world.report("not every job has ended");
  fleet.close();
  goOn(timeline.now() + 100_000, () => fleet.processes().length === 0);
  checker.judgeEnd();
  const counters = [...schema.tables.jobCounter.rows()].flat();
  return { states: countStates(schema), counters, statements, events, peaks };
}

/** A job of a type that nothing is wrong with; its phases take so long. */
export function planJob(
  number: number,
  {
    type: name,
    comesAtMs,
    durationMs,
  }: { readonly type: string; readonly comesAtMs: number; readonly durationMs: number },
): JobPlan {
  const type = typePlans.find((plan) => plan.name === name) ?? typePlans[0];
  const fate = {
    durationMs,
    parts: 0,
    failures: 0,
    isHopeless: false,
    isPoison: false,
    isDeaf: false,
    isCareless: false,
  };
  const [first] = type.phases;
  const id = `job-${number}`;
  return {
    newJob: {
      id,
      queue: "default",
      type: type.name,
      version: 1,
      phase: first.name,
      priority: 5,
      payload: { job: id },
    },
    type,
    comesAtMs,
    fates: Object.fromEntries(type.phases.map((phase) => [phase.name, fate])),
  };
}
