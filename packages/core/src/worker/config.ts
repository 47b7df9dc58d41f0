import { z } from "zod";

import { WorkerError } from "../errors.ts";

/** The numbers a worker runs by. */
export interface WorkerSettings {
  /**
   * Jobs at work at once in this process, from 1 to 1,000. As many more at most wait for their result to be written
   * down. Default: 4.
   */
  readonly concurrency: number;
  /** How long a lease lasts without renewal, in seconds. Default: 60. */
  readonly leaseSeconds: number;
  /** How often leases are renewed, in seconds; at most a third of the lease. Default: 20. */
  readonly renewSeconds: number;
  /** Work stops this long before a lease that could not be renewed ends, in seconds. Default: 10. */
  readonly marginSeconds: number;
  /** Wait between two looks at an empty queue, in seconds; grows up to `pollSecondsMax`. Default: 1. */
  readonly pollSeconds: number;
  /** Default: 5, or `pollSeconds` if that is more. */
  readonly pollSecondsMax: number;
  /** How long a stopping worker lets its jobs finish, in seconds. Default: 25. */
  readonly graceSeconds: number;
  /** How long an adapter may take to obey its abort signal, in seconds. Default: 5. */
  readonly abandonSeconds: number;
  /**
   * Adapters that may be left behind because they did not obey before the worker stops for good, from 0 to 1,000; 0 is
   * never. Whoever runs the process starts a fresh one. Default: 3.
   */
  readonly abandonedMax: number;
  /** Total time of one attempt of a phase that says nothing of its own, in seconds. Default: 900. */
  readonly phaseTimeoutSeconds: number;
  /**
   * How long jobs that completed are kept, with their results and keys, in days; at most 36,500, which is for ever. Any
   * worker deletes what is older. Default: 30.
   */
  readonly keepCompletedDays: number;
  /** The same for jobs that failed. Default: 90. */
  readonly keepFailedDays: number;
  /** The same for jobs that are dead. Default: 90. */
  readonly keepDeadDays: number;
  /** The same for jobs that were cancelled. Default: 30. */
  readonly keepCancelledDays: number;
  /**
   * Jobs of one resource that are claimed in a row while another resource of its host has due jobs; 0: its models need
   * not take turns. Default: 50.
   */
  readonly affinityJobsMax: number;
  /** How long a resource may keep others of its host waiting, in seconds. Default: 120. */
  readonly affinitySeconds: number;
}

/** The defaults, in one place. */
export const workerDefaults: WorkerSettings = Object.freeze({
  concurrency: 4,
  leaseSeconds: 60,
  renewSeconds: 20,
  marginSeconds: 10,
  pollSeconds: 1,
  pollSecondsMax: 5,
  graceSeconds: 25,
  abandonSeconds: 5,
  abandonedMax: 3,
  phaseTimeoutSeconds: 900,
  keepCompletedDays: 30,
  keepFailedDays: 90,
  keepDeadDays: 90,
  keepCancelledDays: 30,
  affinityJobsMax: 50,
  affinitySeconds: 120,
});

const seconds = z.number().positive().max(86_400);
const days = z.number().positive().max(36_500);

const settingsSchema = z
  .strictObject({
    concurrency: z.int().min(1).max(1000),
    leaseSeconds: seconds,
    renewSeconds: seconds,
    marginSeconds: seconds,
    pollSeconds: seconds,
    pollSecondsMax: seconds,
    graceSeconds: z.number().min(0).max(86_400),
    abandonSeconds: seconds,
    abandonedMax: z.int().min(0).max(1000),
    phaseTimeoutSeconds: seconds,
    keepCompletedDays: days,
    keepFailedDays: days,
    keepDeadDays: days,
    keepCancelledDays: days,
    affinityJobsMax: z.int().min(0).max(10_000),
    affinitySeconds: seconds,
  })
  .refine((settings) => settings.renewSeconds * 3 <= settings.leaseSeconds + 1e-9, {
    path: ["renewSeconds"],
    error: "must be at most a third of leaseSeconds",
    when: areSeconds("renewSeconds", "leaseSeconds"),
  })
  .refine((settings) => settings.marginSeconds < settings.leaseSeconds - settings.renewSeconds, {
    path: ["marginSeconds"],
    error: "must be less than leaseSeconds minus renewSeconds",
    when: areSeconds("marginSeconds", "renewSeconds", "leaseSeconds"),
  })
  .refine((settings) => settings.pollSeconds <= settings.pollSecondsMax, {
    path: ["pollSecondsMax"],
    error: "must be at least pollSeconds",
    when: areSeconds("pollSeconds", "pollSecondsMax"),
  });

/** Settings are compared, also beside other problems, when each of them could be right. */
function areSeconds(...names: readonly (keyof WorkerSettings)[]) {
  return ({ value }: { readonly value: unknown }): boolean => {
    const settings = new Map(Object.entries(Object(value)));
    return names.every((name) => seconds.safeParse(settings.get(name)).success);
  };
}

/**
 * Fills in the defaults and checks everything at once.
 *
 * A shorter lease alone is enough: renewal and margin default to a third and a sixth of it. So is a longer `pollSeconds`.
 * Throws `config_invalid` with every problem, each with its name, what was expected and what was given. Unknown keys are
 * problems.
 */
export function parseWorkerSettings(given: Partial<WorkerSettings>): WorkerSettings {
  // What is wrong with a setting is told once, and not of those that follow from it.
  const leaseSeconds = seconds.safeParse(given.leaseSeconds).data ?? workerDefaults.leaseSeconds;
  const pollSeconds = seconds.safeParse(given.pollSeconds).data ?? workerDefaults.pollSeconds;
  const parsed = settingsSchema.safeParse({
    ...workerDefaults,
    renewSeconds: leaseSeconds / 3,
    marginSeconds: leaseSeconds / 6,
    pollSecondsMax: Math.max(workerDefaults.pollSecondsMax, pollSeconds),
    ...given,
  });
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = parsed.error.issues.map((issue) => describe(issue, given));
  throw new WorkerError("config_invalid", `Worker settings refused: ${problems.join("; ")}.`, {
    scope: "config",
  });
}

function describe(issue: z.core.$ZodIssue, given: Readonly<Record<string, unknown>>): string {
  const name = issue.path.join(".");
  if (issue.code === "unrecognized_keys") return `unknown ${issue.keys.join(", ")}`;
  const value = given[name];
  if (value === undefined && !(name in given)) return `${name}: ${issue.message}`;
  return `${name}: ${issue.message} (got ${show(value)})`;
}

/** A setting is a number; what was given may be anything. */
function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return `a ${typeof value} without a JSON form`;
  }
}
