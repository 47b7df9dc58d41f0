import type { JobType } from "../model/rows.ts";
import type { NewJob } from "../model/schema.ts";
import { faultyMs } from "./profile.ts";
import { createRandom, type Random } from "./random.ts";
import type { World } from "./world.ts";

/** A phase as a pipeline has it; without a resource it is a `run` function. */
export interface PhasePlan {
  readonly name: string;
  readonly resource: string | undefined;
}

/** A type of job, its phases and how it is retried. */
export interface TypePlan extends JobType {
  readonly phases: readonly [PhasePlan, ...PhasePlan[]];
}

/** How a phase of one job goes, each time it is run. */
export interface PhaseFate {
  readonly durationMs: number;
  readonly parts: number;
  /** Runs that end in a transient error of the job's own before one does not. */
  readonly failures: number;
  /** Ends in an error that no retry mends. */
  readonly isHopeless: boolean;
  /** Takes its process down. */
  readonly isPoison: boolean;
  /** Does not obey its abort signal. */
  readonly isDeaf: boolean;
  /** Does not wait until its parts are saved. */
  readonly isCareless: boolean;
}

/** A job, when it comes, and what becomes of it. */
export interface JobPlan {
  readonly newJob: NewJob;
  readonly type: TypePlan;
  readonly comesAtMs: number;
  readonly fates: Readonly<Record<string, PhaseFate>>;
}

const retries = { retriesMax: 3, lossesMax: 3, backoffBaseMs: 10_000, backoffCapMs: 600_000 };
const vision = "host/vision";
const text = "host/text";

/** Pipelines that yield, that go on, and that do both; with hooks and without. */
export const typePlans: readonly [TypePlan, ...TypePlan[]] = [
  {
    ...retries,
    name: "essay",
    hasHook: true,
    phases: [
      { name: "draft", resource: vision },
      { name: "grade", resource: text },
    ],
  },
  {
    ...retries,
    name: "report",
    hasHook: true,
    retriesMax: 1,
    backoffBaseMs: 2_000,
    phases: [
      { name: "read", resource: text },
      { name: "score", resource: text },
    ],
  },
  { ...retries, name: "note", hasHook: false, phases: [{ name: "write", resource: undefined }] },
  {
    ...retries,
    name: "letter",
    hasHook: false,
    lossesMax: 2,
    phases: [
      { name: "open", resource: undefined },
      { name: "scan", resource: vision },
      { name: "answer", resource: vision },
    ],
  },
];

export const resources: readonly [string, ...string[]] = [vision, text];

/** Draws the jobs of a seed. */
export function drawWorkload({ seed, profile }: World): readonly JobPlan[] {
  const random = createRandom(seed, "workload");
  return Array.from({ length: profile.jobs }, (_, index) => {
    const type = random.pick(typePlans);
    const isPoison = random.chance(profile.poison);
    const poisonous = isPoison ? random.pick(type.phases).name : undefined;
    const isFlawed = random.chance(profile.flawed);
    const fates = type.phases.map(({ name }) => [
      name,
      drawFate(random, isFlawed, name === poisonous),
    ]);
    return {
      newJob: drawNewJob(random, type, index),
      type,
      comesAtMs: random.between(0, faultyMs * 0.85),
      fates: Object.fromEntries(fates),
    };
  });
}

function drawNewJob(random: Random, type: TypePlan, index: number): NewJob {
  const id = `job-${index + 1}`;
  const [first, second] = type.phases;
  const skips = second !== undefined && random.chance(0.1);
  return {
    id,
    queue: "default",
    type: type.name,
    version: 1,
    phase: skips ? second.name : first.name,
    priority: random.pick([5, 5, 5, 0, 9]),
    payload: { job: id },
    delayMs: random.chance(0.1) ? random.integer(1_000, 30_000) : 0,
    ...(random.chance(0.1) ? { uniqueKey: `key-${random.integer(1, 2)}` } : {}),
    ...(skips
      ? {
          skipped: {
            [first.name]: { output: { job: id, phase: first.name, part: 0 }, provenance: {} },
          },
        }
      : {}),
  };
}

function drawFate(random: Random, isFlawed: boolean, isPoison: boolean): PhaseFate {
  const flaw = isFlawed ? random.integer(1, 6) : 0;
  const isSlow = flaw === 1;
  return {
    durationMs: random.chance(0.1) ? 0 : random.between(500, isSlow ? 150_000 : 30_000),
    parts: random.chance(0.4) ? random.integer(1, 3) : 0,
    failures: flaw === 2 || flaw === 3 ? random.integer(1, 5) : 0,
    isHopeless: flaw === 4,
    isPoison,
    isDeaf: flaw === 5,
    isCareless: flaw === 6,
  };
}
