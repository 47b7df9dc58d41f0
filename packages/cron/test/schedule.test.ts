import { describe, expect, test } from "bun:test";

import { definePipeline, type Pipeline, WorkerError } from "@leasehold/core";
import { z } from "zod";

import { defineSchedule, type MissedPolicy } from "../src/schedule.ts";
import { report, scheduleOf } from "./support/cron-bench.ts";

function refusalOf(define: () => unknown): WorkerError {
  try {
    define();
  } catch (error) {
    if (WorkerError.is(error)) return error;
    throw error;
  }
  throw new Error("It was not refused.");
}

describe("a definition", () => {
  test("is frozen, with what it left out filled in", () => {
    const schedule = scheduleOf();

    expect(schedule).toMatchObject({ missed: "last", graceSeconds: 300 });
    expect(Object.isFrozen(schedule)).toBe(true);
  });

  test("holds the job as the pipeline starts it", () => {
    const essay: Pipeline<z.ZodString> = definePipeline({
      type: "essay",
      version: 3,
      queue: "slow",
      input: z.string(),
      start: () => ({ phase: "grade", skipped: { read: { output: "x", provenance: {} } } }),
      phases: [
        { name: "read", output: z.string() },
        { name: "grade", output: z.string() },
      ],
    });

    const { job } = defineSchedule({
      name: "essays",
      cron: "@daily",
      timeZone: "UTC",
      pipeline: essay,
      input: "Sunday",
      tenant: "school",
      priority: 7,
    });

    const jobs: unknown = JSON.parse(job.jobs);
    const shared: unknown = JSON.parse(job.shared);
    const skipped = { read: { output: "x", provenance: {} } };
    expect(jobs).toEqual([{ payload: "Sunday", phase: "grade", skipped }]);
    expect(shared).toEqual({
      type: "essay",
      version: 3,
      queue: "slow",
      tenant: "school",
      priority: 7,
    });
  });

  test("is refused with every problem at once, each by its name and with what would be right", () => {
    const error = refusalOf(() =>
      // A caller without types may give anything.
      scheduleOf(
        JSON.parse(`{
          "name": "Not a name", "cron": "0 25 * * *", "timeZone": "Berlin", "missed": { "all": 0 },
          "graceSeconds": 0, "input": { "topic": 7 }
        }`),
      ),
    );

    expect(error).toMatchObject({ code: "config_invalid", scope: "config" });
    for (const problem of [
      "name must match",
      'cron: the hour "25" is not understood: write 0 to 23',
      'timeZone: "Berlin" is no time zone: write a name of the IANA database',
      'missed: write "skip", "last" or { all: n }',
      "graceSeconds must be from 1",
      "input.topic: ",
    ]) {
      expect(error.message).toContain(problem);
    }
  });

  test.each<MissedPolicy>(["skip", "last", { all: 1 }, { all: 1_000 }])(
    "takes the policy %p",
    (missed) => {
      expect(scheduleOf({ missed }).missed).toEqual(missed);
    },
  );

  test("may name the member of the input that a slot's time goes to", () => {
    const schedule = defineSchedule({
      name: "dated",
      cron: "@daily",
      timeZone: "UTC",
      pipeline: report,
      input: { topic: "weather" },
      slotField: "at",
    });

    expect(schedule.slotField).toBe("at");
  });

  test("must not name one that the input does not have", () => {
    const error = refusalOf(() =>
      defineSchedule({
        name: "dated",
        cron: "@daily",
        timeZone: "UTC",
        pipeline: report,
        input: { topic: "weather" },
        slotField: "when",
      }),
    );

    expect(error.message).toContain('slotField: the pipeline\'s input has no member "when"');
  });

  test("quotes nothing of an input that does not fit", () => {
    const definition: unknown = { input: { topic: { secret: "hush" } } };

    const error = refusalOf(() => scheduleOf(Object(definition)));

    expect(error.message).not.toContain("hush");
  });
});
