import { spawnSync } from "node:child_process";

import type { TraceCollector } from "./trace-collector.ts";
import type { Bench } from "./worker-bench.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Everywhere that strangers look: what a worker says of itself. */
export interface Sinks {
  readonly stdout: string;
  readonly stderr: string;
  readonly traces: string;
  readonly metrics: string;
  readonly health: string;
  readonly errors: string;
  readonly processes: string;
}

/** Reads every sink of a worker that runs, with the token of its operator. */
export async function readSinks(
  bench: Bench,
  { worker, collector, token }: SinkSources,
): Promise<Sinks> {
  const ask = async (path: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    return await (await fetch(`${await worker.origin()}${path}`, { headers })).text();
  };
  const metrics = await ask("/metrics");
  const health = await Promise.all(
    ["/internal/health/learning-worker", "/livez", "/readyz", "/nothing"].map(ask),
  );
  const errors = await bench.sql`
    select code || coalesce(message, '') as text from leasehold.attempt
    union all select last_code || coalesce(last_message, '') from leasehold.job_counter
    union all select code || coalesce(message, '') from leasehold.stopped
    union all select provenance::text from leasehold.result
    union all select coalesce(vision_last_error, '') || coalesce(feedback_last_error, '') || provenance::text
      from public.learning_submissions`;
  const { stdout: processes } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
  const { stdout, stderr } = worker.output();
  return {
    stdout,
    stderr,
    traces: collector.bodies(),
    metrics,
    health: health.join("\n"),
    errors: JSON.stringify(errors),
    processes,
  };
}

export interface SinkSources {
  readonly worker: WorkerProcess;
  readonly collector: TraceCollector;
  readonly token: string;
}

/** Names of the sinks that hold one of the words, whatever its case. */
export function findLeaks(sinks: Sinks, canaries: readonly string[]): readonly string[] {
  return Object.entries(sinks)
    .filter(([, text]: [string, string]) =>
      canaries.some((canary) => text.toLowerCase().includes(canary.toLowerCase())),
    )
    .map(([name]) => name);
}
