// Runs real workers against a model of the database, in virtual time and with faults: `bun run simulate --seeds 1000`.
// One seed decides everything that happens; `--trace SEED` tells its story, line by line.
import { parseArgs } from "node:util";

import { simulate } from "../test/simulation/simulate.ts";

const msPerHour = 3_600_000;

/** What is printed as the last line with `--json`. */
export interface SimulationSummary {
  readonly seeds: number;
  readonly violations: number;
  readonly events: number;
  readonly virtualHours: number;
  readonly seconds: number;
  readonly firstViolation: { readonly seed: number; readonly violation: string } | null;
}

function runSeeds(from: number, count: number): SimulationSummary {
  const startedAt = performance.now();
  let events = 0;
  let virtualMs = 0;
  const broken: { readonly seed: number; readonly violation: string }[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const report = simulate(seed);
    events += report.events;
    virtualMs += report.virtualMs;
    const { violation } = report;
    if (violation === undefined) continue;
    broken.push({ seed, violation });
    console.log(`seed ${seed}: ${violation} (see: bun run simulate --trace ${seed})`);
  }
  return {
    seeds: count,
    violations: broken.length,
    events,
    virtualHours: round(virtualMs / msPerHour),
    seconds: round((performance.now() - startedAt) / 1000),
    firstViolation: broken[0] ?? null,
  };
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

/** Answers whether nothing was violated. */
function tellStory(seed: number): boolean {
  const { story, violation, states } = simulate(seed, { trace: true });
  for (const line of story) console.log(line);
  console.log(violation ?? `No promise was broken: ${JSON.stringify(states)}.`);
  return violation === undefined;
}

function tellSummary(summary: SimulationSummary): void {
  const { seeds, violations, events, virtualHours, seconds } = summary;
  const perSecond = Math.round(events / Math.max(seconds, 0.1) / 1000);
  console.log(
    `${seeds} seeds, ${violations} violations: ${events} events (${perSecond},000 a second), ` +
      `${virtualHours} virtual hours in ${seconds} s`,
  );
}

function readNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${name} must be a whole number, got ${JSON.stringify(text)}`);
}

function main(): boolean {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      trace: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  if (values.trace !== undefined) return tellStory(readNumber("trace", values.trace));
  const summary = runSeeds(readNumber("from", values.from), readNumber("seeds", values.seeds));
  if (values.json) console.log(JSON.stringify(summary));
  else tellSummary(summary);
  return summary.violations === 0;
}

if (import.meta.main) process.exit(main() ? 0 : 1);
