import { describe, expect, test } from "bun:test";

import { messageCodePointsMax, toStorableJson, toStorableText, WorkerError } from "@leasehold/core";

import { backoffMs } from "../src/backoff.ts";
import { toWorkerError } from "../src/errors.ts";
import { systemRuntime } from "../src/runtime.ts";
import { storable } from "../src/store/store-calls.ts";
import { assertStorable } from "../src/worker/settlement.ts";
import { createRandom, hostileText } from "./support/hostile.ts";

describe("toStorableText", () => {
  test("replaces what Postgres cannot store, and nothing else", () => {
    const cases = ["a\u0000b", "\ud800", "\udfff x", "😀", "\u{10ffff}", "\ud83dx\ude00", ""];

    expect(cases.map(toStorableText)).toEqual([
      "a\ufffdb",
      "\ufffd",
      "\ufffd x",
      "😀",
      "\u{10ffff}",
      "\ufffdx\ufffd",
      "",
    ]);
  });
});

describe("a result", () => {
  test("is stored as it was when it was checked, whatever becomes of it meanwhile", () => {
    const output = { grade: 1 };
    const checked = assertStorable({ output, provenance: {} });

    output.grade = 2;

    expect(storable(checked)).toEqual(['{"grade":1}', "{}"]);
  });

  test("that is nothing is stored as null", () => {
    expect(storable({ output: undefined, provenance: {} })).toEqual(["null", "{}"]);
  });
});

describe("toStorableJson", () => {
  test("says what JSON.stringify says, with every string made storable", () => {
    const random = createRandom("toStorableJson");
    for (let round = 0; round < 300; round += 1) {
      const [text, key] = [hostileText(random), hostileText(random)];
      const value = { list: [text, { deep: text }], [key]: 1, at: new Date(0), gone: undefined };

      const parsed: unknown = JSON.parse(toStorableJson(value));

      const clean = toStorableText(text);
      expect(parsed).toEqual({
        list: [clean, { deep: clean }],
        [toStorableText(key)]: 1,
        at: "1970-01-01T00:00:00.000Z",
      });
    }
  });

  test("keeps a key that means something to JavaScript", () => {
    const value: unknown = JSON.parse('{"__proto__": {"a\\u0000": 1}, "constructor": 2}');

    expect(toStorableJson(value)).toBe('{"__proto__":{"a\ufffd":1},"constructor":2}');
  });

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a bigint", 1n],
    ["NaN", { deep: [Number.NaN] }],
    ["Infinity", Number.NEGATIVE_INFINITY],
  ])("refuses %s", (_, value) => {
    expect(() => toStorableJson(value)).toThrow(TypeError);
  });
});

describe("backoffMs", () => {
  test("stays within half of and the whole of the doubled bound, whatever the count", () => {
    for (const count of [-1, 0, 1, 2, 5, 31, 1_000, Number.MAX_SAFE_INTEGER, Infinity]) {
      for (const drawn of [0, 0.5, 0.999_999]) {
        const runtime = { ...systemRuntime, random: () => drawn };

        const ms = backoffMs(runtime, count, { minMs: 100, maxMs: 5_000 });

        const full = Math.min(100 * 2 ** (Math.max(count, 1) - 1), 5_000);
        expect(ms).toBeGreaterThanOrEqual(full / 2);
        expect(ms).toBeLessThan(full);
      }
    }
  });
});

describe("WorkerError", () => {
  test("cuts its message to whole code points", () => {
    const { message } = new WorkerError("adapter_unknown", "😀".repeat(2_000));

    expect(Array.from(message)).toHaveLength(messageCodePointsMax);
    expect(message.isWellFormed()).toBe(true);
  });

  test("shows no cause to whoever prints it, and drops an adapter's code that is no code", () => {
    const error = new WorkerError("adapter_unknown", "It broke.", {
      cause: new Error("A learner wrote this."),
      adapterCode: "A learner wrote this.",
    });

    expect(`${Bun.inspect(error)} ${JSON.stringify(error)}`).not.toContain("learner");
    expect(WorkerError.causeOf(error)).toBeInstanceOf(Error);
  });

  test("is known by its brand, also when another copy of the package made it", () => {
    const foreign = Object.assign(new Error("Gone."), {
      "~leasehold": "worker-error/v1",
      code: "lease_lost",
      scope: "job",
      retryable: false,
    });

    expect(WorkerError.is(foreign, "lease_lost")).toBe(true);
    expect(WorkerError.is(foreign, "aborted")).toBe(false);
    expect([null, undefined, "x", new Error("x")].some((value) => WorkerError.is(value))).toBe(
      false,
    );
  });

  test.each<[string, unknown]>([
    ["an error", new TypeError("A learner wrote this.")],
    [
      "an error with a name somebody chose",
      Object.assign(new Error("x"), { name: "A learner wrote" }),
    ],
    ["a word", "A learner wrote this."],
    ["nothing", undefined],
  ])("wraps %s without quoting it", (_, thrown) => {
    const error = toWorkerError(thrown);

    expect(error).toMatchObject({ code: "adapter_unknown", scope: "job", retryable: true });
    expect(error.message).not.toContain("learner");
  });
});
