import { readCron } from "./cron-expression.ts";
import type { UnplannedSchedule } from "./schedule-routines.ts";
import type { SlotPlan } from "./schedule-store.ts";

/** Slots written in one call: to reckon them holds up the event loop, for some 50 ms. */
const slotsMax = 1_000;

/** The slots that a schedule wants next, and whether there are more. */
export interface ReckonedSlots extends SlotPlan {
  readonly isAll: boolean;
}

/** Reckons the slots that a schedule wants. Throws when its expression or its zone cannot be read here. */
export function reckonSlots(schedule: UnplannedSchedule): ReckonedSlots {
  const { name, revision, cron, timeZone, missedMax, plannedUntil, onTimeFrom, planUntil } =
    schedule;
  const calendar = readCron(cron, timeZone);
  // Nothing was missed unplanned, unless nobody planned for a long time.
  const missed =
    onTimeFrom > plannedUntil ? calendar.listUntil(onTimeFrom, plannedUntil, missedMax) : [];
  const coming = calendar.listAfter(onTimeFrom, planUntil, slotsMax);
  const last = coming.at(-1);
  const isAll = last === undefined || coming.length < slotsMax;
  return {
    name,
    revision,
    until: isAll ? planUntil : last,
    slots: [...missed, ...coming],
    isAll,
  };
}
