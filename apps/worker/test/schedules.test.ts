import { expect, test } from "bun:test";

import type { ScheduleHealth } from "@leasehold/cron";

import { judgeSchedules } from "../src/schedules.ts";

function schedule(name: string, warning?: ScheduleHealth["warning"]): ScheduleHealth {
  return {
    name,
    enabled: true,
    lastSlotAt: undefined,
    nextSlotAt: undefined,
    plannedHours: 47,
    overdueCount: 0,
    failedCount: 0,
    warning,
  };
}

test("says of no schedules, and of well ones, that nothing is wrong", () => {
  expect(judgeSchedules([])).toEqual([
    { check: "schedules", status: "ok", message: "There are no schedules." },
  ]);
  expect(judgeSchedules([schedule("a"), schedule("b")])).toMatchObject([
    { status: "ok", message: expect.stringContaining("Schedules: 2,") },
  ]);
});

test("warns of each thing that is wrong once, and names the schedules", () => {
  const found = judgeSchedules([
    schedule("a", "slots_low"),
    schedule("b"),
    schedule("c", "slots_overdue"),
    schedule("d", "slots_low"),
    schedule("e", "slots_failed"),
  ]);

  expect(found).toMatchObject([
    { status: "warn", message: expect.stringContaining("jobs of c: start a worker") },
    { status: "warn", message: expect.stringContaining("less than a day: a, d.") },
    { status: "warn", message: expect.stringContaining("refused jobs of e ") },
  ]);
});
