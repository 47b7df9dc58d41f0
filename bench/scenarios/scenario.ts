import type { Lab } from "../measure/lab.ts";
import type { Sizes } from "../sizes.ts";

/** What one run of one contender in one scenario measured. Units are in the names. */
export interface BenchRun {
  readonly scenario: string;
  readonly contender: string;
  /** Under which of the scenario's circumstances; empty when there is only one. */
  readonly variant: string;
  /** From 1. */
  readonly run: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface ScenarioContext {
  readonly lab: Lab;
  readonly sizes: Sizes;
  /** How often each contender is measured. */
  readonly runs: number;
  readonly record: (run: BenchRun) => void;
  /** Says something to whoever waits. */
  readonly note: (text: string) => void;
}

/** Something to be measured. */
export interface Scenario {
  readonly name: string;
  /** In a sentence, for tables and help. */
  readonly about: string;
  measure(context: ScenarioContext): Promise<void>;
}

/** One contender's measurement under one of the scenario's circumstances. */
export interface Series {
  readonly contender: string;
  /** Default: empty. */
  readonly variant?: string;
  readonly measure: () => Promise<Readonly<Record<string, number>>>;
}

/** Measures all series `runs` times, in turns: what drifts on the machine then hits all of them alike. */
export async function measureInTurns(
  context: ScenarioContext,
  { scenario, series }: { readonly scenario: string; readonly series: readonly Series[] },
): Promise<void> {
  for (let run = 1; run <= context.runs; run += 1) {
    for (const { contender, variant = "", measure } of series) {
      const metrics = await measure();
      context.record({ scenario, contender, variant, run, metrics });
    }
  }
}
