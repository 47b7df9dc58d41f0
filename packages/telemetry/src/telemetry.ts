import assert from "node:assert/strict";

import { type EventSource, type PhaseLogger, WorkerError } from "@leasehold/core";
import type { ModelV1 } from "@leasehold/model";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

import { createFallbackMetrics, type FallbackLabels } from "./fallback-metrics.ts";
import { createInFlightJobs, type InFlightJobs } from "./in-flight-jobs.ts";
import { createLabelSet, findLabelProblems, findPairProblems } from "./label-set.ts";
import { createModelMetrics } from "./model-metrics.ts";
import type { ModelUse } from "./model-use.ts";
import { createQueueMetrics, type QueueSource } from "./queue-metrics.ts";
import { createScoreAlarms, type ScoreAlarmSource } from "./score-alarms.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";

export interface TelemetryOptions {
  /** The values that `{phase}` may take. Any other phase is counted as `other`. */
  readonly phases: readonly string[];
  /** The values that `{error_code}` may take. Any other code is counted as `other`. */
  readonly errorCodes: readonly string[];
  /** Names a failure in the words of the host's runbook. Default: the code itself. */
  readonly errorCode?: (phase: string, code: string) => string;
  /** What fallbacks are counted by. Default: they are not counted. */
  readonly fallbacks?: FallbackLabels;
  /** Where the watch over scores is read. Default: there is none. */
  readonly scoreAlarms?: ScoreAlarmSource;
  /** Where the backlog, the breakers and the workers are read. Default: none of them is shown. */
  readonly queue?: QueueSource;
}

/** The numbers of one process, for as many workers as it runs. */
export interface Telemetry extends AsyncDisposable {
  /** The content type of what {@link Telemetry.collect} answers. */
  readonly contentType: string;
  /**
   * Counts what a worker tells, from now on: call it before the worker starts. A source is counted once, however
   * often it is observed.
   *
   * Returns the function that ends it. The jobs this worker still runs then leave the gauge; the counters stay.
   */
  observe(source: EventSource): () => void;
  /** Counts the fallbacks that adapters write to this log: give the worker what it returns. */
  listen(logger: PhaseLogger): PhaseLogger;
  /** The model, whose calls, tokens and loads are counted under this name: one of a few, and never a learner's. */
  model(model: ModelV1, name: string): ModelV1;
  /** How the models that were called so far are used, each under its name. */
  modelUses(): readonly ModelUse[];
  /** Everything counted so far as Prometheus text. Rejects with `worker_stopping` after {@link Telemetry.close}. */
  collect(): Promise<string>;
  /** Idempotent. */
  close(): Promise<void>;
}

interface Observation {
  readonly jobs: InFlightJobs;
  readonly end: () => void;
}

/** Counts what workers do, under the names of the learning worker's runbook, in a form that Prometheus can scrape. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  refuseBadOptions(options);
  // The exporter is used as a reader only. Its own server would be a second, unprotected door.
  const reader = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({
    // The default resource looks at the process; nothing of it is wanted here.
    resource: resourceFromAttributes({}),
    readers: [reader],
  });
  const serializer = createSerializer();
  const observations = new Map<EventSource, Observation>();
  const meter = provider.getMeter("leasehold");
  const metrics = createWorkerMetrics(meter, {
    phases: createLabelSet(options.phases),
    errorCodes: createLabelSet(options.errorCodes),
    errorCode: (phase, code) => options.errorCode?.(phase, code) ?? code,
    inFlight: () => sumOfJobs(observations.values()),
  });
  const { fallbacks, scoreAlarms } = options;
  const listen = fallbacks === undefined ? undefined : createFallbackMetrics(meter, fallbacks);
  if (scoreAlarms !== undefined) createScoreAlarms(meter, scoreAlarms);
  const models = createModelMetrics(meter);
  if (options.queue !== undefined) createQueueMetrics(meter, options.queue);
  let closing: Promise<void> | undefined;

  function observe(source: EventSource): () => void {
    if (closing !== undefined) throw closedError();
    const known = observations.get(source);
    if (known !== undefined) return known.end;
    const jobs = createInFlightJobs();
    const unsubscribe = source.subscribe((event) => {
      jobs.note(event);
      metrics.count(event);
    });
    const observation: Observation = {
      jobs,
      end() {
        unsubscribe();
        if (observations.get(source) === observation) observations.delete(source);
      },
    };
    observations.set(source, observation);
    return observation.end;
  }

  async function collect(): Promise<string> {
    if (closing !== undefined) throw closedError();
    const { resourceMetrics, errors } = await reader.collect();
    // Half a page would look like a whole one. Only a gauge's callback can fail, and ours cannot.
    assert.equal(errors.length, 0, "a metric could not be collected");
    return serializer.serialize(resourceMetrics);
  }

  function close(): Promise<void> {
    if (closing !== undefined) return closing;
    for (const observation of observations.values()) observation.end();
    closing = provider.shutdown();
    return closing;
  }

  return {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    model: (model, name) => models.watch(model, name),
    modelUses: () => models.uses(),
    observe,
    listen: (logger) => listen?.(logger) ?? logger,
    collect,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createSerializer(): PrometheusSerializer {
  const prefix = "";
  const appendTimestamp = false;
  const resourceLabels = undefined;
  const withoutTargetInfo = true;
  // With scope labels the series would not be the ones that the runbook's alerts name.
  const withoutScopeInfo = true;
  return new PrometheusSerializer(
    prefix,
    appendTimestamp,
    resourceLabels,
    withoutTargetInfo,
    withoutScopeInfo,
  );
}

function sumOfJobs(observations: Iterable<Observation>): number {
  let sum = 0;
  for (const observation of observations) sum += observation.jobs.size;
  return sum;
}

function refuseBadOptions(options: TelemetryOptions): void {
  const problems = [
    ...findLabelProblems("phases", options.phases),
    ...findLabelProblems("errorCodes", options.errorCodes),
    ...findLabelProblems("fallbacks.phases", options.fallbacks?.phases ?? ["none"]),
    ...findLabelProblems("fallbacks.paths", options.fallbacks?.paths ?? ["none"]),
    ...findLabelProblems("fallbacks.reasons", options.fallbacks?.reasons ?? ["none"]),
    ...findLabelProblems("scoreAlarms.shapes", options.scoreAlarms?.shapes ?? ["none"]),
    ...findPairProblems(options.queue?.types ?? [], options.queue?.queues),
  ];
  if (problems.length === 0) return;
  throw new WorkerError("config_invalid", `Telemetry refused: ${problems.join("; ")}.`, {
    scope: "config",
  });
}

function closedError(): WorkerError {
  return new WorkerError("worker_stopping", "Telemetry is closed and counts nothing any more.", {
    scope: "config",
  });
}
