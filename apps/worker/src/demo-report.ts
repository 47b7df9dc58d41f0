import type { JobRecord } from "@leasehold/core";
import type { SubmissionReport } from "@leasehold/learning";

import { renderTable, type TableView } from "./command-line/table.ts";

/** A sample and what came of it. */
export interface DemoEntry {
  readonly name: string;
  readonly report: SubmissionReport;
  readonly job: JobRecord;
}

interface PhaseSum {
  readonly phase: string;
  readonly attempts: number;
  readonly ms: number;
}

/** Prints the table, what was read, and one feedback in full. */
export function printReport(entries: readonly DemoEntry[]): void {
  console.log(renderTable(entries, view, process.stdout));
  for (const { name, report } of entries) {
    if (report.kind === "text") continue;
    console.log(`\nRead from ${name}:\n${indent(report.text ?? "(nothing)")}`);
  }
  const [first] = entries.filter(({ report }) => report.feedbackMd !== undefined);
  if (first === undefined) return;
  console.log(`\nFeedback to ${first.name}:\n${indent(first.report.feedbackMd ?? "")}\n`);
  for (const result of readAnalysis(first.report).criteria_results ?? []) {
    const score =
      result.score === undefined ? "not assessed" : `${result.score}/${result.max_score ?? 10}`;
    console.log(`  ${result.criterion}: ${score}`);
  }
}

const view: TableView<DemoEntry> = {
  submission: ({ name }) => name,
  kind: ({ report }) => report.kind,
  phases: ({ job }) =>
    sumPhases(job)
      .map(({ phase, attempts, ms }) => `${phase} ${attempts}× ${ms} ms`)
      .join(", "),
  status: ({ report }) =>
    report.errorCode === undefined ? report.status : `${report.status} ${report.errorCode}`,
  schema: ({ report }) => readAnalysis(report).schema,
  score: ({ report }) => readAnalysis(report).score,
};

/** Says how it went; with `--json` as one line that programs read. */
export function printSummary(
  entries: readonly DemoEntry[],
  run: {
    readonly ok: boolean;
    readonly backend: string;
    readonly seconds: number;
    readonly json: boolean;
  },
): void {
  const seconds = Math.round(run.seconds * 100) / 100;
  if (!run.json) {
    const completed = entries.filter(({ report }) => report.status === "completed").length;
    console.log(`\n${completed} of ${entries.length} submissions completed in ${seconds} s.`);
    return;
  }
  const submissions = entries.map(({ report, job }) => ({
    id: report.id,
    kind: report.kind,
    media_type: report.mediaType ?? "text/plain",
    status: report.status,
    phases: sumPhases(job),
    analysis_schema: readAnalysis(report).schema ?? null,
    score: readAnalysis(report).score ?? null,
    provenance: report.provenance ?? {},
  }));
  console.log(JSON.stringify({ ok: run.ok, backend: run.backend, seconds, submissions }));
}

function sumPhases({ attempts }: JobRecord): readonly PhaseSum[] {
  const sums = new Map<string, PhaseSum>();
  for (const { phase, ms } of attempts) {
    const sum = sums.get(phase) ?? { phase, attempts: 0, ms: 0 };
    sums.set(phase, { phase, attempts: sum.attempts + 1, ms: sum.ms + ms });
  }
  return [...sums.values()];
}

interface AnalysisView {
  readonly schema?: string;
  readonly score?: number;
  readonly criteria_results?: readonly {
    readonly criterion: string;
    readonly score?: number;
    readonly max_score?: number;
  }[];
}

/** The worker checked the analysis against its schema before it was stored. */
function readAnalysis({ analysis }: SubmissionReport): AnalysisView {
  return typeof analysis === "object" && analysis !== null ? analysis : {};
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
