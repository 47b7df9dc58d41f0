import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { AssertionError } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { createTestDatabase } from "@leasehold/core/testing";
import * as fc from "fast-check";

import { useThrowawayPostgres } from "../support/throwaway-postgres.ts";
import { commands } from "./lockstep/commands.ts";
import { createModelSide, type Mistake } from "./lockstep/model-side.ts";
import { createPostgresSide, type PostgresSide } from "./lockstep/postgres-side.ts";
import { type Walk, walkTogether } from "./lockstep/walk.ts";

setDefaultTimeout(150_000);

const server = useThrowawayPostgres();
let opened: Promise<PostgresSide> | undefined;
const openSide = async (): Promise<PostgresSide> =>
  await createPostgresSide(await createTestDatabase({ connection: (await server()).url }));
afterAll(async () => {
  await (await opened)?.[Symbol.asyncDispose]();
});

/** The same sequences each time, on a slow machine fewer. A failure prints the shortest that shows the difference. */
const chance = { numRuns: 200, seed: 1, interruptAfterTimeLimit: 100_000 } as const;
// Before the server's start is before its restart: leases that were given then must outlive it for a while.
const walks: fc.Arbitrary<Walk> = fc.record({
  startMs: fc.constantFrom(-30_000, -4_000, 0, 3_600_000),
  commands,
});

test("the model answers every sequence of commands as the real functions do", async () => {
  const postgres = await (opened ??= openSide());

  await fc.assert(
    fc.asyncProperty(walks, (walk) => walkTogether(postgres, walk)),
    chance,
  );
});

const mistakes: readonly (readonly [name: string, mistake: Mistake])[] = [
  [
    "a lost job is not run alone",
    ({ functions: { chargeLease } }) => ({
      chargeLease: (...charged) => ({ ...chargeLease(...charged), solo: false }),
    }),
  ],
  ["a late call is never told that it succeeded before", () => ({ answerStale: () => lost })],
  [
    "a probe that runs is not waited for",
    ({ functions: { judgeProbe } }) => ({
      judgeProbe: (probe) => (judgeProbe(probe) === "answered" ? "answered" : "gone"),
    }),
  ],
  [
    "slow start is ignored",
    ({ functions: { weighResource } }) => ({
      weighResource: (resource, now) => weighResource({ ...resource, slowSince: undefined }, now),
    }),
  ],
];
const lost = { outcome: "lost", state: undefined, delayMs: 0 } as const;

test.each(mistakes)("a model is found out in which %s", async (_, mistake) => {
  const postgres = await (opened ??= openSide());

  const { errorInstance } = await fc.check(
    fc.asyncProperty(walks, (walk) => walkTogether(postgres, { ...walk, mistake })),
    { ...chance, endOnFailure: true },
  );

  expect(errorInstance).toBeInstanceOf(AssertionError);
});

test("every function of leasing and of resources is in the model", () => {
  const folders = ["leasing", "resources"].map((area) =>
    join(import.meta.dirname, "../../packages/core/sql", area),
  );
  const files = folders.flatMap((folder) =>
    readdirSync(folder).map((file) => file.replace(".sql", "")),
  );
  // The server gives the model the first two. A group is its jobs, one by one: it differs in what it costs. Time goes
  // only forward there, and nobody looks at resources from outside. Jobs of the model have no trace and no limits, so all
  // its claims are one.
  const other = ["clock", "hint_workers", "follow_clock", "resources", "get_resources"];
  const groups = ["complete_group", "complete_jobs", "complete_and_claim"];
  const given = [...other, ...groups, "claim_jobs_v2", "claim_plain"];

  const { functions } = createModelSide(0).schema;

  const names = Object.keys(functions).map((name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
  expect(names).toEqual(expect.arrayContaining(files.filter((file) => !given.includes(file))));
});
