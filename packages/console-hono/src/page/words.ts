import type { JobState, KnownStage, WorkerErrorCode } from "@leasehold/core";

import type { ProblemCode } from "../api/problem.ts";

/** The languages that the page speaks. */
export type Language = "en" | "de";

/** States of anything that has one. */
export type StateWord =
  | JobState
  | "due"
  | "delayed"
  | "live"
  | "silent"
  | "stopped"
  | "closed"
  | "open"
  | "half_open"
  | "paused";

export type ViewName =
  "overview" | "queues" | "jobs" | "dead-letters" | "resources" | "schedules" | "workers" | "audit";

/** What `explain` answers; a newer schema may know more, and is then quoted. */
export type CauseName =
  | "not_found"
  | "completed"
  | "failed"
  | "dead"
  | "cancelled"
  | "leased"
  | "held_alone"
  | "lease_expired"
  | "waits_signal"
  | "waits_children"
  | "waits"
  | "wait_over"
  | "delayed"
  | "backing_off"
  | "outage_wait"
  | "paused"
  | "no_worker"
  | "workers_busy"
  | "runs_alone"
  | "breaker_open"
  | "breaker_probing"
  | "resource_full"
  | "resource_slow"
  | "limit_full"
  | "rate_used_up"
  | "tenant_turn"
  | "waits_turn"
  | "due";

export type OutcomeName =
  "completed" | "retried" | "released" | "failed" | "lapsed" | "cancelled" | "effect_failed";

export type ActName =
  | "requeue"
  | "requeueAll"
  | "replay"
  | "cancel"
  | "resolve"
  | "pause"
  | "resume"
  | "openBreaker"
  | "closeBreaker"
  | "warm";

/** What something is, and what an operator does about it. */
export interface Advice {
  readonly what: string;
  readonly todo: string;
}

/** What is said around a button. */
export interface ActWords {
  readonly label: string;
  readonly question: string;
  readonly consequence: string;
  /** Numbers of the answer stand in braces. */
  readonly done: string;
}

/** A column, or the name of a fact. */
export type FieldName =
  | "abandoned"
  | "action"
  | "attempt"
  | "attempts"
  | "breaker"
  | "cause"
  | "code"
  | "completed"
  | "concurrency"
  | "count"
  | "created"
  | "cron"
  | "delayed"
  | "due"
  | "ended"
  | "failures"
  | "first"
  | "host"
  | "id"
  | "inUse"
  | "last"
  | "leased"
  | "losses"
  | "memory"
  | "message"
  | "model"
  | "name"
  | "next"
  | "oldest"
  | "onGpu"
  | "operator"
  | "outages"
  | "outcome"
  | "p95"
  | "pausedBy"
  | "phase"
  | "progress"
  | "queue"
  | "rate"
  | "reason"
  | "resource"
  | "retries"
  | "running"
  | "sample"
  | "scope"
  | "seen"
  | "slots"
  | "started"
  | "state"
  | "target"
  | "tenant"
  | "timeZone"
  | "took"
  | "type"
  | "types"
  | "until"
  | "version"
  | "waiting"
  | "waitsFor"
  | "weight"
  | "when"
  | "window"
  | "worker";

/** Every word of the page in one language. */
export interface Words {
  readonly language: Language;
  /** In itself. */
  readonly languageName: string;
  readonly units: { readonly hour: string; readonly day: string };
  readonly justNow: string;
  readonly views: Readonly<Record<ViewName, string>>;
  readonly states: Readonly<Record<StateWord, string>>;
  readonly outcomes: Readonly<Record<OutcomeName, string>>;
  readonly fields: Readonly<Record<FieldName, string>>;
  readonly causes: Readonly<Record<CauseName, Advice>>;
  readonly codes: Readonly<Record<WorkerErrorCode, Advice>>;
  readonly unknownCode: Advice;
  readonly acts: Readonly<Record<ActName, ActWords>>;
  readonly chrome: ChromeWords;
  readonly overview: OverviewWords;
  readonly lists: ListWords;
  readonly job: JobWords;
  readonly audit: AuditWords;
  readonly problems: ProblemWords;
  /** Why the API refused an act. Its number stands in braces. */
  readonly refusals: Readonly<Record<ProblemCode, string>>;
}

export interface ChromeWords {
  readonly product: string;
  readonly skip: string;
  readonly navigation: string;
  readonly language: string;
  readonly pauseUpdates: string;
  readonly resumeUpdates: string;
  readonly live: string;
  readonly paused: string;
  readonly unreachable: string;
  readonly noScript: string;
  readonly readOnly: string;
  readonly back: string;
  readonly confirm: string;
  readonly reasonRequired: string;
  readonly reasonOptional: string;
  readonly reasonHint: string;
  readonly failed: string;
  readonly sending: string;
}

