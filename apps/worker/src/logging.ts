import type { PhaseLogger, WorkerEvent } from "@leasehold/core";
import { type Logger, pino } from "pino";
import { PinoPretty } from "pino-pretty";

import type { WorkerConfig } from "./config.ts";

export type { Logger } from "pino";

/** Where a log goes. */
export interface LogTarget {
  /** 1 or 2. */
  readonly descriptor: number;
  readonly isTerminal: boolean;
}

/** Opens the log: lines for people on a terminal, JSON lines otherwise. */
export function createLogger(settings: WorkerConfig["log"], target: LogTarget): Logger {
  const isPretty =
    settings.format === "pretty" || (settings.format === "auto" && target.isTerminal);
  const options = { level: settings.level, base: null };
  // Written at once: a worker that is killed must not take its last words along.
  if (!isPretty) return pino(options, pino.destination({ dest: target.descriptor, sync: true }));
  const pretty = PinoPretty({
    destination: target.descriptor,
    sync: true,
    colorize: target.isTerminal,
    translateTime: "HH:MM:ss",
    ignore: "pid,hostname",
  });
  return pino(options, pretty);
}

/** The fields of events that are logged: ids, words of ours and numbers. Whatever else an event carries is not. */
const eventFields = [
  "worker",
  "jobId",
  "type",
  "phase",
  "attempt",
  "solo",
  "nextPhase",
  "code",
  "reason",
  "operation",
  "retryInMs",
  "durationMs",
  "inFlight",
  "count",
  "resource",
  "probe",
  "waitMs",
] as const;

const warnings = new Set<WorkerEvent["name"]>([
  "database.failed",
  "job.retried",
  "job.released",
  "lease.lost",
  "lease.lapsed",
  "adapter.abandoned",
  "resource.opened",
]);
const errors = new Set<WorkerEvent["name"]>(["job.failed", "job.dead", "worker.exhausted"]);
const details = new Set<WorkerEvent["name"]>([
  "lease.renewed",
  "phase.progressed",
  "phase.started",
  // What became of it is told by another line.
  "phase.ended",
]);

/** Writes one line per event. */
export function logEvent(logger: Logger, event: WorkerEvent): void {
  const given = new Map<string, unknown>(Object.entries(event));
  const fields = Object.fromEntries(
    eventFields.filter((name) => given.has(name)).map((name) => [name, given.get(name)]),
  );
  logger[levelOf(event.name)](fields, event.name);
}

function levelOf(name: WorkerEvent["name"]): "debug" | "info" | "warn" | "error" {
  if (errors.has(name)) return "error";
  if (warnings.has(name)) return "warn";
  return details.has(name) ? "debug" : "info";
}

/** What adapters log through. */
export function toPhaseLogger(logger: Logger): PhaseLogger {
  return {
    info: (event, fields = {}) => logger.info({ ...fields }, event),
    warn: (event, fields = {}) => logger.warn({ ...fields }, event),
  };
}
