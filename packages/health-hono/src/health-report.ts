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

/**
 * Copies the fields that are ours to show, so that a probe which hands on a database row shows nothing else.
 *
 * Whatever is not plainly good counts as bad. Throws a `TypeError` when there is no report at all.
 */
export function toShownReport(report: HealthReport): HealthReport {
  return {
    status: report.status === "healthy" ? "healthy" : "degraded",
    currentRole: report.currentRole,
    checks: report.checks.map(({ check, status, detail }) => ({
      check,
      status: status === "ok" ? "ok" : "failed",
      detail,
    })),
  };
}
