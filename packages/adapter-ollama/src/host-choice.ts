import { ModelError } from "@leasehold/model";

/** A server of several, as whoever chooses among them sees it. */
export interface HostStanding {
  /** Calls of this process that it is busy with. */
  calls: number;
  /** It holds the model in memory, as far as anybody knows. */
  isWarm: boolean;
  /** Until when it is not asked, on the clock of `performance.now()`. */
  downUntil: number;
  /** How often it was found down in a row. */
  downs: number;
}

/** A server is left alone for so long after it was found down, and then for twice as long each time. */
const downMs = 5000;
const downMsMax = 60_000;

/** Of the servers that are left: one that is there and has room; with the model in memory; with the least to do. */
export function chooseHost<Host extends { readonly standing: HostStanding }>(
  hosts: readonly Host[],
  { now, callsMax }: { readonly now: number; readonly callsMax: number },
): Host | undefined {
  const rank = ({ standing }: Host): readonly number[] => [
    // When all are down, the one that was to be asked again first.
    Math.max(0, standing.downUntil - now),
    standing.calls < callsMax ? 0 : 1,
    standing.isWarm ? 0 : 1,
    standing.calls,
  ];
  return hosts.toSorted((left, right) => compare(rank(left), rank(right)))[0];
}

/** Notes that a server cannot be used, so that others are asked for a while. */
export function markDown(standing: HostStanding, now: number): void {
  standing.isWarm = false;
  standing.downUntil = now + Math.min(downMs * 2 ** Math.min(standing.downs, 10), downMsMax);
  standing.downs += 1;
}

/** Notes that a server has done what it was asked to. */
export function markWell(standing: HostStanding): void {
  standing.isWarm = true;
  standing.downUntil = 0;
  standing.downs = 0;
}

/** Whether another server may do better: not with a job, a schema or a call that is at fault itself. */
export function isFaultOfHost(thrown: unknown): thrown is ModelError {
  if (!ModelError.is(thrown) || thrown.code === "aborted") return false;
  return thrown.scope === "backend" || thrown.scope === "model" || thrown.code === "model_missing";
}

function compare(left: readonly number[], right: readonly number[]): number {
  const index = left.findIndex((value, at) => value !== right[at]);
  return (left[index] ?? 0) - (right[index] ?? 0);
}
