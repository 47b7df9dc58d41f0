import type { AttemptRef, EventSource, WorkerEvent, WorkerEventListener } from "@leasehold/core";
import parsePrometheusTextFormat, { type Family } from "parse-prometheus-text-format";

import { createTelemetry, type Telemetry } from "../src/index.ts";

/** A worker as telemetry sees it: something that tells events. */
export interface TestWorker extends EventSource {
  readonly listenerCount: number;
  emit(event: WorkerEvent): void;
  /** Tells an event that this version of core does not know, or not yet. */
  emitUnknown(event: { readonly name: string } & Partial<AttemptRef>): void;
}

export interface Bench extends AsyncDisposable {
  readonly telemetry: Telemetry;
  readonly worker: TestWorker;
  /** What a scrape shows, by series: `name{label="value"}`. Counters and gauges only. */
  scrape(): Promise<ReadonlyMap<string, number>>;
  /** What a scrape shows, as the parser tells it. */
  families(): Promise<readonly Family[]>;
}

export const learningLabels = {
  phases: ["vision", "feedback"],
  errorCodes: ["vision_failed", "feedback_failed", "input_corrupt"],
  errorCode: (phase: string, code: string): string =>
    code.startsWith("input_") ? code : `${phase}_failed`,
} as const;

/** Telemetry with the learning worker's labels, observing one worker. */
export function setup(): Bench {
  const telemetry = createTelemetry(learningLabels);
  const worker = createTestWorker();
  telemetry.observe(worker);
  const families = async (): Promise<readonly Family[]> =>
    parsePrometheusTextFormat(await telemetry.collect());
  return {
    telemetry,
    worker,
    families,
    scrape: async () => new Map((await families()).flatMap(toSeries)),
    [Symbol.asyncDispose]: () => telemetry.close(),
  };
}

export function createTestWorker(): TestWorker {
  const listeners = new Set<WorkerEventListener>();
  const tell = (event: WorkerEvent): void => {
    for (const listener of listeners) listener(event);
  };
  return {
    get listenerCount() {
      return listeners.size;
    },
    emit: tell,
    emitUnknown: (event) => tell(event as WorkerEvent),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** An attempt of a job, the first of its first phase unless told otherwise. */
export function attemptOf(jobId: string, changes: Partial<AttemptRef> = {}): AttemptRef {
  return { jobId, type: "submission", phase: "vision", attempt: 1, ...changes };
}

/** The parser melts the histograms of a family into one: those are read from the text itself. */
function toSeries(family: Family): readonly (readonly [string, number])[] {
  if (family.type === "HISTOGRAM") return [];
  return family.metrics.map((sample) => [
    family.name + toLabelText(sample.labels),
    Number(sample.value),
  ]);
}

function toLabelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
