/** One thing that was looked at. */
export interface HealthCheck {
  readonly check: string;
  readonly status: "ok" | "failed";
  /** A word of our own, such as `probe_timeout`. Never the text of an error. */
  readonly detail: string | null;
}

/** What the health route answers: 200 when healthy, 503 when degraded. */
export interface HealthReport {
  readonly status: "healthy" | "degraded";
  /** The database role that the probe ran as. `null` when it could not be asked. */
  readonly currentRole: string | null;
  readonly checks: readonly HealthCheck[];
}

/** What is said when the probe says nothing. The runbook tells its operator to look for `db_role failed`. */
export function toUnknownReport(detail: "probe_failed" | "probe_timeout"): HealthReport {
  return {
    status: "degraded",
    currentRole: null,
    checks: [{ check: "db_role", status: "failed", detail }],
  };
}

/** What is said when the deep probe says nothing. */
export function toUnknownDepth(detail: "probe_failed" | "probe_timeout"): readonly HealthCheck[] {
  return [{ check: "deep_probe", status: "failed", detail }];
}

/** The report of who asked for both: as healthy as the worse of them. */
export function joinReports(report: HealthReport, deep: readonly HealthCheck[]): HealthReport {
  const isWell = deep.every(({ status }) => status === "ok");
  return {
    ...report,
    status: isWell ? report.status : "degraded",
    checks: [...report.checks, ...deep],
  };
}

/**
 * Copies the fields that are ours to show, so that a probe which hands on a database row shows nothing else.
 *
 * Whatever is not plainly good counts as bad. Throws a `TypeError` when there is no report at all.
 */
export function toShownReport(report: HealthReport): HealthReport {
  return {
    status: report.status === "healthy" ? "healthy" : "degraded",
    currentRole: report.currentRole,
    checks: toShownChecks(report.checks),
  };
}

/** The same for checks alone. */
export function toShownChecks(checks: readonly HealthCheck[]): readonly HealthCheck[] {
  return checks.map(({ check, status, detail }) => ({
    check,
    status: status === "ok" ? "ok" : "failed",
    // A host in JavaScript may leave it out.
    detail: typeof detail === "string" ? cut(detail) : null,
  }));
}

/** Code points of a detail that are shown: nobody reads on, and nobody fills an answer with what he put into a name. */
const detailCodePointsMax = 1024;

function cut(detail: string): string {
  if (detail.length <= detailCodePointsMax) return detail;
  return Array.from(detail).slice(0, detailCodePointsMax).join("");
}
