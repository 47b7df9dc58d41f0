// Everything that must hold before a commit, with one command: `bun run verify`.
//
// It needs nothing but Bun: dependencies are installed first. Every check runs, also after
// another one failed, so that all problems are seen at once; each has a time limit.
//
// Test files are named `*.test.ts`. Those named `*.full.ts` take long or want tools that are not
// everywhere; plain `bun test` does not find them, and `--full` runs them, one at a time, after
// the others. Each file runs in a process of its own: one that hangs or crashes costs its own
// results only, and cannot leave anything behind for its neighbours.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { listProjectFiles } from "./project-files.ts";
import { runCommand } from "./run-command.ts";
import { countTestFile, formatTally, sumTallies, type Tally } from "./tally.ts";

const minuteMs = 60_000;
const limitMs = {
  install: 5 * minuteMs,
  check: 3 * minuteMs,
  testFile: 4 * minuteMs,
  fullTestFile: 30 * minuteMs,
  total: 14 * minuteMs,
  totalFull: 74 * minuteMs,
} as const;
const parallelMax = 4;

/** One thing that is checked: a command, or a file of tests. */
interface Check {
  readonly name: string;
  readonly run: (root: string, signal: AbortSignal) => Promise<Outcome>;
}

/** What a check found, and what it wrote. */
export interface Outcome {
  readonly tally: Tally;
  readonly output: string;
}

interface Result {
  readonly name: string;
  readonly tally: Tally;
}

/** Runs one test file in its own process and counts its tests. */
export async function runTestFile(
  path: string,
  options: { readonly cwd: string; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), "leasehold-report-"));
  try {
    const reportPath = join(directory, "report.xml");
    const { ok, output } = await runCommand(
      [
        process.execPath,
        "test",
        // Bun's own limit per test is for a machine that has nothing else to do.
        "--timeout=20000",
        "--reporter=junit",
        `--reporter-outfile=${reportPath}`,
        `./${path}`,
      ],
      options,
    );
    const report = await readFile(reportPath, "utf8").catch(() => undefined);
    return { tally: countTestFile(report, ok), output };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function verify(root: string, full: boolean, stopped: AbortSignal): Promise<Tally> {
  const deadline = AbortSignal.timeout(full ? limitMs.totalFull : limitMs.total);
  const signal = AbortSignal.any([deadline, stopped]);
  const files = listProjectFiles(root);
  const tests = files.filter((path) => path.endsWith(".test.ts")).toSorted(bySpanDescending);
  if (tests.length === 0) throw new Error(`no test files found in ${root}`);
  const fullTests = full ? files.filter((path) => path.endsWith(".full.ts")) : [];

  const install = [commandCheck("install", ["install", "--frozen-lockfile"], limitMs.install)];
  const quick = [
    commandCheck("format", ["fmt", "--check"], limitMs.check),
    commandCheck("lint", ["run", "lint", "--format=unix"], limitMs.check),
    commandCheck("types", ["check"], limitMs.check),
    ...tests.map((path) => testCheck(path, limitMs.testFile)),
  ];
  const slow = fullTests.map((path) => testCheck(path, limitMs.fullTestFile));

  // A file of tests computes for about three fifths of its time, and waits for timers and answers in the rest.
  const parallel = Math.min(parallelMax, availableParallelism() + 1);
  const results = [
    ...(await runChecks(install, { root, signal, parallel: 1 })),
    ...(await runChecks(quick, { root, signal, parallel })),
    ...(await runChecks(slow, { root, signal, parallel: 1 })),
  ];

  const failed = results.filter(({ tally }) => tally.failed > 0).map(({ name }) => `  ${name}`);
  if (failed.length > 0) console.log(`\nFailed:\n${failed.join("\n")}`);
  if (deadline.aborted) console.log("\nThe time for the whole run was used up.");
  return sumTallies(results.map(({ tally }) => tally));
}

/** What spans packages takes longest, and must not be what everyone waits for at the end. */
function bySpanDescending(left: string, right: string): number {
  return Number(right.startsWith("test/")) - Number(left.startsWith("test/"));
}

function commandCheck(name: string, args: readonly string[], timeoutMs: number): Check {
  return {
    name,
    run: async (cwd, signal) => {
      // The Bun that runs this script may be on nobody's PATH.
      const argv = [process.execPath, ...args] as const;
      const { ok, output } = await runCommand(argv, { cwd, timeoutMs, signal });
      return { tally: { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 }, output };
    },
  };
}

function testCheck(path: string, timeoutMs: number): Check {
  return { name: path, run: (cwd, signal) => runTestFile(path, { cwd, timeoutMs, signal }) };
}

interface RunOptions {
  readonly root: string;
  readonly signal: AbortSignal;
  readonly parallel: number;
}

async function runChecks(
  checks: readonly Check[],
  { root, signal, parallel }: RunOptions,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = [...checks];
  const runQueue = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const startedAt = performance.now();
      const outcome = await check.run(root, signal).catch(toFailure);
      results.push({ name: check.name, tally: outcome.tally });
      printOutcome(check.name, outcome, performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: parallel }, runQueue));
  return results;
}

function toFailure(error: unknown): Outcome {
  return { tally: { passed: 0, failed: 1, skipped: 0 }, output: String(error) };
}

function printOutcome(name: string, { tally, output }: Outcome, durationMs: number): void {
  const word = tally.failed > 0 ? "FAIL" : "ok  ";
  console.log(`${word} ${name}: ${formatTally(tally)} (${(durationMs / 1_000).toFixed(1)} s)`);
  // A test that skips itself says why, and that must be seen too.
  const telling = tally.failed > 0 ? /^(?!\(pass\))/ : /^\(skip\)|^\(todo\)|\bskipped: /;
  const lines = tally.failed + tally.skipped > 0 ? output.trim().split("\n") : [];
  for (const line of lines.filter((each) => telling.test(each))) console.log(`     | ${line}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { full: { type: "boolean", default: false } } });
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopped.abort());

  const tally = await verify(join(import.meta.dirname, ".."), values.full, stopped.signal);

  console.log(`\n${formatTally(tally)}`);
  process.exit(tally.failed > 0 ? 1 : 0);
}

if (import.meta.main) await main();
