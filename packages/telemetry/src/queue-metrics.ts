import type { Client, QueueRecord, ResourceRecord, WorkerRecord } from "@leasehold/core";
import type { BatchObservableResult, Meter, ObservableGauge } from "@opentelemetry/api";

import { createLabelSet } from "./label-set.ts";

/** What the database knows, and no process by itself. */
export interface QueueSource {
  /** The values that `{type}` may take. All other types are added up as `other`. */
  readonly types: readonly string[];
  /** The values that `{queue}` may take, all others being `other`. Default: no label, all queues are added up. */
  readonly queues?: readonly string[];
  readonly client: Pick<Client, "getQueue" | "getResources" | "getWorkers">;
  /** How long an answer of the database is good for, however often it is scraped. Default: 5000. */
  readonly cacheMs?: number;
}

interface Standing {
  readonly queue: readonly QueueRecord[];
  readonly resources: readonly ResourceRecord[];
  readonly workers: readonly WorkerRecord[];
}

const queueStates = ["due", "delayed", "leased", "waiting"] as const;
const workerStates = ["live", "silent"] as const;
const breakerStates = { closed: 0, half_open: 1, open: 2 } as const;

/** Resources are made by configuration, not by jobs; still, there is a bound to how many are shown. */
const resourcesMax = 50;

type Gauges = Readonly<Record<GaugeName, ObservableGauge>>;
type GaugeName = keyof typeof descriptions;

const descriptions = {
  ai_worker_database_up: "1 when the database answered at the last look, else 0.",
  ai_worker_queue_depth: "Jobs that wait or run, by queue, type and state.",
  ai_worker_queue_oldest_due_seconds: "How long the oldest job has been due that nobody took.",
  ai_worker_queue_p95_wait_seconds: "How long due jobs have waited, at the 95th percentile.",
  ai_worker_queue_high_retry_jobs: "Jobs with more than three charged failures.",
  ai_worker_workers:
    "Workers of all processes: live ones, and silent ones that did not say goodbye.",
  ai_worker_breaker_state:
    "0 when a resource may be used, 1 when one job looks, 2 when it is away.",
} as const;

/**
 * Shows the backlog, the breakers and the workers of the whole fleet: one look per scrape and `cacheMs`. While the
 * database does not answer, `ai_worker_database_up` is 0 and the other gauges have no value.
 */
export function createQueueMetrics(meter: Meter, source: QueueSource): void {
  const gauges = createGauges(meter);
  const ask = createCachedLook(source);
  meter.addBatchObservableCallback(async (result) => {
    const standing = await ask();
    result.observe(gauges.ai_worker_database_up, standing === undefined ? 0 : 1);
    if (standing === undefined) return;
    observeQueue(result, gauges, { source, queue: standing.queue });
    for (const state of workerStates) {
      const count = standing.workers.filter((worker) => worker.state === state).length;
      result.observe(gauges.ai_worker_workers, count, { state });
    }
    for (const { name, state } of standing.resources.slice(0, resourcesMax)) {
      result.observe(gauges.ai_worker_breaker_state, breakerStates[state], { resource: name });
    }
  }, Object.values(gauges));
}

function createGauges(meter: Meter): Gauges {
  const create = (name: GaugeName): ObservableGauge =>
    meter.createObservableGauge(name, { description: descriptions[name] });
  return {
    ai_worker_database_up: create("ai_worker_database_up"),
    ai_worker_queue_depth: create("ai_worker_queue_depth"),
    ai_worker_queue_oldest_due_seconds: create("ai_worker_queue_oldest_due_seconds"),
    ai_worker_queue_p95_wait_seconds: create("ai_worker_queue_p95_wait_seconds"),
    ai_worker_queue_high_retry_jobs: create("ai_worker_queue_high_retry_jobs"),
    ai_worker_workers: create("ai_worker_workers"),
    ai_worker_breaker_state: create("ai_worker_breaker_state"),
  };
}

function observeQueue(
  result: BatchObservableResult,
  gauges: Gauges,
  { source, queue }: { readonly source: QueueSource; readonly queue: readonly QueueRecord[] },
): void {
  for (const { labels, records } of groupByLabels(source, queue)) {
    for (const state of queueStates) {
      const count = sum(records.filter((record) => record.state === state).map((r) => r.count));
      result.observe(gauges.ai_worker_queue_depth, count, { ...labels, state });
    }
    const oldest = Math.max(0, ...records.map((record) => record.oldestAgeSeconds ?? 0));
    result.observe(gauges.ai_worker_queue_oldest_due_seconds, oldest, labels);
    const p95 = Math.max(0, ...records.map((record) => record.p95AgeSeconds ?? 0));
    result.observe(gauges.ai_worker_queue_p95_wait_seconds, p95, labels);
    const highRetry = sum(records.map((record) => record.highRetryCount));
    result.observe(gauges.ai_worker_queue_high_retry_jobs, highRetry, labels);
  }
}

interface LabelledRecords {
  readonly labels: Readonly<Record<string, string>>;
  readonly records: readonly QueueRecord[];
}

/** Every pair of a queue and a type, also where nothing waits; the type alone where no queues were named. */
function groupByLabels(
  { types, queues }: QueueSource,
  queue: readonly QueueRecord[],
): readonly LabelledRecords[] {
  const typeSet = createLabelSet(types);
  const queueSet = queues === undefined ? undefined : createLabelSet(queues);
  return typeSet.values.flatMap((type) => {
    const records = queue.filter((record) => typeSet.pick(record.type) === type);
    if (queueSet === undefined) return [{ labels: { type }, records }];
    return queueSet.values.map((name) => ({
      labels: { queue: name, type },
      records: records.filter((record) => queueSet.pick(record.queue) === name),
    }));
  });
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

const cacheMsDefault = 5_000;
/** A scrape must not wait for a database that says nothing. */
const patienceMs = 2_000;

/** Looks once for all who ask within `cacheMs`. Answers undefined while the database does not; never rejects. */
function createCachedLook({
  client,
  cacheMs = cacheMsDefault,
}: QueueSource): () => Promise<Standing | undefined> {
  let latest: { readonly at: number; readonly standing: Promise<Standing | undefined> } | undefined;
  return () => {
    const now = performance.now();
    if (latest === undefined || now - latest.at >= cacheMs) {
      latest = { at: now, standing: look(client).catch(() => undefined) };
    }
    return withinPatience(latest.standing);
  };
}

async function look(client: QueueSource["client"]): Promise<Standing> {
  const [queue, resources, workers] = await Promise.all([
    client.getQueue(),
    client.getResources(),
    client.getWorkers(),
  ]);
  return { queue, resources, workers };
}

async function withinPatience<Value>(work: Promise<Value>): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
