import { median } from "../measure/numbers.ts";
import type { BenchRun } from "../scenarios/scenario.ts";

/** One side of a ratio: the median of a metric over the runs of a contender in a scenario. */
interface Side {
  readonly scenario: string;
  readonly contender: string;
  readonly metric: string;
}

/** A ratio of medians. Of several sides to compare with, the best counts: the highest. */
interface RatioDefinition {
  readonly name: string;
  readonly of: Side;
  readonly to: readonly Side[];
}

const ours = "leasehold";
const graphile = "graphile-worker";

function between(
  name: string,
  scenario: string,
  { metric = "jobs_per_second", rivals }: { metric?: string; rivals: readonly string[] },
): RatioDefinition {
  return {
    name,
    of: { scenario, contender: ours, metric },
    to: rivals.map((contender) => ({ scenario, contender, metric })),
  };
}

/** Every ratio that the bench knows, in the order of its table. */
export const ratioDefinitions: readonly RatioDefinition[] = [
  between("drain1_vs_graphile", "drain1", { rivals: [graphile] }),
  between("drain4_vs_graphile", "drain4", { rivals: [graphile] }),
  between("drain1_vs_bare", "drain1", { rivals: ["bare-loop"] }),
  between("single_vs_bare", "single", { rivals: ["bare-loop"] }),
  between("enqueue1_vs_graphile", "enqueue1", { rivals: [graphile] }),
  between("enqueue_batch_vs_best_peer", "enqueue_batch", { rivals: [graphile, "pg-boss"] }),
  between("pickup_p95_vs_graphile", "pickup", { metric: "p95_ms", rivals: [graphile] }),
  between("snapshot_held_vs_free", "snapshot_held", { rivals: [] }),
  between("wal_vs_graphile", "drain1", { metric: "wal_bytes_life", rivals: [graphile] }),
  between("client_cpu_vs_graphile", "drain1", {
    metric: "client_cpu_s_per_1k",
    rivals: [graphile],
  }),
];

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
  const values = runs
    .filter(({ scenario, contender }) => scenario === side.scenario && contender === side.contender)
    .flatMap(({ metrics }) => metrics[side.metric] ?? []);
  return values.length === 0 ? undefined : median(values);
}
