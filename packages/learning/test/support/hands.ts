import type { FeedbackOutput } from "../../src/criteria.ts";
import type { VisionOutput } from "../../src/submission.ts";
import type { Learning } from "./learning.ts";

/** A lease that a test holds in the place of a worker. */
export interface HandLease {
  readonly jobId: string;
  readonly token: string;
  readonly publicId: string;
  readonly attempt: number;
  readonly solo: boolean;
}

export interface ClaimOptions {
  /** Default: 60,000. */
  readonly leaseMs?: number;
  /** Default: both. */
  readonly phases?: readonly string[];
  readonly limit?: number;
}

export const visionResult: VisionOutput = {
  text: "Die Sonne scheint. Der Bach rauscht.",
  pages: [{ page: 1, source: "model", characters: 36 }],
};

export const feedbackResult: FeedbackOutput = {
  feedbackMd: "Du beschreibst den Bach genau.",
  analysis: {
    schema: "criteria.v2",
    score: 4,
    criteria_results: [{ criterion: "Inhalt", max_score: 10, score: 8 }],
  },
  path: "program",
  needsReview: false,
};

/** What a worker calls, called by hand: one function of the schema after another. */
export interface Hands {
  readonly claim: (options?: ClaimOptions) => Promise<readonly HandLease[]>;
  /** Claims and expects exactly one job. */
  readonly claimOne: (options?: ClaimOptions) => Promise<HandLease>;
  /** Begins a run that had to be alone. */
  readonly start: (lease: HandLease) => Promise<string>;
  /** Ends `vision`; the job waits for `feedback`, or goes on under the same lease. */
  readonly checkpoint: (
    lease: HandLease,
    options?: { readonly yields: boolean },
  ) => Promise<string>;
  readonly savePart: (lease: HandLease, part: number, provenance: object) => Promise<string>;
  readonly complete: (lease: HandLease, output?: object, from?: object) => Promise<string>;
  readonly retry: (lease: HandLease, message?: string) => Promise<string>;
  /** Lets the one job that is due fail until its retries are used up. */
  readonly exhaust: () => Promise<void>;
  readonly fail: (lease: HandLease, code: string, message?: string) => Promise<string>;
  readonly release: (lease: HandLease, reason: "outage" | "shutdown") => Promise<string>;
  /** Lets all leases run out, with no worker alive. */
  readonly lapse: () => Promise<number>;
}

const provenance = { adapter: "hand", model: "tiny" };

export function createHands(learning: Learning): Hands {
  const outcome = async (
    name: string,
    lease: HandLease,
    rest: readonly (string | number | boolean | object | null)[],
  ): Promise<string> => {
    const casts = rest.map((value, index) =>
      typeof value === "object" && value !== null ? `$${index + 3}::text::jsonb` : `$${index + 3}`,
    );
    const call = `:"schema".${name}($1, $2, ${casts.join(", ")})`;
    const row = await learning.row(`select * from ${call}`, lease.jobId, lease.token, ...rest);
    return String(row["outcome"] ?? row[name]);
  };

  const claim: Hands["claim"] = async ({ leaseMs = 60_000, phases, limit = 10 } = {}) => {
    const token = crypto.randomUUID();
    const rows = await learning.query(
      `with lanes as materialized (
         select * from :"schema".declare_lanes('learning', 'learning.submission', 1::smallint, $1::text::text[])
       )
       select c.* from :"schema".claim_jobs(
         'hand', $2, (select array_agg(lane_id) from lanes), (select array_agg(solo_lane_id) from lanes), $3, $4
       ) as c`,
      `{${(phases ?? ["vision", "feedback"]).join(",")}}`,
      token,
      limit,
      leaseMs,
    );
    return rows.map((row) => ({
      jobId: String(row["job_id"]),
      token,
      publicId: String(row["public_id"]),
      attempt: Number(row["attempt"]),
      solo: row["solo"] === true,
    }));
  };

  const claimOne: Hands["claimOne"] = async (options) => {
    const [lease, ...others] = await claim(options);
    if (lease === undefined || others.length > 0) {
      throw new Error(`Claimed ${others.length + (lease === undefined ? 0 : 1)} jobs, not one.`);
    }
    return lease;
  };
  const retry: Hands["retry"] = (lease, message = "The backend broke.") =>
    outcome("retry_job", lease, ["backend_failed", message, null]);

  return {
    claim,
    claimOne,
    retry,
    async exhaust() {
      for (let run = 1; run <= 4; run += 1) {
        await retry(await claimOne(), `Run ${run} broke.`);
        await learning.database.advance(600_000);
      }
    },
    async start(lease) {
      const text = 'select :"schema".start_job($1, $2) as answer';
      return String((await learning.row(text, lease.jobId, lease.token))["answer"]);
    },
    checkpoint: (lease, { yields } = { yields: true }) =>
      outcome("checkpoint_job", lease, ["vision", "feedback", visionResult, provenance, yields]),
    savePart: (lease, part, from) =>
      outcome("save_part", lease, [part, { source: "model", text: "Seite" }, from]),
    complete: (lease, output = feedbackResult, from = provenance) =>
      outcome("complete_job", lease, [output, from]),
    fail: (lease, code, message = "It can't be read.") =>
      outcome("fail_job", lease, [code, message]),
    release: (lease, reason) => {
      const words = { outage: "backend_unreachable", shutdown: "worker_stopping" };
      return outcome("release_job", lease, [reason, words[reason], "It is away.", null]);
    },
    async lapse() {
      await learning.database.advance(120_000);
      return (await learning.query('select * from :"schema".lapse_leases()')).length;
    },
  };
}
