import assert from "node:assert/strict";

import type { AdapterV1, PhaseRequest } from "../adapter.ts";
import { promises, type Subject } from "./adapter-promises.ts";

/** The two functions of a test runner that the kit needs; bun:test, node:test and vitest have them. */
export interface ContractRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

/**
 * What the kit says to the adapter. Requests are data only: each test gets a copy.
 *
 * Words of a learner are told from ids and keys by their spaces, so a request must hold a sentence of eight characters
 * or more.
 */
export interface AdapterContractSample {
  /** A request that the adapter executes. */
  readonly validRequest: PhaseRequest;
  /** A request that it refuses. Default: what needs one is left out, and says so. */
  readonly invalidRequest?: PhaseRequest;
  /** A request that takes many seconds, or for ever. Default: what needs one is left out, and says so. */
  readonly slowRequest?: PhaseRequest;
}

export interface AdapterContractOptions {
  /** Makes a fresh adapter; called for every test, which closes it. */
  setup(): AdapterV1 | Promise<AdapterV1>;
  readonly sample: AdapterContractSample;
  /** Tests that are left out, by name, and why. The reason is printed in the test's title. */
  readonly skip?: Readonly<Record<string, string>>;
}

/**
 * Registers the conformance tests of {@link AdapterV1} with a test runner.
 *
 * Each capability is tested both ways: what is claimed must work, what is not claimed must be refused cleanly.
 *
 * @example
 * import { describe, test } from "bun:test";
 *
 * testAdapterContract({ describe, test }, {
 *   setup: () => createMyAdapter(),
 *   sample: { validRequest, invalidRequest, slowRequest },
 *   skip: { "prints nothing": "the client prints a banner" },
 * });
 */
export function testAdapterContract(runner: ContractRunner, options: AdapterContractOptions): void {
  const skip = { ...findUnsampled(options.sample), ...options.skip };
  runner.describe("adapter contract v1", () => {
    runner.test("skips only tests that exist", async () => {
      const unknown = Object.keys(skip).filter((name) => promises[name] === undefined);
      assert.deepEqual(unknown, [], "skip names tests that the kit does not have");
    });
    for (const [name, { check }] of Object.entries(promises)) {
      const reason = skip[name];
      if (reason === undefined) runner.test(name, () => check(toSubject(options)));
      else runner.test(`${name} (skipped: ${reason})`, async () => {});
    }
  });
}

/** The tests for which the sample has no request, with the reason. */
function findUnsampled(sample: AdapterContractSample): Readonly<Record<string, string>> {
  const left = Object.entries(promises).flatMap(([name, { needs }]) =>
    needs === undefined || sample[needs] !== undefined ? [] : [[name, `no ${needs} in the sample`]],
  );
  return Object.fromEntries(left);
}

/** Copies the sample for each test: an adapter that changes its request must not spoil the next test. */
function toSubject(options: AdapterContractOptions): Subject {
  const { validRequest, invalidRequest, slowRequest } = structuredClone(options.sample);
  return {
    setup: async () => options.setup(),
    validRequest,
    invalidRequest: invalidRequest ?? validRequest,
    slowRequest: slowRequest ?? validRequest,
  };
}
