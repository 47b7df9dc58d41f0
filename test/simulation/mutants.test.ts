import { describe, expect, setDefaultTimeout, test } from "bun:test";

import { mutants } from "./mutants/mutants.ts";
import { simulate } from "./simulate.ts";

/** A bug that hides for longer would be found too late. */
const seedsMax = 100;
// Generous: most take far less than a second.
setDefaultTimeout(120_000);

describe("the simulation finds", () => {
  test.each(mutants.map((mutant) => [mutant.name, mutant] as const))("%s", (_, mutant) => {
    let seed = 0;
    let violation: string | undefined;
    while (violation === undefined && seed < seedsMax) {
      seed += 1;
      ({ violation } = simulate(seed, { mutant }));
    }

    expect(violation).toBeString();
  });
});

test("no two mutants have the same name", () => {
  const names = mutants.map(({ name }) => name);

  expect(new Set(names).size).toBe(names.length);
});
