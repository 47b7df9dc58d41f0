/** How many checks passed, failed and were skipped. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Adds tallies up. */
export function sumTallies(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, tally) => ({
      passed: sum.passed + tally.passed,
      failed: sum.failed + tally.failed,
      skipped: sum.skipped + tally.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** Writes the closing line that `.ci/run` and people look for. */
export function formatTally({ passed, failed, skipped }: Tally): string {
  const skips = skipped > 0 ? `, ${skipped} skipped` : "";
  return `${passed} passed, ${failed} failed${skips}`;
}

/**
 * Counts one test file from Bun's JUnit report and from how the run ended.
 *
 * The report alone is not enough. A file that cannot be loaded, holds no test or ends the process
 * has no report, even where the exit code is 0; an error between two tests is in no test case.
 */
export function countTestFile(report: string | undefined, ok: boolean): Tally {
  const root = report?.match(/<testsuites [^>]*>/)?.[0];
  if (root === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const failures = readCount(root, "failures");
  const skipped = readCount(root, "skipped");
  return {
    passed: readCount(root, "tests") - failures - skipped,
    failed: ok ? failures : Math.max(failures, 1),
    skipped,
  };
}

function readCount(element: string, attribute: string): number {
  const count = element.match(new RegExp(` ${attribute}="(\\d+)"`))?.[1];
  if (count === undefined) throw new Error(`Bun's test report has no count of ${attribute}`);
  return Number(count);
}
