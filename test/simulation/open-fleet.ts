import type { Checker } from "./checker/checker.ts";
import type { Mutant } from "./mutants/mutant.ts";
import type { Backends } from "./world/backends.ts";
import { createExecutors } from "./world/execution.ts";
import { createFleet, type Fleet } from "./world/fleet.ts";
import { createNetwork } from "./world/network.ts";
import type { Postgres } from "./world/postgres.ts";
import { createRandom } from "./world/random.ts";
import type { JobPlan, PhaseFate } from "./world/workload.ts";
import type { World } from "./world/world.ts";

export interface FleetParts {
  readonly mutant: Mutant | undefined;
  readonly plans: readonly JobPlan[];
  readonly postgres: Postgres;
  readonly checker: Checker;
  readonly backends: Backends;
}

/** The processes of a world, whose workers do what the plans say and are watched by the checker. */
export function openFleet(world: World, parts: FleetParts): Fleet {
  const { mutant, plans, postgres, checker, backends } = parts;
  const openStore = createNetwork(world, postgres);
  const jobs = new Map(plans.map((plan) => [plan.newJob.id, plan]));
  const failures = new Map<string, number>();
  const fateOf = (jobId: string, phase: string): PhaseFate => {
    const fate = jobs.get(jobId)?.fates[phase];
    if (fate === undefined) throw new Error(`There is no fate for ${phase} of ${jobId}.`);
    return fate;
  };
  const takeFailure = (jobId: string, phase: string): boolean => {
    const key = `${jobId} ${phase}`;
    const taken = failures.get(key) ?? 0;
    failures.set(key, taken + 1);
    return taken < fateOf(jobId, phase).failures;
  };
  const fleet = createFleet({
    world,
    observer: checker.processes,
    openStore(process) {
      const store = openStore(process);
      return mutant?.store?.(store, process) ?? store;
    },
    openExecutors: (process) =>
      createExecutors({
        world,
        process,
        backends,
        random: createRandom(world.seed, `work in ${process.name}`),
        runs: checker.runs,
        fateOf,
        takeFailure,
        die: (jobId) => fleet.end(process, "poisoned", jobId),
      }),
  });
  return fleet;
}
