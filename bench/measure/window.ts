import { nowMs } from "./clock.ts";
import { type ProcessorOwners, readProcessorTimes } from "./processor.ts";

/** What the machine did between two moments. */
export interface WindowReading {
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  /** Used by anything that is not part of the bench. */
  readonly otherCpuSeconds: number;
}

/** Collects what others used in all measured windows. */
export interface WindowBook {
  open(owners: () => ProcessorOwners): OpenWindow;
  /** Cores that anything else kept busy, on average over the windows so far. */
  otherCpu(): number;
}

export interface OpenWindow {
  close(): WindowReading;
}

export function createWindowBook(): WindowBook {
  let seconds = 0;
  let otherSeconds = 0;
  return {
    open(owners) {
      const startedAt = nowMs();
      const before = readProcessorTimes(owners());
      return {
        close() {
          const after = readProcessorTimes(owners());
          const server = after.server - before.server;
          const other = after.machine - before.machine - server - (after.ours - before.ours);
          const reading = {
            seconds: (nowMs() - startedAt) / 1_000,
            serverCpuSeconds: server,
            // Clocks that tick in hundredths may make a quiet machine look better than quiet.
            otherCpuSeconds: Math.max(0, other),
          };
          seconds += reading.seconds;
          otherSeconds += reading.otherCpuSeconds;
          return reading;
        },
      };
    },
    otherCpu: () => (seconds === 0 ? 0 : otherSeconds / seconds),
  };
}
