import type { WorkerEvent } from "@leasehold/core";
import type { Counter, Meter } from "@opentelemetry/api";

import { type LabelSet, otherLabel } from "./label-set.ts";

/** Turns what a worker tells into the numbers of the runbook. */
export interface WorkerMetrics {
  count(event: WorkerEvent): void;
}

export interface WorkerMetricsOptions {
  readonly phases: LabelSet;
  readonly errorCodes: LabelSet;
  /** Names a failure in the runbook's words. It may throw; the failure is then counted as `other`. */
  readonly errorCode: (phase: string, code: string) => string;
  /** Asked at every scrape. */
  readonly inFlight: () => number;
}

interface Instruments {
  readonly processed: Counter;
  readonly retried: Counter;
  readonly failed: Counter;
  readonly outages: Counter;
  readonly leasesLost: Counter;
  readonly leasesLapsed: Counter;
  readonly renewals: Counter;
  readonly started: Counter;
  readonly refused: Counter;
}

// A page read by a local vision model takes minutes, and a phase may last 900 s: the usual bounds end at 10 s.
const durationBoundsSeconds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900];

/** Creates the instruments, all of them visible from the first scrape but the histogram. */
export function createWorkerMetrics(meter: Meter, options: WorkerMetricsOptions): WorkerMetrics {
  const instruments = createCounters(meter);
  showZeros(instruments, options);
  meter
    .createObservableGauge("analysis_jobs_inflight", {
      description: "Jobs that this process has claimed and runs now.",
    })
    .addCallback((result) => result.observe(options.inFlight()));
  const duration = meter.createHistogram("ai_worker_phase_duration_seconds", {
    description: "How long an attempt of a phase took.",
    advice: { explicitBucketBoundaries: durationBoundsSeconds },
  });

  return {
    count(event) {
      if (event.name === "lease.renewed") instruments.renewals.add(event.count);
      if (!("jobId" in event)) return;
      const phase = options.phases.pick(event.phase);
      switch (event.name) {
        case "phase.started":
          instruments.started.add(1, { phase });
          break;
        case "phase.ended": {
          // What ended well is counted when it is written down.
          if (event.code === undefined) break;
          const outcome = event.code === "phase_waiting" ? "waiting" : "failed";
          duration.record(event.durationMs / 1000, { phase, outcome });
          break;
        }
        case "phase.completed":
          duration.record(event.durationMs / 1000, { phase, outcome: "completed" });
          break;
        case "job.completed":
          instruments.processed.add(1, { status: "completed" });
          break;
        case "job.retried":
          instruments.retried.add(1, { phase });
          break;
        case "job.released":
          // A job that makes room for a deployment is no sign of trouble; one whose backend is down is.
          if (event.reason !== "outage") break;
          // The runbook's operator knows one counter for "it will be tried again", so an outage shows in both.
          instruments.retried.add(1, { phase });
          instruments.outages.add(1, { phase });
          break;
        case "job.failed":
        case "job.dead":
          instruments.processed.add(1, { status: event.name === "job.dead" ? "dead" : "failed" });
          instruments.failed.add(1, { error_code: toErrorCode(options, event) });
          break;
        case "job.cancelled":
          instruments.processed.add(1, { status: "cancelled" });
          break;
        case "lease.lapsed":
          instruments.leasesLapsed.add(1, { phase });
          break;
        case "write.refused":
          instruments.refused.add(1, { phase });
          break;
        case "lease.lost":
          instruments.leasesLost.add(1, { phase });
          break;
        default:
      }
    },
  };
}

function createCounters(meter: Meter): Instruments {
  return {
    processed: meter.createCounter("ai_worker_processed_total", {
      description: "Jobs that ended here, by how they ended.",
    }),
    retried: meter.createCounter("ai_worker_retry_total", {
      description: "Attempts that will be made again, after an error of their own or an outage.",
    }),
    failed: meter.createCounter("ai_worker_failed_total", {
      description: "Jobs that ended badly: permanent errors, and retries or losses used up.",
    }),
    outages: meter.createCounter("ai_worker_outage_total", {
      description: "Attempts given back, uncharged, because a backend was down.",
    }),
    leasesLost: meter.createCounter("ai_worker_lease_lost_total", {
      description: "Attempts whose lease went to somebody else before they ended.",
    }),
    leasesLapsed: meter.createCounter("ai_worker_lease_lapsed_total", {
      description: "Leases of silent workers that ran out and that this process took back.",
    }),
    renewals: meter.createCounter("ai_worker_lease_renewed_total", {
      description: "Leases that were renewed.",
    }),
    started: meter.createCounter("ai_worker_started_total", {
      description: "Attempts that began.",
    }),
    refused: meter.createCounter("ai_worker_stale_write_refused_total", {
      description: "Ends of attempts that came too late: the database refused to write them down.",
    }),
  };
}

const statuses = ["completed", "failed", "dead", "cancelled"] as const;

/** A series that begins at 1 has no first increase: `rate()` would miss the first failure of the day. */
function showZeros(instruments: Instruments, options: WorkerMetricsOptions): void {
  for (const status of statuses) instruments.processed.add(0, { status });
  instruments.renewals.add(0);
  for (const phase of options.phases.values) {
    instruments.retried.add(0, { phase });
    instruments.outages.add(0, { phase });
    instruments.leasesLost.add(0, { phase });
    instruments.leasesLapsed.add(0, { phase });
    instruments.started.add(0, { phase });
    instruments.refused.add(0, { phase });
  }
  for (const code of options.errorCodes.values) instruments.failed.add(0, { error_code: code });
}

function toErrorCode(
  options: WorkerMetricsOptions,
  event: { readonly phase: string; readonly code: string },
): string {
  try {
    return options.errorCodes.pick(options.errorCode(event.phase, event.code));
  } catch {
    // A failure that is counted under the wrong name is better than one that is not counted.
    return otherLabel;
  }
}
