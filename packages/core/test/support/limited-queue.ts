import type { ClaimedJob } from "../../src/store/job-store.ts";
import { type NewJob, type Queue, setupQueue } from "./queue.ts";
import type { TestServer } from "./server.ts";

/** A queue to which limits apply: many jobs at once, and claims and ends in short. */
export interface LimitedQueue extends Queue {
  /** In one call, by place in `jobs`. */
  enqueueAll(jobs: readonly NewJob[]): Promise<void>;
  /** Claims so many of the first phase, and says whose they are. */
  claimTenants(limit: number): Promise<readonly string[]>;
  complete(jobs: readonly ClaimedJob[]): Promise<void>;
  /** Leases that there are now. */
  countLeases(): Promise<number>;
  tenantOf(job: ClaimedJob): string;
}

export async function setupLimitedQueue(server: TestServer): Promise<LimitedQueue> {
  const queue = await setupQueue(server);
  const tenants = new Map<string, string>();
  const tenantOf = ({ publicId }: ClaimedJob): string => tenants.get(publicId) ?? "";
  return {
    ...queue,
    tenantOf,
    async enqueueAll(jobs) {
      const whole = jobs.map((job) => ({
        type: "essay",
        version: 1,
        phase: "draft",
        payload: {},
        ...job,
      }));
      const rows = await queue.call("enqueue_jobs", whole);
      for (const row of rows) {
        const job = whole[Number(row["ordinal"]) - 1];
        tenants.set(String(row["id"]), job?.tenant ?? "");
      }
    },
    async claimTenants(limit) {
      const jobs = await queue.claim({ limit });
      return jobs.map(tenantOf);
    },
    async complete(jobs) {
      await Promise.all(
        jobs.map((job) => queue.store.completeJob(job, { output: null, provenance: {} })),
      );
    },
    async countLeases() {
      const [row] = await queue.query('select count(*)::integer as ct from :"schema".lease');
      return Number(row?.["ct"]);
    },
  };
}

/** So many jobs of a tenant. */
export function jobsOf(tenant: string | undefined, count: number, job: NewJob = {}): NewJob[] {
  const whole = tenant === undefined ? job : { ...job, tenant };
  return Array.from({ length: count }, () => whole);
}
