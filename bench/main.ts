// Ourselves, our peers and bare SQL in one run: `bun run bench`. What it does and does not show: docs/benchmarks.md.
import { writeFileSync } from "node:fs";

import { type BenchArguments, readArguments, UsageError } from "./arguments.ts";
import { type Lab, openLab } from "./measure/lab.ts";
import { roundTo } from "./measure/numbers.ts";
import { formatResult } from "./report/output.ts";
import type { BenchRun } from "./scenarios/scenario.ts";
import { scenarios } from "./scenarios/scenarios.ts";
import { fullSizes, quickSizes } from "./sizes.ts";

const usage = `bun run bench [--quick] [--only NAME,…] [--runs N] [--json | --markdown]

${scenarios.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join("\n")}
`;

/** Whatever fails after this fails because of it. */
let interrupted = false;

async function main(): Promise<void> {
  const options = readArguments(process.argv.slice(2), scenarios);
  const opening = openLab();
  // The server outlives us if nobody stops it, and so do its files.
  const giveUp = async (): Promise<void> => {
    interrupted = true;
    // Its own failure is told by whoever waits for it below.
    const lab = await opening.catch(() => undefined);
    await lab?.[Symbol.asyncDispose]();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void giveUp());
  await using lab = await opening;
  say(`PostgreSQL ${lab.postgresVersion}, Bun ${process.versions["bun"] ?? "?"}`);
  const runs = await measureAll(lab, options);
  // At once, and not through a stream that the end of the process may cut.
  writeFileSync(1, formatResult({ runs, otherCpu: lab.otherCpu() }, options.format));
}

async function measureAll(lab: Lab, options: BenchArguments): Promise<readonly BenchRun[]> {
  const usual = options.quick ? quickSizes : fullSizes;
  const { runs: asked } = options;
  const sizes = asked === undefined ? usual : { ...usual, runs: asked, pickupRuns: asked };
  const runs: BenchRun[] = [];
  const record = (run: BenchRun): void => {
    runs.push(run);
    const figures = Object.entries(run.metrics).map(
      ([name, value]) => `${name} ${roundTo(3, value)}`,
    );
    say(`${run.scenario} ${run.contender} ${run.variant} ${run.run}: ${figures.join(", ")}`);
  };
  for (const scenario of options.chosen) {
    await scenario.measure({ lab, sizes, runs: sizes.runs, record, note: say });
  }
  return runs;
}

/** Progress goes where it does not mix with the results. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) say(`${error.message}\n\n${usage}`);
  else if (!interrupted)
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
