import {
  type JobOptions,
  type NewJobs,
  type Pipeline,
  toNewJobs,
  WorkerError,
} from "@leasehold/core";
import type { z } from "zod";

import { findCronProblem, findTimeZoneProblem } from "./cron-expression.ts";

/**
 * What becomes of slots that nobody consumed within their grace, since no worker lived: `skip` passes them over; `last`
 * makes up for all of them by one job, for the newest slot that is due; `all` enqueues the newest so many, the oldest
 * first.
 */
export type MissedPolicy = "skip" | "last" | { readonly all: number };

/** A schedule, as it is written. */
export interface ScheduleDefinition<
  Schema extends z.ZodType = z.ZodType,
  SlotField extends string = never,
> extends Pick<JobOptions, "priority" | "tenant"> {
  /** `[a-z][a-z0-9_.-]*`, at most 64 characters: the same name again changes the schedule. */
  readonly name: string;
  /** Minute, hour, day of the month, month, weekday; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. */
  readonly cron: string;
  /** Of the IANA database, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** Default: `last`. */
  readonly missed?: MissedPolicy;
  /** A slot that is consumed no later than this is on time; from 1 to 604,800. Default: 300. */
  readonly graceSeconds?: number;
  readonly pipeline: Pipeline<Schema>;
  /** The input of every job of this schedule. */
  readonly input: [SlotField] extends [never] ? z.input<Schema> : Omit<z.input<Schema>, SlotField>;
  /** The member of the input that is set to the slot's time, such as `2027-03-28T01:00:00Z`. Default: none. */
  readonly slotField?: SlotField;
}

/** A checked, frozen schedule: what `upsert` takes. */
export interface Schedule {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly missed: MissedPolicy;
  readonly graceSeconds: number;
  /** The job of every slot, as `enqueue_jobs` takes it. */
  readonly job: NewJobs;
  readonly slotField: string | undefined;
}

/** Missed slots that one schedule may make up for at once. */
export const missedSlotsMax = 1000;
const graceSecondsMax = 604_800;
const payloadBytesMax = 262_144;

/** Stands for the slot while a schedule is checked. */
const sampleSlot = "2000-01-01T00:00:00Z";

/**
 * Checks a schedule once, at definition: expression, zone, and the input against the pipeline's schema. It has no side
 * effects and needs no database. Throws `config_invalid` with every problem, each with its name and what would be right.
 *
 * @example
 * const digest = defineSchedule({
 *   name: "digest",
 *   cron: "30 6 * * MON-FRI",
 *   timeZone: "Europe/Berlin",
 *   pipeline: greeting,
 *   input: { name: "Ada" },
 * });
 */
export function defineSchedule<Schema extends z.ZodType, SlotField extends string = never>(
  definition: ScheduleDefinition<Schema, SlotField>,
): Schedule {
  const { name, cron, timeZone, missed = "last", graceSeconds = 300, slotField } = definition;
  // Of any input: with the slot's time put in, it is for the pipeline's schema to say whether it fits.
  const pipeline: Pipeline = definition.pipeline;
  const input: unknown =
    slotField === undefined
      ? definition.input
      : { ...Object(definition.input), [slotField]: sampleSlot };
  const problems = [
    ...findProblems({ name, cron, timeZone, missed, graceSeconds }),
    ...findInputProblems(pipeline, input, slotField),
  ];
  if (problems.length > 0) {
    throw new WorkerError("config_invalid", `Schedule "${name}" refused: ${problems.join("; ")}.`, {
      scope: "config",
    });
  }
  const job = toNewJobs(pipeline, [input], { ...toOptions(definition), bytesMax: payloadBytesMax });
  return Object.freeze({ name, cron, timeZone, missed, graceSeconds, job, slotField });
}

function findProblems({
  name,
  cron,
  timeZone,
  missed,
  graceSeconds,
}: Omit<Schedule, "job" | "slotField">): readonly string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9_.-]{0,63}$/.test(name)) {
    problems.push("name must match [a-z][a-z0-9_.-]* and have at most 64 characters");
  }
  const cronProblem = findCronProblem(cron);
  if (cronProblem !== undefined) problems.push(`cron: ${cronProblem}`);
  const zoneProblem = findTimeZoneProblem(timeZone);
  if (zoneProblem !== undefined) problems.push(`timeZone: ${zoneProblem}`);
  if (!isMissedPolicy(missed)) {
    problems.push(`missed: write "skip", "last" or { all: n } with n from 1 to ${missedSlotsMax}`);
  }
  if (!(graceSeconds >= 1 && graceSeconds <= graceSecondsMax)) {
    problems.push(`graceSeconds must be from 1 to ${graceSecondsMax}, got ${graceSeconds}`);
  }
  return problems;
}

function isMissedPolicy(missed: MissedPolicy): boolean {
  if (typeof missed === "string") return missed === "skip" || missed === "last";
  const all: unknown = Object(missed).all;
  return Number.isInteger(all) && Number(all) >= 1 && Number(all) <= missedSlotsMax;
}

function findInputProblems(
  pipeline: Pipeline,
  input: unknown,
  slotField: string | undefined,
): readonly string[] {
  const parsed = pipeline.input.safeParse(input);
  if (!parsed.success) {
    return parsed.error.issues.map(
      ({ path, message }) => `${["input", ...path.map(String)].join(".")}: ${message}`,
    );
  }
  if (slotField === undefined || Object.hasOwn(Object(parsed.data), slotField)) return [];
  return [`slotField: the pipeline's input has no member "${slotField}"`];
}

function toOptions({ priority, tenant }: Pick<JobOptions, "priority" | "tenant">): JobOptions {
  return {
    ...(priority === undefined ? {} : { priority }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
