import { ModelError } from "@leasehold/model";

/** What the stub can act out, and the sentence that documents it. */
const actNames = [
  "busy",
  "crash",
  "hang",
  "hang-deaf",
  "invalid",
  "missing",
  "outage",
  "permanent",
  "runaway",
  "slow",
  "timeout",
  "transient",
  "truncated",
] as const;

export type StubActName = (typeof actNames)[number];

/** One thing the stub does instead of answering, or before it. */
export interface StubAct {
  readonly name: StubActName;
  /** For `slow`: milliseconds. For all others: how often, and without a number for ever. */
  readonly count: number;
}

/** The longest time that `slow` waits, in milliseconds. */
const slowMsMax = 600_000;

/** The most often an act with a number is played. */
const timesMax = 1_000;

/**
 * Reads a script such as `transient 2` or `slow 500, outage 1`.
 *
 * Throws `config_invalid` and says which act it did not understand, without quoting it: it may be a learner's.
 */
export function parseStubScript(script: string): readonly StubAct[] {
  return script.split(",").map((part, index) => {
    const act = parseAct(part.trim());
    if (act !== undefined) return act;
    throw new ModelError(
      "config_invalid",
      `Act ${index + 1} of the stub's script is not understood: it must be one of ${actNames.join(", ")}, ` +
        `with a whole number up to ${timesMax} where it should end, and always one for slow.`,
      { scope: "config", retryable: false },
    );
  });
}

function parseAct(text: string): StubAct | undefined {
  const [, word, digits] = /^([a-z-]+)(?: +(\d{1,9}))?$/.exec(text) ?? [];
  const name = actNames.find((known) => known === word);
  if (name === undefined) return undefined;
  const count = digits === undefined ? Infinity : Number(digits);
  if (name === "slow") return count <= slowMsMax ? { name, count } : undefined;
  return count === Infinity || (count >= 1 && count <= timesMax) ? { name, count } : undefined;
}

/** A script that was found in a text, with the line it stands on. */
export interface StubMarker {
  readonly acts: readonly StubAct[];
  readonly line: string;
}

/**
 * Finds the markers of a text, such as `[[stub: transient 2]]`, in their order.
 *
 * Throws `input_unsupported`, a fault of this job alone, for a marker it does not understand.
 */
export function findStubMarkers(text: string): readonly StubMarker[] {
  return text.split("\n").flatMap((line) =>
    Array.from(line.matchAll(/\[\[stub:([^[\]]*)\]\]/g), ([, script = ""]) => {
      try {
        return { acts: parseStubScript(script), line };
      } catch (error) {
        throw new ModelError("input_unsupported", "A marker for the stub is not understood.", {
          scope: "job",
          retryable: false,
          adapterCode: "stub_marker",
          cause: error,
        });
      }
    }),
  );
}