export interface OverviewWords {
  readonly attention: string;
  readonly allWell: string;
  readonly depth: string;
  readonly depthNote: (running: string, later: string) => string;
  readonly depthChart: (now: string, most: string, since: string) => string;
  readonly lag: string;
  readonly lagNote: (p95: string) => string;
  readonly lagNone: string;
  readonly lagChart: (now: string, most: string, since: string) => string;
  readonly throughput: string;
  readonly throughputNote: (minutes: number) => string;
  readonly throughputChart: (minutes: number, sum: string, most: string) => string;
  readonly failures: string;
  readonly failuresNote: (minutes: number) => string;
  readonly failuresChart: (minutes: number, sum: string, most: string) => string;
  readonly perMinute: string;
  readonly sinceWatching: (span: string) => string;
  readonly watchingNow: string;
  readonly backlog: string;
  readonly recentTrouble: string;
  readonly noTrouble: string;
  readonly showAll: string;
  readonly trouble: {
    readonly dead: (count: string, code: string, place: string) => string;
    readonly breaker: (name: string, code: string) => string;
    readonly paused: (scope: string) => string;
    readonly noWorker: (due: string) => string;
    readonly silent: (count: string) => string;
    readonly late: (queue: string, age: string) => string;
    readonly schedule: (name: string, warning: string) => string;
  };
  readonly announce: (due: string, running: string, trouble: string) => string;
}

export interface ListWords {
  readonly noQueues: string;
  readonly noQueuesHint: string;
  readonly pauses: string;
  readonly noPauses: string;
  readonly limits: string;
  readonly noLimits: string;
  readonly limitsHint: string;
  readonly rate: (max: string, span: string) => string;
  readonly unlimited: string;
  readonly fair: string;
  readonly jobsHint: string;
  readonly filter: string;
  readonly apply: string;
  readonly clear: string;
  readonly any: string;
  readonly noJobs: string;
  readonly noJobsHint: string;
  readonly newer: string;
  readonly older: string;
  readonly pages: string;
  readonly noDeadLetters: string;
  readonly noDeadLettersHint: string;
  readonly deadLettersNote: (groups: string, jobs: string) => string;
  readonly noCode: string;
  readonly jobs: (count: string) => string;
  readonly requeueThese: (count: string) => string;
  readonly requeueTheseQuestion: (count: string) => string;
  readonly showThese: string;
  readonly shownOf: (shown: string, all: string) => string;
  readonly newest: string;
  readonly noResources: string;
  readonly noResourcesHint: string;
  readonly models: string;
  readonly warm: string;
  readonly cold: string;
  readonly noModels: string;
  readonly modelsAway: string;
  readonly swaps: string;
  readonly tokensPerSecond: string;
  readonly seenHere: string;
  readonly probe: string;
  readonly slowStart: (places: string, concurrency: string) => string;
  readonly noWorkers: string;
  readonly noWorkersHint: string;
  readonly noSchedules: string;
  readonly noSchedulesHint: string;
  readonly schedulesUnserved: string;
  readonly scheduleWarnings: Readonly<
    Record<"slots_overdue" | "slots_low" | "slots_failed", string>
  >;
}

export interface JobWords {
  readonly title: (type: string) => string;
  readonly notFound: string;
  readonly notFoundHint: string;
  readonly why: string;
  readonly whyEnded: string;
  readonly afterwards: string;
  readonly facts: string;
  readonly timeline: string;
  readonly timelineNote: string;
  readonly timelineChart: (attempts: string, span: string) => string;
  readonly noAttempts: string;
  readonly attempt: (number: string) => string;
  readonly phaseStates: Readonly<Record<"done" | "skipped" | "current" | "ended" | "open", string>>;
  readonly provenance: string;
  readonly parts: (count: string) => string;
  readonly content: string;
  readonly contentHidden: string;
  readonly contentForbidden: string;
  readonly reveal: string;
  readonly hide: string;
  readonly payload: string;
  readonly result: (phase: string) => string;
  readonly messages: string;
  readonly signals: string;
  readonly actions: string;
  readonly sameCode: string;
  readonly replayFrom: string;
  readonly parent: string;
  readonly children: string;
  readonly progressParts: (done: string, total: string) => string;
  readonly progressTokens: (tokens: string) => string;
  readonly stages: Readonly<Record<KnownStage, string>>;
  readonly announce: (state: string, phase: string) => string;
}

export interface AuditWords {
  readonly empty: string;
  readonly emptyHint: string;
  readonly note: string;
}

export interface ProblemWords {
  readonly invalid: string;
  readonly invalidHint: string;
  readonly unavailable: string;
  readonly unavailableHint: string;
}
