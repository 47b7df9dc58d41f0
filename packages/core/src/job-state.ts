/** Every state of a job, the live ones first; see the table in `docs/architecture.md`. */
export const jobStates = [
  "queued",
  "waiting",
  "leased",
  "completed",
  "failed",
  "dead",
  "cancelled",
] as const;

export type JobState = (typeof jobStates)[number];
