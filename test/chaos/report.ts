import type { ChaosReport } from "./chaos-run.ts";

/** The figures of a run, for programs. */
export interface ChaosSummary {
  readonly jobs: number;
  readonly completed: number;
  readonly failed: number;
  readonly dead: number;
  readonly lost: number;
  readonly double: number;
  readonly terminal: number;
  /** Per phase that a job went through. */
  readonly starts: number;
  readonly reruns_of_checkpointed: number;
  readonly seconds: number;
}

export function summarise({ verdict, seconds }: ChaosReport): ChaosSummary {
  const { jobs, completed, failed, dead, lost, double, terminal } = verdict;
  return {
    jobs,
    completed,
    failed,
    dead,
    lost,
    double,
    terminal,
    starts: round(verdict.starts, 3),
    reruns_of_checkpointed: verdict.rerunsOfCheckpointed,
    seconds: round(seconds, 1),
  };
}

/** Whether the run kept every promise. */
export function isClean({ verdict, crashes }: ChaosReport): boolean {
  const { jobs, completed, violations } = verdict;
  return completed === jobs && violations.length === 0 && crashes.length === 0;
}

const shownMax = 20;

/** What happened in a run and what was wrong with it, for people. */
export function describeRun(report: ChaosReport): string {
  const { verdict, crashes, dismissals, historyFile } = report;
  const { losses, violations } = verdict;
  const lines = [
    `jobs that lost a worker once, twice, and so on: ${losses.join(", ") || "none"}`,
    ...(dismissals.length === 0 ? [] : [describeDismissals(dismissals)]),
    ...violations
      .slice(0, shownMax)
      .map(({ promise, jobId }) => `broken: ${promise} (job ${jobId})`),
    ...(violations.length > shownMax ? [`and ${violations.length - shownMax} more`] : []),
    ...crashes.map(({ name, how, complaint }) => `${name} ended by ${how}: ${complaint.trim()}`),
    ...(historyFile === undefined ? [] : [`what the processes said is in ${historyFile}`]),
  ];
  return lines.join("\n");
}

function describeDismissals(dismissals: readonly number[]): string {
  const slowest = Math.round(Math.max(...dismissals));
  return `${dismissals.length} workers were dismissed; the slowest took ${slowest} ms to go`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
