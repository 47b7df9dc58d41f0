import type { ViewName } from "./words.ts";

/** In the order of the navigation. */
export const viewNames: readonly ViewName[] = [
  "overview",
  "queues",
  "jobs",
  "dead-letters",
  "resources",
  "schedules",
  "workers",
  "audit",
];
