import type { EventHub } from "../events.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Duty } from "./maintenance.ts";

/** Jobs ended in one call; as long as there are so many, the next call follows at once. */
const batch = 100;

/** Ends jobs whose time is over. Any number of workers may do so: a job ends once. */
export function expireDuty(store: Pick<JobStore, "expireJobs">, events: EventHub): Duty {
  return {
    operation: "expire_jobs",
    async run() {
      for (let count = batch; count >= batch;) {
        const jobs = await store.expireJobs(batch);
        for (const { publicId: jobId, type, phase, attempt, code } of jobs) {
          events.emit({ name: "job.dead", jobId, type, phase, attempt, code });
        }
        count = jobs.length;
      }
    },
  };
}
