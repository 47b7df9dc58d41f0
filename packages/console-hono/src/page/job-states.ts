import type { JobState } from "@leasehold/core";

/** The states of a job, as they follow each other in its life. */
export const jobStates: readonly JobState[] = [
  "queued",
  "leased",
  "waiting",
  "completed",
  "failed",
  "dead",
  "cancelled",
];

export function isJobState(value: unknown): value is JobState {
  return jobStates.some((state) => state === value);
}
