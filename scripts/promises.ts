// Says of everything that the runbooks promise where it stands: `bun run promises [--json]`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** Where a promise stands. */
export type PromiseState = "proved" | "deviates" | "parsed_only" | "open";

/** A test, by what it is called. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
  /** The row of its table, by words that stand in it, where one row is meant. */
  readonly case?: string;
}

/** Something that an operator who goes by a runbook can count on. */
export interface RunbookPromise {
  readonly id: string;
  /** The runbooks that make it, by their numbers. */
  readonly runbooks: readonly string[];
  /** In our words. */
  readonly promise: string;
  readonly state: PromiseState;
  /** What proves it, or what is done in its place. */
  readonly tests?: readonly NamedTest[];
  /** Why it is kept otherwise: a document of ours and its heading. */
  readonly why?: string;
  /** What is not there yet. */
  readonly missing?: string;
}

/** All states, the best first. */
export const promiseStates: readonly PromiseState[] = ["proved", "deviates", "parsed_only", "open"];

const root = join(import.meta.dirname, "..");

/** Reads the promises, in the order of their numbers. */
export function readPromises(): readonly RunbookPromise[] {
  // Its shape is checked by a test.
  const promises: readonly RunbookPromise[] = JSON.parse(
    readFileSync(join(root, "docs/promises.json"), "utf8"),
  );
  return promises;
}

/** The promises by where they stand. */
export function groupPromises(
  promises: readonly RunbookPromise[],
): Readonly<Record<PromiseState, readonly RunbookPromise[]>> {
  const groups = promiseStates.map((wanted) => [
    wanted,
    promises.filter(({ state }) => state === wanted),
  ]);
  return Object.fromEntries(groups);
}

/** For people: a line for each promise, and below it what stands for it. */
export function formatPromises(promises: readonly RunbookPromise[]): string {
  const lines = promises.flatMap(({ id, runbooks, promise, state, tests = [], why, missing }) => [
    `${id.padEnd(5)}${state.padEnd(12)}${promise} (${runbooks.join(", ")})`,
    ...tests.map(({ file, name, case: row }) => {
      const suffix = row === undefined ? "" : ` (${row})`;
      return `     ${file}: ${name}${suffix}`;
    }),
    ...(why === undefined ? [] : [`     see ${why}`]),
    ...(missing === undefined ? [] : [`     missing: ${missing}`]),
  ]);
  const counts = promiseStates.map(
    (wanted) => `${promises.filter(({ state }) => state === wanted).length} ${wanted}`,
  );
  return `${lines.join("\n")}\n\n${counts.join(", ")}`;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const promises = readPromises();
  console.log(values.json ? JSON.stringify(groupPromises(promises)) : formatPromises(promises));
}
