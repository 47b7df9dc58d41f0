import { WorkerError } from "../errors.ts";
import type { EventHub } from "../events.ts";
import type { Runtime } from "../runtime.ts";

/** When leases are renewed: every so often, sooner after trouble, and at once when a hint says so; one at a time. */
export interface RenewalRounds {
  start(): void;
  hurry(): void;
  stop(): void;
}

export interface RenewalRoundsOptions {
  readonly runtime: Runtime;
  readonly events: EventHub;
  readonly renewMs: number;
}

/** Time between two rounds that hints ask for: of many orders at once, all but the first are found out together. */
const hurryMs = 250;

export function createRounds(
  { runtime, events, renewMs }: RenewalRoundsOptions,
  renew: (isStopped: () => boolean) => Promise<void>,
): RenewalRounds {
  let cancelRound: (() => void) | undefined;
  let isUnderWay = false;
  let isHurried = false;
  let isStopped = false;
  let notBefore = -Infinity;

  const schedule = (ms: number): void => {
    cancelRound?.();
    // A renewal may be on its way when we stop: it must be the last.
    if (isStopped) return;
    const hurriedMs = Math.max(notBefore - runtime.now(), 0);
    cancelRound = runtime.after(isHurried ? Math.min(ms, hurriedMs) : ms, begin);
  };
  const begin = (): void => {
    if (isHurried) notBefore = runtime.now() + hurryMs;
    isHurried = false;
    isUnderWay = true;
    const end = (nextMs: number): void => {
      isUnderWay = false;
      schedule(nextMs);
    };
    renew(() => isStopped).then(
      () => end(renewMs),
      (error: unknown) => {
        const code = WorkerError.is(error) ? error.code : "statement_failed";
        events.emit({ name: "database.failed", operation: "renew_leases", code });
        // Sooner than usual: what is left of the lease may be short.
        end(Math.min(renewMs / 4, 1_000));
      },
    );
  };
  return {
    start: () => schedule(renewMs),
    hurry() {
      // What was ordered after a renewal was sent may not be in its answer.
      if (isHurried) return;
      isHurried = true;
      if (!isUnderWay && cancelRound !== undefined) schedule(renewMs);
    },
    stop() {
      isStopped = true;
      cancelRound?.();
    },
  };
}
