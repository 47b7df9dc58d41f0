import { runWithin } from "./run-within.ts";

export interface SharedProbeOptions<Answer> {
  readonly probe: (signal: AbortSignal) => Promise<Answer>;
  /** What is answered when the probe has no answer. */
  readonly without: (detail: "probe_failed" | "probe_timeout") => Answer;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number;
}

/** Probes that ignored their signal and may still hold a connection each. With so many, no further one is started. */
export const probesUnsettledMax = 3;

/**
 * Makes one probe serve everybody who asks: whoever comes while it runs waits with the others, and its answer, good or
 * bad, is good for `cacheMs`. However many ask, Postgres, or a model, sees one probe per `cacheMs`.
 */
export function createSharedProbe<Answer>(
  options: SharedProbeOptions<Answer>,
): () => Promise<Answer> {
  let latest: { readonly answer: Answer; readonly at: number } | undefined;
  let running: Promise<Answer> | undefined;
  let unsettled = 0;

  async function runProbe(signal: AbortSignal): Promise<Answer> {
    unsettled += 1;
    try {
      return await options.probe(signal);
    } finally {
      unsettled -= 1;
    }
  }

  async function findAnswer(): Promise<Answer> {
    if (unsettled >= probesUnsettledMax) return options.without("probe_timeout");
    const outcome = await runWithin(options.timeoutMs, runProbe);
    if (outcome.kind === "value") return outcome.value;
    return options.without(outcome.kind === "timeout" ? "probe_timeout" : "probe_failed");
  }

  async function refresh(): Promise<Answer> {
    try {
      const answer = await findAnswer();
      latest = { answer, at: options.now() };
      return answer;
    } finally {
      running = undefined;
    }
  }

  return async () => {
    if (latest !== undefined && options.now() - latest.at < options.cacheMs) return latest.answer;
    running ??= refresh();
    return running;
  };
}
