import { z } from "zod";

import type { Provenance } from "../adapter.ts";
import type { Routine } from "../database/database.ts";
import { type JobState, jobStates } from "../job-state.ts";
import type { Json } from "../json.ts";
import type { WaitRecord } from "./client-routines.ts";
import { defineRoutine, jsonColumn } from "./lease-routines.ts";

/** One job of a list, without content. */
export interface JobListing {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly queue: string;
  /** From 0; lower first. */
  readonly priority: number;
  readonly state: JobState;
  readonly phase: string;
  readonly attempt: number;
  /** The last trouble, also of a job that waits for its next try. */
  readonly code: string | undefined;
  /** Who has it, or had it last. */
  readonly worker: string | undefined;
  readonly createdAt: Date;
  /** Of a queued job. */
  readonly dueAt: Date | undefined;
  /** Of a running job. */
  readonly leasedUntil: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** Of a waiting job. */
  readonly waitsFor: WaitRecord | undefined;
}

/** A job of a list, with its three counters over all phases. */
export interface CountedJob extends JobListing {
  readonly failures: number;
  readonly losses: number;
  readonly outages: number;
}

/** Some jobs, and where to go on. */
export interface JobPage {
  readonly jobs: readonly CountedJob[];
  /** To be given as `after`; undefined when there is nothing more. There may be more where there are no jobs. */
  readonly next: string | undefined;
}

/** One phase of a job. */
export interface PhaseRecord {
  readonly phase: string;
  /** Starts that have ended. */
  readonly attempts: number;
  readonly failures: number;
  readonly losses: number;
  readonly outages: number;
  readonly code: string | undefined;
  /** Pieces that are kept. */
  readonly parts: number;
  /** When its result was accepted. */
  readonly savedAt: Date | undefined;
  /** The job did not need it. */
  readonly isSkipped: boolean;
  /** Where its result comes from: adapter, model, options. */
  readonly provenance: Provenance | undefined;
}

/** One start of a phase. */
export interface AttemptTrace {
  readonly phase: string;
  readonly attempt: number;
  /** Undefined: it runs. */
  readonly outcome: string | undefined;
  readonly code: string | undefined;
  readonly worker: string;
  /** Undefined: it is leased and has not begun. */
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
}

/** Something that a job was told. */
export interface SignalRecord {
  readonly name: string;
  readonly at: Date;
  /** It was waited for in vain. */
  readonly isLate: boolean;
}

export interface ChildTrace {
  readonly id: string;
  readonly type: string;
  /** Undefined: it has not ended. */
  readonly state: JobState | undefined;
}

/** All that is known of one job, without content. */
export interface JobTimeline extends JobListing {
  readonly startBy: Date | undefined;
  readonly endBy: Date | undefined;
  readonly parent: string | undefined;
  readonly openChildren: number;
  readonly failedChildren: number;
  /** In the order they came. */
  readonly phases: readonly PhaseRecord[];
  /** In order; the last 500. */
  readonly attempts: readonly AttemptTrace[];
  readonly signals: readonly SignalRecord[];
  /** The first 100. */
  readonly children: readonly ChildTrace[];
}

/** What began and ended in one minute. */
export interface ThroughputRecord {
  readonly minute: Date;
  /** Attempts. */
  readonly started: number;
  /** Jobs, as all that follow. */
  readonly completed: number;
  readonly failed: number;
  readonly dead: number;
  readonly cancelled: number;
  /** False where more happened than is looked at. */
  readonly isWhole: boolean;
}

/** Something that an operator did. */
export interface ActionRecord {
  /** The later, the higher; to be given as `before`. */
  readonly number: string;
  readonly id: string;
  readonly at: Date;
  readonly operator: string;
  /** Of the database. */
  readonly login: string;
  /** Such as `job.requeue`. */
  readonly action: string;
  /** A job, a queue, a filter. */
  readonly target: string | undefined;
  readonly reason: string | undefined;
  readonly outcome: string;
  /** How many were changed. */
  readonly jobs: number;
}

/** What is in a job. This is content: handle it as such. */
export interface RevealedJob {
  readonly tenant: string | undefined;
  readonly subject: string | undefined;
  readonly payload: Json;
  readonly results: readonly { readonly phase: string; readonly output: Json }[];
  readonly messages: readonly {
    readonly phase: string;
    readonly attempt: number;
    readonly message: string;
  }[];
  readonly signals: readonly { readonly name: string; readonly payload: Json }[];
}

interface LookingRoutines {
  readonly listJobs: Routine<JobPage>;
  readonly getTimeline: Routine<JobTimeline>;
  readonly getThroughput: Routine<ThroughputRecord>;
  readonly beginAction: Routine<"ok">;
  readonly noteAction: Routine<"ok">;
  readonly getActions: Routine<ActionRecord>;
  readonly revealJob: Routine<RevealedJob>;
}

const optional = <Value>(column: z.ZodType<Value>): z.ZodType<Value | undefined> =>
  column.nullable().transform((value) => value ?? undefined);
const text = optional(z.string());
const count = z.int();
const flag = z.boolean();
/** Inside JSON, a moment is text. */
const moment = z.string().transform((value) => new Date(value));
const optionalMoment = optional(moment);
const state = z.enum(jobStates);

const waitOf = (
  reason: string | undefined,
  name: string | undefined,
  until: Date | undefined,
): WaitRecord | undefined => (reason === undefined ? undefined : { reason, name, until });

