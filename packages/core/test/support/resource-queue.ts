import type { ClaimedJob, ResourceClaim, SettleAnswer } from "../../src/store/job-store.ts";
import { type Queue, setupQueue } from "./queue.ts";
import type { TestServer } from "./server.ts";

export interface ResourceClaimOptions {
  /** Default: `host/model`. */
  readonly resource?: string;
  /** Default: 10. */
  readonly limit?: number;
  /** Default: 1,000. */
  readonly leaseMs?: number;
  readonly worker?: string;
}

/** An empty schema whose jobs need a resource, `host/model` where nothing else is said. */
export interface ResourceQueue extends Queue {
  claimFor(options?: ResourceClaimOptions): Promise<ResourceClaim>;
  /** Claims and expects exactly one job. */
  claimOneFor(options?: ResourceClaimOptions): Promise<ClaimedJob>;
  /** Gives a job back because its backend was down. */
  meetOutage(
    job: ClaimedJob,
    reason?: { readonly code?: string; readonly retryAfterMs?: number },
  ): Promise<SettleAnswer>;
  complete(job: ClaimedJob): Promise<SettleAnswer>;
  /** Meets an outage and waits it out: the next job looks whether the resource is back. */
  openAndWait(): Promise<void>;
  /** So many due jobs. */
  enqueueMany(count: number): Promise<readonly string[]>;
}

export async function setupResourceQueue(server: TestServer): Promise<ResourceQueue> {
  const queue = await setupQueue(server);
  const { store, database } = queue;

  const claimFor: ResourceQueue["claimFor"] = async (options = {}) => {
    const lanes = await queue.lanes(["draft"]);
    return await store.claimForResource({
      resource: options.resource ?? "host/model",
      worker: options.worker ?? "worker",
      token: crypto.randomUUID(),
      lanes: lanes.map(({ laneId }) => laneId),
      soloLanes: lanes.map(({ soloLaneId }) => soloLaneId),
      limit: options.limit ?? 10,
      leaseMs: options.leaseMs ?? 1_000,
    });
  };
  const claimOneFor: ResourceQueue["claimOneFor"] = async (options) => {
    const { jobs } = await claimFor({ limit: 1, ...options });
    const [job] = jobs;
    if (job === undefined || jobs.length > 1) throw new Error(`Claimed ${jobs.length}, not one.`);
    return job;
  };
  const meetOutage: ResourceQueue["meetOutage"] = (job, { code, retryAfterMs } = {}) =>
    store.releaseJob(job, "outage", {
      code: code ?? "backend_unreachable",
      message: "It is away.",
      retryAfterMs,
    });
  const enqueueMany = async (count: number): Promise<readonly string[]> => {
    const ids: string[] = [];
    for (let job = 0; job < count; job += 1) ids.push(await queue.enqueue());
    return ids;
  };

  return {
    ...queue,
    claimFor,
    claimOneFor,
    meetOutage,
    enqueueMany,
    complete: (job) => store.completeJob(job, { output: null, provenance: {} }),
    async openAndWait() {
      const id = await queue.enqueue({ priority: 0 });
      const { jobs } = await claimFor({ limit: 1 });
      const [job] = jobs;
      if (job?.publicId !== id) throw new Error("Another job came first.");
      await meetOutage(job);
      await queue.client.cancel(id);
      await database.advance(10_000);
    },
  };
}
