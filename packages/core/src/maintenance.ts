import { toWorkerError } from "./errors.ts";
import type { EventHub } from "./events.ts";
import type { JobStore } from "./job-store.ts";
import type { Runtime } from "./runtime.ts";

export interface MaintenanceOptions {
  readonly store: Pick<JobStore, "lapseLeases">;
  readonly runtime: Runtime;
  readonly events: EventHub;
  readonly intervalMs: number;
}

export interface Maintenance {
  start(): void;
  stop(): void;
}

/** Leases looked at in one call; more are left to the next. */
const lapseBatch = 100;

/** Takes back the leases of dead workers. Any number of workers may do so: one lease lapses once. */
export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { runtime, events, intervalMs } = options;
  let cancel: (() => void) | undefined;
  let stopped = false;
  const schedule = (): void => {
    if (stopped) return;
    // Spread, so that workers that started together do not look together.
    cancel = runtime.after(intervalMs * (0.75 + runtime.random() / 2), () => {
      lapse(options).then(schedule, (error: unknown) => {
        const { code } = toWorkerError(error);
        events.emit({ name: "database.failed", operation: "lapse_leases", code });
        schedule();
      });
    });
  };
  return {
    start: schedule,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

async function lapse({ store, events }: MaintenanceOptions): Promise<void> {
  for (const lapsed of await store.lapseLeases(lapseBatch)) {
    const { publicId: jobId, type, phase, attempt, state, code } = lapsed;
    events.emit({ name: "lease.lapsed", jobId, type, phase, attempt });
    if (state === "dead") events.emit({ name: "job.dead", jobId, type, phase, attempt, code });
  }
}
