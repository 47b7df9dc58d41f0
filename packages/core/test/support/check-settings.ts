/** How often a property is tried, and from which seed. */
export interface CheckSettings {
  readonly numRuns: number;
  /** Absent: a new one each time, which fast-check prints when a run fails. */
  readonly seed?: number;
  /** For the whole test, shrinking included. */
  readonly timeoutMs: number;
}

/**
 * Takes `LEASEHOLD_CHECK_RUNS` for the number of runs, for whoever wants to leave the machine searching for a night, and
 * `LEASEHOLD_CHECK_SEED` for the seed of a run that failed.
 */
export function readCheckSettings({
  runs,
  msPerRun,
}: {
  readonly runs: number;
  /** What one run may take on a machine that has much else to do. */
  readonly msPerRun: number;
}): CheckSettings {
  const numRuns = readWhole("LEASEHOLD_CHECK_RUNS") ?? runs;
  const seed = readWhole("LEASEHOLD_CHECK_SEED");
  const timeoutMs = 60_000 + numRuns * msPerRun;
  return { numRuns, timeoutMs, ...(seed === undefined ? {} : { seed }) };
}

function readWhole(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`${name} must be a whole number.`);
}
