import assert from "node:assert/strict";

import { z } from "zod";

import type { ModelErrorScope, ModelImage, ModelRequest, ModelV1 } from "../model.ts";
import { promises } from "./promises.ts";
import { samplePng } from "./sample-image.ts";
import type { ContractBackend, Need, Subject } from "./subject.ts";

/** The two functions of a test runner that the kit needs; bun:test, node:test and vitest have them. */
export interface ContractRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

/** What the kit says to the model. Any language; each message needs a line of eight characters or more. */
export interface ModelContractSample {
  /** A request in words alone that the model answers. */
  readonly request: ModelRequest;
  /** A request on which the model stays silent for many seconds, or for ever. */
  readonly slowRequest: ModelRequest;
  /** A request that fails. */
  readonly failingRequest: ModelRequest;
  /** A request that is answered without an end. Default: what needs one is left out, and says so. */
  readonly endlessRequest?: ModelRequest;
  /** Requests that fail, by whose fault that is. Default: what needs them is left out, and says so. */
  readonly failures?: Readonly<Partial<Record<ModelErrorScope, ModelRequest>>>;
  /** A picture for models that take pictures. Default: a white PNG of 32 by 32. */
  readonly image?: ModelImage;
  /** The shape of an answer in JSON. Default: an object of a short note and a level from 0 to 3. */
  readonly schema?: z.ZodType;
}

export interface ModelContractOptions {
  /** Makes a fresh model; called for every test, which closes it. */
  setup(): ModelV1 | Promise<ModelV1>;
  readonly sample: ModelContractSample;
  /** What the model asks, if the test can look into it. Default: what needs it is left out, and says so. */
  readonly backend?: ContractBackend;
  /** Tests that are left out, by name, and why. The reason is printed in the test's title. */
  readonly skip?: Readonly<Record<string, string>>;
}

const sampleSchema: z.ZodType = z.strictObject({
  note: z.string().min(1).max(200),
  level: z.int().min(0).max(3),
});

/**
 * Registers the conformance tests of {@link ModelV1} with a test runner.
 *
 * Each capability is tested both ways: what is claimed must work, what is not claimed must be refused cleanly. An abort
 * must be obeyed within 250 ms of the event loop's time. `local` is the one claim that no test can look into.
 */
export function testModelContract(runner: ContractRunner, options: ModelContractOptions): void {
  const skip = { ...findUnsampled(options), ...options.skip };
  runner.describe("model contract v1", () => {
    runner.test("skips only tests that exist", async () => {
      const unknown = Object.keys(skip).filter((name) => !Object.hasOwn(promises, name));
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
  sample,
  backend,
}: ModelContractOptions): Readonly<Record<string, string>> {
  const { endlessRequest, failures } = sample;
  const given: Readonly<Record<Need, unknown>> = { endlessRequest, failures, backend };
  const left = Object.entries(promises).flatMap(([name, { needs = [] }]) => {
    const lacking = needs.filter((need) => given[need] === undefined);
    return lacking.length === 0 ? [] : [[name, `no ${lacking.join(", no ")} to test with`]];
  });
  return Object.fromEntries(left);
}

/** Copies the sample for each test: a model that changes its request must not spoil the next test. */
function toSubject(options: ModelContractOptions): Subject {
  const { sample, backend = { busy: 0 } } = options;
  const { request, slowRequest, failingRequest, endlessRequest, failures, image, schema } = sample;
  return {
    setup: async () => options.setup(),
    ...structuredClone({
      request,
      slowRequest,
      failingRequest,
      endlessRequest: endlessRequest ?? request,
      failures: failures ?? {},
      image: image ?? samplePng,
    }),
    backend,
    schema: schema ?? sampleSchema,
  };
}
