import postgres from "postgres";

import { type HistoryLine, readHistory } from "./history.ts";

/** Everything that is known after a run: what the database says, and what the processes said. */
export interface Evidence {
  /** Jobs whose enqueue was answered. */
  readonly acknowledged: readonly string[];
  readonly jobs: readonly JobRow[];
  /** The ended attempts. */
  readonly attempts: readonly AttemptRow[];
  readonly effects: readonly EffectRow[];
  /** What was committed under a lease, and when. */
  readonly writes: readonly WriteRow[];
  readonly history: readonly HistoryLine[];
  /** Whether all clocks told the same time throughout: only then can a moment be held against another. */
  readonly clocksAgree: boolean;
}

export interface JobRow {
  readonly id: string;
  readonly state: string;
  readonly failures: number;
  readonly losses: number;
  readonly outages: number;
}

/** Times are microseconds since 1970, on the clock of the database. */
export interface AttemptRow {
  readonly jobId: string;
  readonly phase: string;
  readonly attempt: number;
  readonly worker: string;
  readonly outcome: string;
  readonly startedAt: number;
  readonly finishedAt: number;
}

export interface EffectRow {
  readonly jobId: string;
  readonly kind: string;
}

export interface WriteRow {
  readonly jobId: string;
  readonly phase: string;
  readonly attempt: number;
  readonly at: number;
}

export interface EvidenceSource {
  readonly url: string;
  /** Of the histories. */
  readonly folder: string;
  readonly acknowledged: readonly string[];
  /** Default: `true`. */
  readonly clocksAgree?: boolean;
}

/**
 * Reads the tables of a run as they are, without going through the product.
 *
 * When an attempt began and ended is told by no view, so the private table of attempts is read.
 */
export async function readEvidence(source: EvidenceSource): Promise<Evidence> {
  const { acknowledged, clocksAgree = true } = source;
  const sql = postgres(source.url, { max: 1, onnotice: () => undefined });
  try {
    return {
      acknowledged,
      clocksAgree,
      jobs: await sql<JobRow[]>`
        select id, state, failures::integer, losses::integer, outages::integer
        from leasehold.job_overview`,
      attempts: await sql<AttemptRow[]>`
        select j.public_id as "jobId", a.phase, a.attempt, a.worker, a.outcome,
          (extract(epoch from a.started_at) * 1000000)::float8 as "startedAt",
          (extract(epoch from a.finished_at) * 1000000)::float8 as "finishedAt"
        from leasehold.attempt as a join leasehold.job as j on j.id = a.job_id
        order by a.job_id, a.phase, a.attempt`,
      effects: await sql<EffectRow[]>`select job_id as "jobId", kind from public.chaos_effect`,
      writes: await sql<WriteRow[]>`
        select job_id as "jobId", phase, attempt, (extract(epoch from at) * 1000000)::float8 as at
        from public.chaos_write`,
      history: await readHistory(source.folder),
    };
  } finally {
    await sql.end({ timeout: 1 });
  }
}
