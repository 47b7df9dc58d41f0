import type { PhaseLogger } from "@leasehold/core";
import type { Meter } from "@opentelemetry/api";

import { createLabelSet } from "./label-set.ts";

/** The values that the labels of `ai_worker_fallback_total` may take. Any other is counted as `other`. */
export interface FallbackLabels {
  readonly phases: readonly string[];
  readonly paths: readonly string[];
  readonly reasons: readonly string[];
}

/** The line of a log by which an adapter says that it took another way to a result. */
const fallbackEvent = "fallback.taken";

/**
 * Returns what puts itself between an adapter and its log, and counts the ways it took: the log is where an adapter may
 * speak, in words of its own code.
 */
export function createFallbackMetrics(
  meter: Meter,
  labels: FallbackLabels,
): (logger: PhaseLogger) => PhaseLogger {
  const phases = createLabelSet(labels.phases);
  const paths = createLabelSet(labels.paths);
  const reasons = createLabelSet(labels.reasons);
  const taken = meter.createCounter("ai_worker_fallback_total", {
    description: "Ways that were taken because the answer on the way before did not hold.",
  });
  for (const phase of labels.phases) {
    for (const path of labels.paths) {
      for (const reason of labels.reasons) taken.add(0, { phase, path, reason });
    }
  }
  const count = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (event !== fallbackEvent) return;
    taken.add(1, {
      phase: phases.pick(String(fields["phase"])),
      path: paths.pick(String(fields["path"])),
      reason: reasons.pick(String(fields["reason"])),
    });
  };
  return (logger) => ({
    info(event, fields) {
      count(event, fields);
      logger.info(event, fields);
    },
    warn(event, fields) {
      count(event, fields);
      logger.warn(event, fields);
    },
  });
}
