import assert from "node:assert/strict";

import type { AdapterV1, PhaseRequest } from "../adapter.ts";
import type { WorkerErrorScope } from "../errors.ts";
import { promises } from "./adapter-promises.ts";
import type { ContractBackend, Need, Subject } from "./adapter-subject.ts";

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
  /** Requests that fail, by whose fault that is. Default: what needs them is left out, and says so. */
  readonly failures?: Readonly<Partial<Record<WorkerErrorScope, PhaseRequest>>>;
}

export interface AdapterContractOptions {
  /** Makes a fresh adapter; called for every test, which closes it. */
  setup(): AdapterV1 | Promise<AdapterV1>;
  readonly sample: AdapterContractSample;
  /** What the adapter asks, if the test can look into it. Default: what needs it is left out, and says so. */
  readonly backend?: ContractBackend;
  /** Tests that are left out, by name, and why. The reason is printed in the test's title. */
  readonly skip?: Readonly<Record<string, string>>;
}

/**
 * Registers the conformance tests of {@link AdapterV1} with a test runner.
 *
 * Each capability is tested both ways: what is claimed must work, what is not claimed must be refused cleanly. An abort
 * must be obeyed within 250 ms of the event loop's time. `local` is the one claim that no test can look into.
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
  const skip = { ...findUnsampled(options), ...options.skip };
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

/** The tests that lack something, with the reason. */
function findUnsampled({
  sample: { invalidRequest, slowRequest, failures },
  backend,
}: AdapterContractOptions): Readonly<Record<string, string>> {
  const given: Readonly<Record<Need, unknown>> = { invalidRequest, slowRequest, failures, backend };
  const left = Object.entries(promises).flatMap(([name, { needs }]) => {
    const lacking = needs.filter((need) => given[need] === undefined);
    return lacking.length === 0 ? [] : [[name, `no ${lacking.join(", no ")} to test with`]];
  });
  return Object.fromEntries(left);
}

/** Copies the sample for each test: an adapter that changes its request must not spoil the next test. */
function toSubject(options: AdapterContractOptions): Subject {
  const { sample, backend = { busy: 0 } } = options;
  const { validRequest, invalidRequest, slowRequest, failures } = structuredClone(sample);
  return {
    setup: async () => options.setup(),
    validRequest,
    invalidRequest: invalidRequest ?? validRequest,
    slowRequest: slowRequest ?? validRequest,
    failures: failures ?? {},
    backend,
  };
}
