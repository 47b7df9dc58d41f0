import type { Retention, WorkerUpkeep } from "../store/upkeep.ts";
import type { WorkerSettings } from "./config.ts";
import type { Duty } from "./maintenance.ts";

const dayMs = 86_400_000;

/** Calls in one round at most: some thousand jobs, which is more than most queues end in that time. */
const callsPerRound = 20;

/** While there is nothing to delete, rounds between two looks. */
const idleRounds = 6;

/** Deletes what ended long ago. Any number of workers may do so: each job is deleted once. */
export function pruneDuty(upkeep: Pick<WorkerUpkeep, "pruneJobs">, settings: WorkerSettings): Duty {
  const retention = toRetention(settings);
  let restsFor = 0;
  return {
    operation: "prune_jobs",
    async run() {
      if (restsFor > 0) {
        restsFor -= 1;
        return;
      }
      for (let calls = 0; calls < callsPerRound; calls += 1) {
        const { more } = await upkeep.pruneJobs(retention);
        if (more) continue;
        restsFor = idleRounds - 1;
        return;
      }
    },
  };
}

function toRetention(settings: WorkerSettings): Required<Retention> {
  return {
    completedMs: Math.ceil(settings.keepCompletedDays * dayMs),
    failedMs: Math.ceil(settings.keepFailedDays * dayMs),
    deadMs: Math.ceil(settings.keepDeadDays * dayMs),
    cancelledMs: Math.ceil(settings.keepCancelledDays * dayMs),
  };
}
