import type { EventHub } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { ResourceClaim } from "../store/job-store.ts";

/** Whether the database is worth asking; if not, because it is away, or has as many jobs as it bears. */
export type Admission = "ask" | "away" | "full";

/** What this process remembers of resources, so that it does not ask in vain. The database alone decides. */
export interface ResourceGate {
  admission(resource: string): Admission;
  /** What the database answered to a claim. */
  learn(resource: string, claim: ResourceClaim): void;
  /** A job of the resource ended here: there may be a place, or another answer. */
  left(resource: string): void;
}

export interface ResourceGateOptions {
  readonly runtime: Runtime;
  readonly events: EventHub;
  /** How long it is not asked whether there is a place again, which another worker may have left. */
  readonly fullMs: number;
  /** How long an answer is believed at most: an operator may close a breaker at any time. */
  readonly shutMsMax: number;
}

interface Known {
  readonly state: ResourceClaim["state"];
  readonly askAt: number;
}

export function createResourceGate(options: ResourceGateOptions): ResourceGate {
  const { runtime, events, fullMs, shutMsMax } = options;
  const known = new Map<string, Known>();
  const waitOf = ({ state, waitMs, places }: ResourceClaim): number => {
    if (state !== "closed") return Math.min(waitMs, shutMsMax);
    return places === 0 ? fullMs : 0;
  };
  return {
    admission(resource) {
      const last = known.get(resource);
      if (last === undefined || runtime.now() >= last.askAt) return "ask";
      return last.state === "closed" ? "full" : "away";
    },
    learn(resource, claim) {
      const { state, code = "unknown", waitMs, jobs } = claim;
      const before = known.get(resource)?.state ?? "closed";
      known.set(resource, { state, askAt: runtime.now() + waitOf(claim) });
      const [probe] = state === "half_open" ? jobs : [];
      if (probe !== undefined) {
        events.emit({ name: "resource.probed", resource, probe: probe.publicId });
      }
      if (state === before) return;
      if (state === "open") events.emit({ name: "resource.opened", resource, code, waitMs });
      if (state === "closed") events.emit({ name: "resource.closed", resource });
    },
    left(resource) {
      const last = known.get(resource);
      if (last !== undefined) known.set(resource, { ...last, askAt: 0 });
    },
  };
}
