import assert from "node:assert/strict";

import { z } from "zod";

import type { ModelImage, ModelRequest, ModelV1 } from "../model.ts";
import { promises, type Subject } from "./promises.ts";
import { samplePng } from "./sample-image.ts";

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
  /** A picture for models that take pictures. Default: a white PNG of 32 by 32. */
  readonly image?: ModelImage;
  /** The shape of an answer in JSON. Default: an object of a short note and a level from 0 to 3. */
  readonly schema?: z.ZodType;
}

export interface ModelContractOptions {
  /** Makes a fresh model; called for every test, which closes it. */
  setup(): ModelV1 | Promise<ModelV1>;
  readonly sample: ModelContractSample;
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
 * Each capability is tested both ways: what is claimed must work, what is not claimed must be refused cleanly.
 */
export function testModelContract(runner: ContractRunner, options: ModelContractOptions): void {
  const { skip = {} } = options;
  runner.describe("model contract v1", () => {
    runner.test("skips only tests that exist", async () => {
      const unknown = Object.keys(skip).filter((name) => !Object.hasOwn(promises, name));
      assert.deepEqual(unknown, [], "skip names tests that the kit does not have");
    });
    for (const [name, check] of Object.entries(promises)) {
      const reason = skip[name];
      if (reason === undefined) runner.test(name, () => check(toSubject(options)));
      else runner.test(`${name} (skipped: ${reason})`, async () => {});
    }
  });
}

/** Copies the sample for each test: a model that changes its request must not spoil the next test. */
function toSubject(options: ModelContractOptions): Subject {
  const { request, slowRequest, failingRequest, image, schema } = options.sample;
  return {
    setup: async () => options.setup(),
    ...structuredClone({ request, slowRequest, failingRequest, image: image ?? samplePng }),
    schema: schema ?? sampleSchema,
  };
}
