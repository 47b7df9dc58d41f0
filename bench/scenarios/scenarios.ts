import { backlog, delayed, foreign, paused } from "./crowds.ts";
import { drainByFour, drainByOne, drainLargePayloads, drainSingly } from "./drain.ts";
import { enqueueBatches, enqueueInFlight, enqueueSingly } from "./enqueue.ts";
import { idleFleet } from "./idle.ts";
import { tableLayouts } from "./layouts.ts";
import { pickup } from "./pickup.ts";
import type { Scenario } from "./scenario.ts";
import { slowPhases } from "./slots.ts";
import { heldSnapshot } from "./snapshot.ts";
import { statistics } from "./statistics.ts";

/** In the order of a run. */
export const scenarios: readonly Scenario[] = [
  drainByOne,
  drainByFour,
  drainSingly,
  drainLargePayloads,
  enqueueSingly,
  enqueueInFlight,
  enqueueBatches,
  pickup,
  heldSnapshot,
  statistics,
  backlog,
  delayed,
  foreign,
  paused,
  slowPhases,
  idleFleet,
  tableLayouts,
];
