import { toWorkerError } from "../errors.ts";
import type { EventHub } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { JobStore } from "../store/job-store.ts";

/** Something that any worker does for all of them, now and then. */
export interface Duty {
  /** The function of the schema that it calls, for events. */
  readonly operation: string;
  /** It is done once in so many rounds. Default: 1. */
  readonly everyRounds?: number;
  run(): Promise<void>;
}

export interface MaintenanceOptions {
  readonly runtime: Runtime;
  readonly events: EventHub;
  /** From the end of a round to the next. */
  readonly intervalMs: number;
  /** One after the other, in this order. */
  readonly duties: readonly Duty[];
}

export interface Maintenance {
  start(): void;
  stop(): void;
}

/** Does the rounds of a worker. What fails is told, disturbs no other duty, and is tried again in its next round. */
export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { runtime, intervalMs } = options;
  let cancel: (() => void) | undefined;
  let stopped = false;
  let round = 0;
  const schedule = (): void => {
    if (stopped) return;
    // Spread, so that workers that started together do not look together.
    cancel = runtime.after(intervalMs * (0.75 + runtime.random() / 2), () => {
      round += 1;
      void doRound(options, round, () => stopped).then(schedule);
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

async function doRound(
  { duties, events }: MaintenanceOptions,
  round: number,
  isOver: () => boolean,
): Promise<void> {
  for (const duty of duties) {
    if (isOver()) return;
    if (round % (duty.everyRounds ?? 1) !== 0) continue;
    try {
      await duty.run();
    } catch (error) {
      const { code } = toWorkerError(error);
      events.emit({ name: "database.failed", operation: duty.operation, code });
    }
  }
}

/** Leases looked at in one call; more are left to the next. */
const lapseBatch = 100;

/** Jobs woken in one call; more are left to the next. */
const wakeBatch = 100;

/** Ends the waits whose time is over. */
export function wakeDuty({ structure }: Pick<JobStore, "structure">): Duty {
  return { operation: "wake_due", run: () => structure.wakeDue(wakeBatch) };
}

/** Takes back the leases of dead workers. Any number of workers may do so: one lease lapses once. */
export function lapseDuty(store: Pick<JobStore, "lapseLeases">, events: EventHub): Duty {
  return {
    operation: "lapse_leases",
    async run() {
      for (const lapsed of await store.lapseLeases(lapseBatch)) {
        const { publicId: jobId, type, phase, attempt, state, code } = lapsed;
        events.emit({ name: "lease.lapsed", jobId, type, phase, attempt });
        if (state === "dead") events.emit({ name: "job.dead", jobId, type, phase, attempt, code });
      }
    },
  };
}
