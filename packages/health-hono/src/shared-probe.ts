import { type HealthReport, toShownReport, toUnknownReport } from "./health-report.ts";
import { runWithin } from "./run-within.ts";

export interface SharedProbeOptions {
  readonly probe: (signal: AbortSignal) => Promise<HealthReport>;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number;
}

/** Probes that ignored their signal and may still hold a connection each. With so many, no further one is started. */
export const probesUnsettledMax = 3;

/**
 * Makes one probe serve everybody who asks: whoever comes while it runs waits with the others, and its report, good
 * or bad, is good for `cacheMs`. However many ask, Postgres sees one probe per `cacheMs`.
 */
export function createSharedProbe(options: SharedProbeOptions): () => Promise<HealthReport> {
  let latest: { readonly report: HealthReport; readonly at: number } | undefined;
  let running: Promise<HealthReport> | undefined;
  let unsettled = 0;

  async function runProbe(signal: AbortSignal): Promise<HealthReport> {
    unsettled += 1;
    try {
      return toShownReport(await options.probe(signal));
    } finally {
      unsettled -= 1;
    }
  }

  async function findReport(): Promise<HealthReport> {
    if (unsettled >= probesUnsettledMax) return toUnknownReport("probe_timeout");
    const outcome = await runWithin(options.timeoutMs, runProbe);
    if (outcome.kind === "value") return outcome.value;
    return toUnknownReport(outcome.kind === "timeout" ? "probe_timeout" : "probe_failed");
  }

  async function refresh(): Promise<HealthReport> {
    try {
      const report = await findReport();
      latest = { report, at: options.now() };
      return report;
    } finally {
      running = undefined;
    }
  }

  return async () => {
    if (latest !== undefined && options.now() - latest.at < options.cacheMs) return latest.report;
    running ??= refresh();
    return running;
  };
}
