import { drainByFour, drainByOne, drainLargePayloads, drainSingly } from "./drain.ts";
import { enqueueBatches, enqueueInFlight, enqueueSingly } from "./enqueue.ts";
import type { Scenario } from "./scenario.ts";

/** In the order of a run. */
export const scenarios: readonly Scenario[] = [
  drainByOne,
  drainByFour,
  drainSingly,
  drainLargePayloads,
  enqueueSingly,
  enqueueInFlight,
  enqueueBatches,
];
