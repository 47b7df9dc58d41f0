import { expect, test } from "bun:test";

import {
  type Fall,
  ModelError,
  type ModelErrorCode,
  type ModelErrorScope,
  type Rung,
  takeLadder,
  toFallReason,
} from "@leasehold/model";

function refused(adapterCode?: string): ModelError {
  const options = { scope: "job", retryable: true } as const;
  return new ModelError("output_invalid", "Refused.", {
    ...options,
    ...(adapterCode === undefined ? {} : { adapterCode }),
  });
}

interface Ladder {
  readonly rungs: readonly [Rung<string>, ...Rung<string>[]];
  /** Ways that were tried, in order. */
  readonly tried: readonly string[];
}

/** A ladder of the given ways; an error is thrown, a text is the result. */
function setup(
  first: readonly [string, string | Error],
  ...others: readonly (readonly [string, string | Error])[]
): Ladder {
  const tried: string[] = [];
  const toRung = ([path, outcome]: readonly [string, string | Error]): Rung<string> => ({
    path,
    async take() {
      tried.push(path);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });
  return { rungs: [toRung(first), ...others.map(toRung)], tried };
}

test("stays on the first way that leads to a result", async () => {
  const { rungs, tried } = setup(["program", "a result"], ["one_shot", "another"]);

  const taken = await takeLadder(rungs);

  expect(taken).toEqual({ result: "a result", path: "program", falls: [] });
  expect(tried).toEqual(["program"]);
});

test("falls from way to way, and says where to and why", async () => {
  const { rungs } = setup(
    ["program", refused("schema_violated")],
    ["one_shot", refused()],
    ["degraded", "nothing"],
  );
  const told: Fall[] = [];

  const taken = await takeLadder(rungs, (fall) => told.push(fall));

  expect(taken).toEqual({
    result: "nothing",
    path: "degraded",
    falls: [
      { path: "one_shot", reason: "schema_violated" },
      { path: "degraded", reason: "output_invalid" },
    ],
  });
  expect(told).toEqual([...taken.falls]);
});

test("throws what the last way threw", async () => {
  const last = refused("not_json");
  const { rungs } = setup(["program", refused("check_failed")], ["one_shot", last]);

  const error = await takeLadder(rungs).catch((reason: unknown) => reason);

  expect(error).toBe(last);
});

test("passes a way by that does not suit the reason, and throws when none is left", async () => {
  const leak = refused("hints_leaked");
  const { rungs, tried } = setup(["program", leak], ["one_shot", "a result"], ["degraded", "none"]);
  const [first, second, third] = rungs;
  const picky = { ...(second ?? first), suits: (reason: string) => reason !== "hints_leaked" };

  const taken = await takeLadder([first, picky, third ?? first]);
  const error = await takeLadder([first, picky]).catch((reason: unknown) => reason);

  expect(taken.path).toBe("degraded");
  expect(error).toBe(leak);
  expect(tried).toEqual(["program", "degraded", "program"]);
});

const noFall: readonly (readonly [ModelErrorCode, ModelErrorScope])[] = [
  ["aborted", "backend"],
  ["backend_busy", "backend"],
  ["backend_failed", "backend"],
  ["backend_timeout", "backend"],
  ["backend_unreachable", "backend"],
  ["config_invalid", "config"],
  ["input_corrupt", "job"],
  ["input_too_large", "job"],
  ["input_unsupported", "job"],
  ["model_missing", "config"],
  ["model_unsuitable", "config"],
  ["output_invalid", "model"],
];
test.each([...noFall])("never falls for %s (%s)", async (code, scope) => {
  const error = new ModelError(code, "No.", { scope, retryable: true, adapterCode: "finer" });
  const { rungs, tried } = setup(["program", error], ["degraded", "a result"]);

  const thrown = await takeLadder(rungs).catch((reason: unknown) => reason);

  expect(thrown).toBe(error);
  expect(tried).toEqual(["program"]);
});

test("never falls for what is no error of a model", async () => {
  const odd = new TypeError("odd");
  const { rungs } = setup(["program", odd], ["degraded", "a result"]);

  expect(await takeLadder(rungs).catch((reason: unknown) => reason)).toBe(odd);
});

test.each([
  ["output_truncated", "output_truncated"],
  ["output_runaway", "output_runaway"],
] as const)("names %s by its code, whatever the adapter calls it", (code, reason) => {
  const options = { scope: "job", retryable: true, adapterCode: "finer" } as const;

  expect(toFallReason(new ModelError(code, "No.", options))).toBe(reason);
});
