import { SqlError } from "../model/schema.ts";
import type { Backends } from "./backends.ts";
import type { Fleet } from "./fleet.ts";
import type { Postgres } from "./postgres.ts";
import { createRandom, type Random } from "./random.ts";
import { type JobPlan, resources } from "./workload.ts";
import type { World } from "./world.ts";

/** What faults happen to. */
export interface Victims {
  readonly world: World;
  readonly fleet: Fleet;
  readonly postgres: Postgres;
  readonly backends: Backends;
}

/** Lets faults happen, each kind as often as the profile says, until the time for faults is over. */
export function releaseNemesis(victims: Victims): void {
  const { world, fleet, postgres, backends } = victims;
  const { profile, timeline } = world;
  const random = createRandom(world.seed, "nemesis");
  const onSome = (act: (process: ReturnType<Fleet["processes"]>[number]) => void) => (): void => {
    const [first, ...others] = fleet.processes();
    if (first !== undefined) act(random.pick([first, ...others]));
  };
  const every = (meanMs: number | undefined, act: () => void): void =>
    repeat(world, random, { meanMs, act });

  every(
    profile.kills,
    onSome((process) => fleet.end(process, "killed")),
  );
  every(
    profile.stalls,
    onSome((process) => fleet.stall(process, random.between(1_000, 150_000))),
  );
  every(
    profile.stops,
    onSome((process) => fleet.stop(process)),
  );
  every(
    profile.cuts,
    onSome((process) => {
      const ms = random.between(5_000, 100_000);
      process.cutOffUntil = timeline.now() + ms;
      world.tell(() => `${process.name} is cut off for ${Math.round(ms)} ms`);
    }),
  );
  every(profile.databaseOutages, () => {
    postgres.goAway();
    const ms = random.chance(0.5) ? random.between(300, 5_000) : random.between(5_000, 90_000);
    timeline.after(ms, () => postgres.comeBack());
  });
  every(profile.backendOutages, () =>
    backends.goAway(random.pick(resources), random.between(5_000, 180_000)),
  );
}

interface Repetition {
  readonly meanMs: number | undefined;
  readonly act: () => void;
}

/** Lets something happen again and again, until the time for faults is over. */
function repeat(world: World, random: Random, { meanMs, act }: Repetition): void {
  if (meanMs === undefined) return;
  const again = (): void => {
    if (!world.isFaulty()) return;
    act();
    world.timeline.after(random.between(0.2, 1.8) * meanMs, again);
  };
  world.timeline.after(random.between(0, 2) * meanMs, again);
}

/** Lets jobs come when they come, and people cancel and requeue some. */
export function releaseHost(world: World, postgres: Postgres, plans: readonly JobPlan[]): void {
  const { timeline, profile } = world;
  const random = createRandom(world.seed, "host");
  const { functions } = postgres.schema;
  const ask = (name: "cancelJob" | "requeueJob", publicId: string): void => {
    if (!postgres.isUp()) return;
    try {
      postgres.run(undefined, {
        run: () => functions[name](publicId),
        describe: (answer) => ({ name, publicId, answer }),
      });
    } catch (error) {
      // The hook raised, and the order was not carried out.
      if (!(error instanceof SqlError)) throw error;
    }
  };
  for (const { comesAtMs, newJob } of plans) {
    const enqueue = (): void => {
      if (!postgres.isUp()) return void timeline.after(1_000, enqueue);
      postgres.run(undefined, {
        run: () => functions.enqueueJobs([newJob])[0] ?? "existing",
        describe: (answer) => ({ name: "enqueueJobs", publicId: newJob.id, answer }),
      });
      return undefined;
    };
    timeline.after(comesAtMs, enqueue);
  }
  const [first, ...others] = plans.map(({ newJob }) => newJob.id);
  if (first === undefined) return;
  // People like to cancel what they see running.
  const pickRunning = (): string | undefined => {
    const { lease, job } = postgres.schema.tables;
    const [one, ...more] = [...lease.rows()].map(({ jobId }) => job.get(jobId)?.publicId);
    return one !== undefined && random.chance(0.5) ? random.pick([one, ...more]) : undefined;
  };
  const act = (): void => {
    const id = pickRunning() ?? random.pick([first, ...others]);
    ask(random.pick(["cancelJob", "requeueJob"]), id);
  };
  repeat(world, random, { meanMs: profile.orders, act });
}
