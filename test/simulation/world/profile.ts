import { createRandom } from "./random.ts";

/**
 * How one seed's world is: how many workers, and which faults happen how often.
 *
 * Each seed leaves some faults out, since one that always happens hides what only shows without it.
 */
export interface Profile {
  readonly workers: number;
  readonly slots: number;
  readonly leaseSeconds: number;
  readonly pollSecondsMax: number;
  readonly jobs: number;
  /** Probabilities that a hint arrives, that a call goes wrong, that a row is locked, that a hook raises. */
  readonly hints: number;
  readonly badCalls: number;
  readonly lockedRows: number;
  readonly raisingHooks: number;
  /** Shares of the jobs that kill their process, and that have some other flaw. */
  readonly poison: number;
  readonly flawed: number;
  /** How far the workers' clocks run off, as a share of time. */
  readonly clockDrift: number;
  /** Mean times between two of a kind, or undefined where there are none. */
  readonly kills: number | undefined;
  readonly stalls: number | undefined;
  readonly stops: number | undefined;
  readonly cuts: number | undefined;
  readonly databaseOutages: number | undefined;
  readonly backendOutages: number | undefined;
  readonly orders: number | undefined;
  /** How many jobs a resource bears at once, where there is a bound. */
  readonly bounds: Readonly<Record<string, number | undefined>>;
  /** Jobs of a resource in a row; see `affinityJobsMax`. */
  readonly affinityJobs: number;
}

/** Faults happen for so long; then everything must come to its end. */
export const faultyMs = 600_000;

export function drawProfile(seed: number): Profile {
  const random = createRandom(seed, "profile");
  const maybe = (probability: number, low: number, high: number): number | undefined =>
    random.chance(probability) ? random.between(low, high) : undefined;
  const share = (probability: number, high: number): number => maybe(probability, 0, high) ?? 0;
  return {
    workers: random.integer(2, 5),
    slots: random.integer(1, 4),
    leaseSeconds: random.pick([30, 60, 60]),
    pollSecondsMax: random.pick([5, 20, 20]),
    jobs: random.integer(30, 60),
    hints: random.pick([0, 0.5, 1]),
    badCalls: share(0.8, 0.12),
    lockedRows: share(0.3, 0.1),
    raisingHooks: share(0.5, 0.4),
    poison: share(0.5, 0.1),
    flawed: share(0.8, 0.5),
    clockDrift: share(0.5, 0.04),
    kills: maybe(0.6, 15_000, 120_000),
    stalls: maybe(0.7, 10_000, 80_000),
    stops: maybe(0.4, 30_000, 120_000),
    cuts: maybe(0.5, 20_000, 100_000),
    databaseOutages: maybe(0.4, 60_000, 240_000),
    backendOutages: maybe(0.5, 60_000, 240_000),
    orders: maybe(0.6, 8_000, 40_000),
    bounds: {
      "host/vision": random.chance(0.7) ? random.integer(2, 4) : undefined,
      "host/text": random.chance(0.5) ? random.integer(2, 4) : undefined,
    },
    affinityJobs: random.pick([0, 2, 50]),
  };
}
