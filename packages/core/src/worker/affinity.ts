import type { Runtime } from "../runtime.ts";
import type { JobStore } from "../store/job-store.ts";
import type { PhasePlan } from "./phase-plan.ts";

/** The phases that need one resource. */
export interface ResourceLot {
  readonly resource: string;
  readonly phases: readonly PhasePlan[];
}

/** Chooses which resource of a host is asked for jobs, so that its models need not be changed for every job. */
export interface Affinity {
  /** Resources that must take turns: those of one host, or each by itself where none is preferred. */
  readonly hosts: readonly (readonly ResourceLot[])[];
  /** Those of a host in the order to ask them. Whoever has enough asks no further. */
  turns(host: readonly ResourceLot[]): AsyncIterable<ResourceLot>;
  /** How many jobs of a resource may be claimed before others have their turn. */
  room(lot: ResourceLot): number;
  claimed(lot: ResourceLot, jobs: number): void;
}

export interface AffinityOptions {
  readonly store: Pick<JobStore, "peekLanes">;
  readonly runtime: Runtime;
  readonly phases: readonly PhasePlan[];
  /** 0: no resource is preferred. */
  readonly jobsMax: number;
  readonly msMax: number;
}

/** A resource that is warm, and what it had since it came. */
interface Stint {
  readonly resource: string;
  readonly since: number;
  readonly jobs: number;
}

export function createAffinity(options: AffinityOptions): Affinity {
  const { store, runtime, jobsMax, msMax } = options;
  const stints = new Map<string, Stint>();
  const stintOf = ({ resource }: ResourceLot): Stint | undefined => {
    const stint = stints.get(hostOf(resource));
    return stint?.resource === resource ? stint : undefined;
  };
  const isOver = ({ since, jobs }: Stint): boolean =>
    jobs >= jobsMax || runtime.now() - since >= msMax;

  const byWait = async (lots: readonly ResourceLot[]): Promise<readonly ResourceLot[]> => {
    const due = await store.peekLanes(lots.flatMap(({ phases }) => phases.flatMap(lanesOf)));
    const places = lots.map((lot) => {
      const lanes = lot.phases.flatMap(lanesOf);
      return { lot, place: due.findIndex(({ laneId }) => lanes.includes(laneId)) };
    });
    return places
      .filter(({ place }) => place >= 0)
      .toSorted((one, other) => one.place - other.place)
      .map(({ lot }) => lot);
  };

  return {
    hosts: groupByHost(options.phases, jobsMax > 0 ? hostOf : (resource) => resource),
    async *turns(host) {
      const [only] = host;
      if (only !== undefined && host.length === 1) return void (yield only);
      const warm = host.find((lot) => stintOf(lot) !== undefined);
      const stint = warm && stintOf(warm);
      const isPreferred = stint !== undefined && !isOver(stint);
      if (warm !== undefined && isPreferred) yield warm;
      yield* await byWait(host.filter((lot) => lot !== warm));
      // Its turn is over, but nobody else has anything to do.
      if (warm !== undefined && !isPreferred) yield warm;
      return undefined;
    },
    room(lot) {
      if (jobsMax === 0) return Infinity;
      const stint = stintOf(lot);
      return stint === undefined || isOver(stint) ? jobsMax : jobsMax - stint.jobs;
    },
    claimed(lot, jobs) {
      if (jobs === 0) return;
      const stint = stintOf(lot);
      const isSame = stint !== undefined && !isOver(stint);
      const since = isSame ? stint.since : runtime.now();
      const before = isSame ? stint.jobs : 0;
      stints.set(hostOf(lot.resource), { resource: lot.resource, since, jobs: before + jobs });
    },
  };
}

/** What stands before the first slash: the models of one host take each other's memory. */
function hostOf(resource: string): string {
  return resource.split("/", 1).join();
}

function lanesOf({ laneId, soloLaneId }: PhasePlan): readonly number[] {
  return [laneId, soloLaneId];
}

function groupByHost(
  phases: readonly PhasePlan[],
  keyOf: (resource: string) => string,
): readonly (readonly ResourceLot[])[] {
  const lots = Map.groupBy(
    phases.filter(({ resource }) => resource !== undefined),
    ({ resource = "" }) => resource,
  );
  const all = [...lots].map(([resource, own]): ResourceLot => ({ resource, phases: own }));
  return [...Map.groupBy(all, ({ resource }) => keyOf(resource)).values()];
}