const listing: z.ZodType<CountedJob> = z
  .object({
    id: z.string(),
    type: z.string(),
    version: count,
    queue: z.string(),
    priority: count,
    state,
    phase: z.string(),
    attempt: count,
    code: text,
    worker: text,
    failures: count,
    losses: count,
    outages: count,
    createdAt: moment,
    dueAt: optionalMoment,
    leasedUntil: optionalMoment,
    finishedAt: optionalMoment,
    waitingReason: text,
    waitingName: text,
    wakeAt: optionalMoment,
  })
  .transform(({ waitingReason, waitingName, wakeAt, ...job }) => ({
    ...job,
    waitsFor: waitOf(waitingReason, waitingName, wakeAt),
  }));

const page: z.ZodType<JobPage> = z
  .tuple([z.array(listing), z.unknown()])
  .transform(([jobs, next]) => ({
    jobs,
    next: next === null ? undefined : JSON.stringify(next),
  }));

const phase: z.ZodType<PhaseRecord> = z.object({
  phase: z.string(),
  attempts: count,
  failures: count,
  losses: count,
  outages: count,
  code: text,
  parts: count,
  savedAt: optionalMoment,
  isSkipped: flag,
  provenance: optional(z.record(z.string(), jsonColumn)),
});

const attempt: z.ZodType<AttemptTrace> = z.object({
  phase: z.string(),
  attempt: count,
  outcome: text,
  code: text,
  worker: z.string(),
  startedAt: optionalMoment,
  finishedAt: optionalMoment,
});

const signal: z.ZodType<SignalRecord> = z.object({ name: z.string(), at: moment, isLate: flag });
const child: z.ZodType<ChildTrace> = z.object({
  id: z.string(),
  type: z.string(),
  state: optional(state),
});

const date = optional(z.date());

const timeline: z.ZodType<JobTimeline> = z
  .tuple([
    z.tuple([z.string(), z.string(), count, z.string(), count, state, z.string(), count]),
    z.tuple([text, text, z.date(), date, date, date, date, date, text, text, date, text]),
    z.tuple([count, count]),
    z.tuple([z.array(phase), z.array(attempt), z.array(signal), z.array(child)]),
  ])
  .transform(([job, more, [openChildren, failedChildren], lists]) => ({
    id: job[0],
    type: job[1],
    version: job[2],
    queue: job[3],
    priority: job[4],
    state: job[5],
    phase: job[6],
    attempt: job[7],
    code: more[0],
    worker: more[1],
    createdAt: more[2],
    dueAt: more[3],
    leasedUntil: more[4],
    finishedAt: more[5],
    startBy: more[6],
    endBy: more[7],
    waitsFor: waitOf(more[8], more[9], more[10]),
    parent: more[11],
    openChildren,
    failedChildren,
    phases: lists[0],
    attempts: lists[1],
    signals: lists[2],
    children: lists[3],
  }));

/** A row as long as this one is easier to read in pieces. */
function readTimeline(columns: unknown): JobTimeline {
  const all: unknown[] = Array.isArray(columns) ? columns : [];
  return timeline.parse([all.slice(0, 8), all.slice(8, 20), all.slice(20, 22), all.slice(22)]);
}

const throughput: z.ZodType<ThroughputRecord> = z
  .tuple([z.date(), count, count, count, count, count, flag])
  .transform(([minute, started, completed, failed, dead, cancelled, isWhole]) => ({
    minute,
    started,
    completed,
    failed,
    dead,
    cancelled,
    isWhole,
  }));

const action: z.ZodType<ActionRecord> = z
  .tuple([
    z.string(),
    z.string(),
    z.date(),
    z.string(),
    z.string(),
    z.string(),
    text,
    text,
    z.string(),
    count,
  ])
  .transform(([number, id, at, operator, login, name, target, ...rest]) => ({
    number,
    id,
    at,
    operator,
    login,
    action: name,
    target,
    reason: rest[0],
    outcome: rest[1],
    jobs: rest[2],
  }));

const revealed: z.ZodType<RevealedJob> = z
  .tuple([
    text,
    text,
    jsonColumn,
    z.array(z.object({ phase: z.string(), output: jsonColumn })),
    z.array(z.object({ phase: z.string(), attempt: count, message: z.string() })),
    z.array(z.object({ name: z.string(), payload: jsonColumn })),
  ])
  .transform(([tenant, subject, payload, results, messages, signals]) => ({
    tenant,
    subject,
    payload,
    results,
    messages,
    signals,
  }));

const done: z.ZodType<"ok"> = z.tuple([z.literal("ok")]).transform(([answer]) => answer);

/** The functions that show jobs to operators, and what operators did. */
export const lookingRoutines: LookingRoutines = {
  listJobs: defineRoutine("list_jobs", ["text::jsonb", "integer"], page),
  getTimeline: { name: "get_timeline", casts: ["uuid"], read: readTimeline },
  getThroughput: defineRoutine("get_throughput", ["integer"], throughput),
  beginAction: defineRoutine("begin_action", [], done),
  noteAction: defineRoutine(
    "note_action",
    ["uuid", "text", "text", "text", "text", "text", "integer"],
    done,
  ),
  getActions: defineRoutine("get_actions", ["bigint", "integer", "text", "text"], action),
  revealJob: defineRoutine("reveal_job", ["uuid", "text", "text"], revealed),
};
