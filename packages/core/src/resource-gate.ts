import type { Runtime } from "./runtime.ts";

/** How many jobs of a resource may be claimed: any number, none for now, or one to see whether it is back. */
export type Admission = "all" | "one" | "none";

/** Stops claiming for a backend that is down, so that its jobs wait in the database and not in a stampede. */
export interface ResourceGate {
  admission(resource: string): Admission;
  /** The backend was down; leave it alone for a while. */
  shut(resource: string, forMs: number): void;
  /** A job of this resource was claimed. */
  enter(resource: string): void;
  /** An attempt ended without an outage, or without telling anything. */
  leave(resource: string, worked: boolean): void;
}

interface Shut {
  until: number;
  probing: boolean;
}

export function createResourceGate(runtime: Runtime): ResourceGate {
  const shut = new Map<string, Shut>();
  return {
    admission(resource) {
      const state = shut.get(resource);
      if (state === undefined) return "all";
      return state.probing || runtime.now() < state.until ? "none" : "one";
    },
    shut(resource, forMs) {
      // Several jobs may tell of one outage: the longest pause counts.
      const until = Math.max(shut.get(resource)?.until ?? 0, runtime.now() + forMs);
      shut.set(resource, { until, probing: false });
    },
    enter(resource) {
      const state = shut.get(resource);
      if (state !== undefined) state.probing = true;
    },
    leave(resource, worked) {
      const state = shut.get(resource);
      if (state === undefined) return;
      if (worked) shut.delete(resource);
      else state.probing = false;
    },
  };
}
