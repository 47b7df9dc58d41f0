import type { ConsoleEvent } from "@leasehold/console-hono";
import type { WorkerEventName } from "@leasehold/core";
import type { SchedulerEvent } from "@leasehold/cron";

import type { LogFieldName } from "./log-fields.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One kind of line. */
export interface LogEvent {
  readonly level: LogLevel;
  readonly fields: readonly LogFieldName[];
  /** For the documentation. */
  readonly meaning: string;
}

/** What the reference worker says of itself, beside what worker and scheduler tell. */
type OwnEventName =
  | "adapter.told"
  | "console.listening"
  | ConsoleEvent["name"]
  | "database.awaited"
  | "fallback.taken"
  | "hints.unheard"
  | "http.listening"
  | "migration.applied"
  | "worker.configured"
  | "worker.warned";

export type LogEventName = WorkerEventName | SchedulerEvent["name"] | OwnEventName;

const attempt = ["jobId", "type", "phase", "attempt"] as const;
const asked = ["operator", "action", "status", "code"] as const;

/** Every line that the worker can write, in the order of the documentation. */
export const logEvents: Readonly<Record<LogEventName, LogEvent>> = {
  "worker.configured": {
    level: "info",
    fields: [
      "backend",
      "database",
      "storage",
      "concurrency",
      "leaseSeconds",
      "pollSeconds",
      "graceSeconds",
      "abandonedMax",
    ],
    meaning: "The first line: what this worker runs by.",
  },
  "worker.warned": {
    level: "warn",
    fields: ["message"],
    meaning: "Something is set in vain, does harm, or is not for production.",
  },
  "migration.applied": {
    level: "info",
    fields: ["migration"],
    meaning: "The database was brought to this version.",
  },
  "database.awaited": {
    level: "warn",
    fields: ["code"],
    meaning: "Postgres does not answer yet; the start is tried again every two seconds.",
  },
  "http.listening": {
    level: "info",
    fields: ["url", "file"],
    meaning: "Health and metrics are served; `file` holds the operator's token.",
  },
  "console.listening": {
    level: "info",
    fields: ["url"],
    meaning: "The operators' page is served there.",
  },
  "console.acted": {
    level: "info",
    fields: asked,
    meaning: "An operator did something there; `actions` has to what, and why.",
  },
  "console.refused": {
    level: "warn",
    fields: asked,
    meaning: "Somebody was refused something there: `code` has why.",
  },
  "console.failed": {
    level: "warn",
    fields: asked,
    meaning: "It could not answer: Postgres did not, or it is our mistake.",
  },
  "hints.unheard": {
    level: "info",
    fields: ["pooled", "pollSeconds"],
    meaning: "Through a pooler no hints come: jobs are found by looking.",
  },
  "worker.started": {
    level: "info",
    fields: ["worker"],
    meaning: "Jobs are claimed from now on.",
  },
  "job.claimed": {
    level: "info",
    fields: [...attempt, "solo"],
    meaning: "A job was acquired; `solo`: it runs alone, since it may have ended a worker.",
  },
  "phase.started": { level: "debug", fields: attempt, meaning: "Its work begins." },
  "renewal.started": {
    level: "info",
    fields: attempt,
    meaning:
      "Its lease was renewed for the first time, after a third of it; shorter jobs have no such line.",
  },
  "lease.renewed": {
    level: "debug",
    fields: ["count"],
    meaning: "So many leases were renewed in one round.",
  },
  "phase.progressed": {
    level: "debug",
    fields: [...attempt, "stage", "partsDone", "partsTotal", "tokens", "fraction"],
    meaning: "How far it is.",
  },
  "phase.ended": {
    level: "debug",
    fields: [...attempt, "durationMs", "code"],
    meaning:
      "Its work is over, with a code when it went wrong; a later line tells what came of it.",
  },
  "fallback.taken": {
    level: "warn",
    fields: ["jobId", "phase", "attempt", "path", "reason"],
    meaning: "No answer of the model held, and another way was taken.",
  },
  "adapter.told": {
    level: "info",
    fields: ["jobId", "phase", "attempt", "code", "resource", "durationMs", "count"],
    meaning: "An adapter said something in words that are not in this table.",
  },
  "phase.completed": {
    level: "info",
    fields: [...attempt, "durationMs"],
    meaning: "A phase is done and written down; the next one follows.",
  },
  "job.yielded": {
    level: "info",
    fields: [...attempt, "nextPhase"],
    meaning: "The job waits for its next phase, for this worker or another.",
  },
  "job.waiting": {
    level: "info",
    fields: [...attempt, "reason"],
    meaning: "The job waits for a signal or for its children.",
  },
  "job.completed": {
    level: "info",
    fields: [...attempt, "durationMs"],
    meaning: "The job is done; the time is that of its last phase.",
  },
  "job.retried": {
    level: "warn",
    fields: [...attempt, "code", "retryInMs", "retryAt"],
    meaning: "It failed, is charged for it, and is tried again.",
  },
  "job.released": {
    level: "warn",
    fields: [...attempt, "reason", "code", "retryInMs", "retryAt"],
    meaning: "It was given back uncharged, for an outage or since the worker stops.",
  },
  "job.failed": {
    level: "error",
    fields: [...attempt, "code"],
    meaning: "It cannot succeed: nobody tries it again.",
  },
  "job.dead": {
    level: "error",
    fields: [...attempt, "code"],
    meaning: "Its failures or losses are used up, or its time is over.",
  },
  "job.cancelled": {
    level: "info",
    fields: [...attempt, "code"],
    meaning: "Somebody ended it while it ran.",
  },
  "write.refused": {
    level: "warn",
    fields: attempt,
    meaning: "How an attempt ended came too late: the database refused to write it down.",
  },
  "lease.lost": {
    level: "warn",
    fields: attempt,
    meaning: "This worker no longer has the job, and writes nothing more.",
  },
  "lease.lapsed": {
    level: "warn",
    fields: attempt,
    meaning: "The lease of a worker that is gone ran out: its job waits again.",
  },
  "resource.opened": {
    level: "warn",
    fields: ["resource", "code", "waitMs"],
    meaning: "A breaker opened: nothing that needs the resource is claimed.",
  },
  "resource.probed": {
    level: "info",
    fields: ["resource", "probe"],
    meaning: "One job looks whether it is back.",
  },
  "resource.closed": {
    level: "info",
    fields: ["resource"],
    meaning: "The breaker closed: it is back.",
  },
  "database.failed": {
    level: "warn",
    fields: ["operation", "code"],
    meaning: "Postgres did not do what it was asked; it is asked again.",
  },
  "adapter.abandoned": {
    level: "warn",
    fields: attempt,
    meaning: "A model call ignored its abort; its slot was given back without it.",
  },
  "worker.exhausted": {
    level: "error",
    fields: ["worker", "inFlight", "count"],
    meaning: "Too many calls were abandoned: the worker ends, to be recycled (exit code 75).",
  },
  "scheduler.started": { level: "info", fields: [], meaning: "Schedules are looked after." },
  "slots.planned": {
    level: "info",
    fields: ["schedule", "count"],
    meaning: "Slots of a schedule were planned ahead.",
  },
  "slots.enqueued": { level: "info", fields: ["count"], meaning: "Slots were due, and made jobs." },
  "schedule.refused": {
    level: "warn",
    fields: ["schedule"],
    meaning: "The expression or the zone of a schedule is none that is known here.",
  },
  "scheduler.stopped": { level: "info", fields: [], meaning: "Others look after schedules now." },
  "worker.stopping": {
    level: "info",
    fields: ["worker", "inFlight"],
    meaning: "No more claims; what runs may end.",
  },
  "worker.stopped": { level: "info", fields: ["worker"], meaning: "The last line." },
};

export function isLogEventName(name: string): name is LogEventName {
  return Object.hasOwn(logEvents, name);
}
