import { median } from "../measure/numbers.ts";
import type { BenchRun } from "../scenarios/scenario.ts";

/** One side of a ratio: the median of a metric over the runs of a contender in a scenario. */
interface Side {
  readonly scenario: string;
  readonly contender: string;
  readonly variant: string;
  readonly metric: string;
}

/** A ratio of medians. Of several sides to compare with, the best counts: the highest. */
interface RatioDefinition {
  readonly name: string;
  readonly of: Side;
  readonly to: readonly Side[];
}

const us = { contender: "leasehold", variant: "", metric: "jobs_per_second" };
const graphile = { ...us, contender: "graphile-worker" };
const pgBoss = { ...us, contender: "pg-boss" };
const bare = { ...us, contender: "bare-loop" };

/** Every ratio that the bench knows, in the order of its table. */
export const ratioDefinitions: readonly RatioDefinition[] = [
  compare("drain1_vs_graphile", "drain1", [us, graphile]),
  compare("drain4_vs_graphile", "drain4", [us, graphile]),
  compare("drain1_vs_bare", "drain1", [us, bare]),
  compare("single_vs_bare", "single", [us, bare]),
  compare("enqueue1_vs_graphile", "enqueue1", [us, graphile]),
  compare("enqueue_batch_vs_best_peer", "enqueue_batch", [us, graphile, pgBoss]),
  compare("pickup_p95_vs_graphile", "pickup", inMetric("p95_ms", [us, graphile])),
  compare("snapshot_held_vs_free", "snapshot", inVariants("held", "free")),
  compare("backlog_1m_vs_10k", "backlog", inVariants("large", "small")),
  compare("delayed_1m_vs_none", "delayed", inVariants("many", "none")),
  compare("foreign_1m_vs_none", "foreign", inVariants("many", "none")),
  compare("paused_1m_vs_none", "paused", inVariants("many", "none")),
  compare("no_statistics_vs_analysed", "statistics", inVariants("none", "analysed")),
  compare("wal_vs_graphile", "drain1", inMetric("wal_bytes_life", [us, graphile])),
  compare("client_cpu_vs_graphile", "drain1", inMetric("client_cpu_s_per_1k", [us, graphile])),
];

type WhoseFigure = Omit<Side, "scenario">;

function compare(
  name: string,
  scenario: string,
  [of, ...to]: readonly [WhoseFigure, ...WhoseFigure[]],
): RatioDefinition {
  return { name, of: { ...of, scenario }, to: to.map((side) => ({ ...side, scenario })) };
}

function inMetric(
  metric: string,
  [of, ...to]: readonly [WhoseFigure, ...WhoseFigure[]],
): readonly [WhoseFigure, ...WhoseFigure[]] {
  return [{ ...of, metric }, ...to.map((side) => ({ ...side, metric }))];
}

function inVariants(of: string, to: string): readonly [WhoseFigure, ...WhoseFigure[]] {
  return [
    { ...us, variant: of },
    { ...us, variant: to },
  ];
}

/** Computes the ratios whose scenarios were run. */
export function computeRatios(runs: readonly BenchRun[]): Readonly<Record<string, number>> {
  const ratios: Record<string, number> = {};
  for (const { name, of, to } of ratioDefinitions) {
    const numerator = findMedian(runs, of);
    const rivals = to.map((side) => findMedian(runs, side));
    const known = rivals.filter((value) => value !== undefined);
    if (numerator === undefined || known.length === 0 || known.length < rivals.length) continue;
    ratios[name] = numerator / Math.max(...known);
  }
  return ratios;
}

function findMedian(runs: readonly BenchRun[], side: Side): number | undefined {
  const { scenario, contender, variant, metric } = side;
  const values = runs
    .filter((run) => run.scenario === scenario)
    .filter((run) => run.contender === contender && run.variant === variant)
    .flatMap(({ metrics }) => metrics[metric] ?? []);
  return values.length === 0 ? undefined : median(values);
}
