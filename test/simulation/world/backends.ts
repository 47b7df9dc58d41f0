import { WorkerError } from "@leasehold/core";

import { createRandom } from "./random.ts";
import type { World } from "./world.ts";

/** What the phases need to be up, by resource. */
export interface Backends {
  goAway(resource: string, ms: number): void;
  /** The error of a call to a resource that is away, if it is. */
  troubleOf(resource: string | undefined): WorkerError | undefined;
}

export function createBackends(world: World): Backends {
  const random = createRandom(world.seed, "backends");
  const awayUntil = new Map<string, number>();
  return {
    goAway(resource, ms) {
      awayUntil.set(resource, world.timeline.now() + ms);
      world.tell(() => `${resource} goes away for ${Math.round(ms)} ms`);
    },
    troubleOf(resource = "") {
      const isAway = world.isFaulty() && world.timeline.now() < (awayUntil.get(resource) ?? 0);
      if (!isAway) return undefined;
      const what = "The simulated backend is away.";
      if (random.chance(0.1)) return new WorkerError("model_missing", what, { scope: "config" });
      return new WorkerError("backend_unreachable", what, {
        scope: "backend",
        retryable: true,
        ...(random.chance(0.2) ? { retryAfterMs: random.integer(1_000, 20_000) } : {}),
      });
    },
  };
}
