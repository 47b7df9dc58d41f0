import { chargeMutants } from "./charge-mutants.ts";
import { fenceMutants } from "./fence-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { resourceMutants } from "./resource-mutants.ts";
import { transitionMutants } from "./transition-mutants.ts";
import { workerMutants } from "./worker-mutants.ts";

/**
 * Bugs that the simulation must find.
 *
 * One is left out on purpose: a renewal that revives a lease that ran out, and that nobody took, is no bug. The token
 * decides, and it saves work.
 */
export const mutants: readonly Mutant[] = [
  ...fenceMutants,
  ...chargeMutants,
  ...transitionMutants,
  ...workerMutants,
  ...resourceMutants,
];
