/** The states of a job; see the table in `docs/architecture.md`. */
export type JobState =
  "queued" | "waiting" | "leased" | "completed" | "failed" | "dead" | "cancelled";
