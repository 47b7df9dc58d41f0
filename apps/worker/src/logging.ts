import type { PhaseLogger, WorkerEvent } from "@leasehold/core";
import type { SchedulerEvent } from "@leasehold/cron";
import { pino } from "pino";
import { PinoPretty } from "pino-pretty";

import type { WorkerConfig } from "./config.ts";
import { fitFields, type LogFields } from "./log-fields.ts";
import { isLogEventName, type LogEventName, logEvents } from "./log-vocabulary.ts";

/** Where a log goes. */
export interface LogTarget {
  /** 1 or 2. */
  readonly descriptor: number;
  readonly isTerminal: boolean;
}

/** Writes lines of the vocabulary, and no others. */
export interface WorkerLog {
  /** A field that the event does not have, or that is not of its kind, is not written, whatever its type said. */
  write(name: LogEventName, fields?: LogFields): void;
}

/** Opens the log: lines for people on a terminal, JSON lines otherwise. */
export function createLog(settings: WorkerConfig["log"], target: LogTarget): WorkerLog {
  const logger = pino({ level: settings.level, base: null }, openStream(settings, target));
  return {
    write(name, fields = {}) {
      const event = logEvents[name];
      logger[event.level](fitFields(event.fields, fields), name);
    },
  };
}

function openStream(
  { format }: WorkerConfig["log"],
  { descriptor, isTerminal }: LogTarget,
): pino.DestinationStream {
  // Written at once: a worker that is killed must not take its last words along.
  if (format === "json" || (format === "auto" && !isTerminal)) {
    return pino.destination({ dest: descriptor, sync: true });
  }
  return PinoPretty({
    destination: descriptor,
    sync: true,
    colorize: isTerminal,
    translateTime: "HH:MM:ss",
    hideObject: true,
    messageFormat: toLine,
  });
}

/** A line for people: a warning's own words, or the event with its fields. */
function toLine({ level: _level, time: _time, msg, message, ...fields }: object & Fields): string {
  if (typeof message === "string") return message;
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${toShown(value)}`);
  return [String(msg), ...shown].join(" ");
}

interface Fields {
  readonly [name: string]: unknown;
}

function toShown(value: unknown): string {
  const text = String(value);
  return /\s/.test(text) ? JSON.stringify(text) : text;
}

/** Writes what a worker or a scheduler tells, one line per event. */
export function logEvent(log: WorkerLog, event: WorkerEvent | SchedulerEvent): void {
  log.write(event.name, toFields(event));
}

function toFields(event: WorkerEvent | SchedulerEvent): LogFields {
  const { name: _name, ...fields } = event;
  if (event.name === "phase.progressed") return { ...fields, ...event.progress };
  if (event.name !== "job.retried" && event.name !== "job.released") return fields;
  // By this machine's clock: what decides is the database's.
  return { ...fields, retryAt: toTime(Date.now() + event.retryInMs) };
}

/** Undefined beyond what a date can hold: no line is lost for that. */
function toTime(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** What adapters log through. What they call it must be in the vocabulary, or it is only told that they spoke. */
export function toPhaseLogger(log: WorkerLog): PhaseLogger {
  const tell: PhaseLogger["info"] = (event, fields = {}) =>
    log.write(isLogEventName(event) ? event : "adapter.told", fields);
  return { info: tell, warn: tell };
}
