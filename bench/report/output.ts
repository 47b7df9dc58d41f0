import { roundTo } from "../measure/numbers.ts";
import type { BenchRun } from "../scenarios/scenario.ts";
import { computeRatios } from "./ratios.ts";
import { formatMarkdown, formatTable, toRatioTable, toTables } from "./table.ts";

/** Everything that was measured. */
export interface BenchResult {
  readonly runs: readonly BenchRun[];
  /** Cores that other programs kept busy. */
  readonly otherCpu: number;
}

/** Writes the result down, for people, for a page of documentation, or for a program. */
export function formatResult(
  { runs, otherCpu }: BenchResult,
  format: "text" | "json" | "markdown",
): string {
  const ratios = computeRatios(runs);
  if (format === "json") {
    return `${JSON.stringify({ ratios, runs, other_cpu: otherCpu }, roundNumbers)}\n`;
  }
  const tables = [...toTables(runs), toRatioTable(ratios)];
  const text = tables.map(format === "text" ? formatTable : formatMarkdown).join("");
  return `${text}\nOther programs used ${roundTo(2, otherCpu)} cores while we measured.\n`;
}

/** More digits than anybody measured would only make the line long. */
function roundNumbers(_: string, value: unknown): unknown {
  return typeof value === "number" ? roundTo(5, value) : value;
}
