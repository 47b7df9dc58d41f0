import { median, roundTo } from "../measure/numbers.ts";
import type { BenchRun } from "../scenarios/scenario.ts";

/** One scenario's medians, one row per contender. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Medians, and the least and the most where there was more than one run. */
export function toTables(runs: readonly BenchRun[]): readonly Table[] {
  const scenarios = [...new Set(runs.map(({ scenario }) => scenario))];
  return scenarios.map((scenario) => {
    const mine = runs.filter((run) => run.scenario === scenario);
    const metrics = [...new Set(mine.flatMap((run) => Object.keys(run.metrics)))];
    const contenders = [...new Set(mine.map(nameOf))];
    return {
      title: scenario,
      header: ["", "runs", ...metrics],
      rows: contenders.map((contender) => {
        const rows = mine.filter((run) => nameOf(run) === contender);
        const cells = metrics.map((metric) =>
          formatSpread(rows.flatMap((run) => run.metrics[metric] ?? [])),
        );
        return [contender, String(rows.length), ...cells];
      }),
    };
  });
}

function nameOf({ contender, variant }: BenchRun): string {
  return variant === "" ? contender : `${contender}, ${variant}`;
}

export function toRatioTable(ratios: Readonly<Record<string, number>>): Table {
  return {
    title: "ratios of medians",
    header: ["ratio", ""],
    rows: Object.entries(ratios).map(([name, value]) => [name, formatNumber(value)]),
  };
}

/** Columns for a terminal. */
export function formatTable({ title, header, rows }: Table): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? "").length)),
  );
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `\n${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

export function formatMarkdown({ title, header, rows }: Table): string {
  const lines = [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  return `\n### ${title}\n\n${lines.join("\n")}\n`;
}

function formatSpread(values: readonly number[]): string {
  if (values.length === 0) return "";
  const middle = formatNumber(median(values));
  if (values.length === 1) return middle;
  return `${middle} (${formatNumber(Math.min(...values))} to ${formatNumber(Math.max(...values))})`;
}

function formatNumber(value: number): string {
  return roundTo(3, value).toLocaleString("en", { maximumSignificantDigits: 3 });
}
