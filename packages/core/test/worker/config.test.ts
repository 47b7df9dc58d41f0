import { describe, expect, test } from "bun:test";

import { parseWorkerSettings, workerDefaults, type WorkerSettings } from "@leasehold/core";

const problemsOf = (given: object): string => {
  try {
    parseWorkerSettings(given);
    return "";
  } catch (error) {
    expect(error).toMatchObject({ code: "config_invalid", scope: "config", retryable: false });
    return String(error);
  }
};

describe("parseWorkerSettings", () => {
  test("gives the defaults, frozen", () => {
    const settings = parseWorkerSettings({});

    expect(settings).toEqual(workerDefaults);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each<[string, Partial<WorkerSettings>, Partial<WorkerSettings>]>([
    ["a shorter lease", { leaseSeconds: 3 }, { renewSeconds: 1, marginSeconds: 0.5 }],
    ["a longer poll", { pollSeconds: 60 }, { pollSecondsMax: 60 }],
    ["no grace at all", { graceSeconds: 0 }, { graceSeconds: 0 }],
    ["no end by abandoned adapters", { abandonedMax: 0 }, { abandonedMax: 0 }],
  ])("is content with %s alone", (_, given, expected) => {
    expect(parseWorkerSettings(given)).toMatchObject({ ...given, ...expected });
  });

  test.each([
    ["concurrency", 0],
    ["concurrency", 1001],
    ["concurrency", 1.5],
    ["leaseSeconds", 0],
    ["leaseSeconds", Number.POSITIVE_INFINITY],
    ["pollSeconds", Number.NaN],
    ["graceSeconds", -1],
    ["phaseTimeoutSeconds", "900"],
    ["abandonSeconds", null],
    ["abandonedMax", -1],
    ["abandonedMax", 1.5],
  ])("refuses %s of %p, names it once and shows it", (name, value) => {
    const problems = problemsOf({ [name]: value });

    expect(problems.split(`${name}: `)).toHaveLength(2);
    expect(problems.split(";")).toHaveLength(1);
    expect(problems).toContain(
      typeof value === "number" ? `(got ${value})` : JSON.stringify(value),
    );
  });

  test("refuses settings that do not fit together", () => {
    expect(problemsOf({ renewSeconds: 21 })).toContain("renewSeconds: must be at most a third");
    expect(problemsOf({ marginSeconds: 40 })).toContain("marginSeconds: must be less than");
    expect(problemsOf({ pollSeconds: 3, pollSecondsMax: 2 })).toContain("pollSecondsMax: must be");
  });

  test("names all problems at once, of every kind", () => {
    const given = { concurrency: 0, renewSeconds: 21, pollSecondsMax: 0.5, concurency: 3 };

    const problems = problemsOf(given);

    for (const words of [
      "concurrency: ",
      "renewSeconds: ",
      "pollSecondsMax: ",
      "unknown concurency",
    ]) {
      expect(problems).toContain(words);
    }
  });
});
