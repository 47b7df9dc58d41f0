/** Stands in for every value that the host did not name. */
export const otherLabel = "other";

/** A closed set of label values: whatever happens, it makes no more series than it has values. */
export interface LabelSet {
  /** The host's values and {@link otherLabel}, each once. */
  readonly values: readonly string[];
  /** The value itself when the set has it, {@link otherLabel} when it does not. */
  pick(value: string): string;
}

/** Closes a set of label values. */
export function createLabelSet(named: readonly string[]): LabelSet {
  const values = new Set([...named, otherLabel]);
  return {
    values: [...values],
    pick: (value) => (values.has(value) ? value : otherLabel),
  };
}

/** Each value is a series in the memory of every Prometheus that scrapes us, once per counter. */
const labelValuesMax = 100;

const labelValuePattern = /^[a-z][a-z0-9_]{0,63}$/;

/** Says what is wrong with the host's label values, in one sentence each. */
export function findLabelProblems(option: string, named: readonly string[]): readonly string[] {
  const problems: string[] = [];
  if (named.length === 0) problems.push(`${option} must name at least one value`);
  if (named.length > labelValuesMax) {
    problems.push(`${option} must name at most ${labelValuesMax} values, got ${named.length}`);
  }
  for (const [index, value] of named.entries()) {
    if (labelValuePattern.test(value)) continue;
    problems.push(`${option}[${index}] must match [a-z][a-z0-9_]* and have at most 64 characters`);
  }
  return problems;
}

/** Each pair is seven series, or more. */
const pairsMax = 100;

/** Says what is wrong with the queues and types that the backlog is told apart by. */
export function findPairProblems(
  types: readonly string[],
  queues: readonly string[] = [],
): readonly string[] {
  const pairs = types.length * Math.max(queues.length, 1);
  if (pairs <= pairsMax) return [];
  return [`queue must name at most ${pairsMax} pairs of a queue and a type, got ${pairs}`];
}
