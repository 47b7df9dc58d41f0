import postgres from "postgres";

import fillText from "./leasehold-fill.sql" with { type: "text" };

/** Jobs to be there before a measurement begins. */
export interface Fill {
  readonly jobs: number;
  /** Default: the one that the bench's worker runs. */
  readonly type?: string;
  /** Default: 0. */
  readonly delayMs?: number;
}

const jobsPerCall = 10_000;

/**
 * Adds jobs through the schema's own function, with payloads that Postgres makes: a million of them through the client
 * would take longer than everything that is measured.
 */
export async function fillLeasehold(url: string, fill: Fill): Promise<void> {
  const { jobs, type = "bench", delayMs = 0 } = fill;
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  for (let from = 0; from < jobs; from += jobsPerCall) {
    const until = Math.min(jobs, from + jobsPerCall);
    await sql.unsafe(fillText, [type, delayMs, from, until - 1]);
  }
  await sql.end();
}
