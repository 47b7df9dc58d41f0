/** Where the console's views are, but that of one job. */
export const views: readonly string[] = [
  "overview",
  "queues",
  "jobs",
  "dead-letters",
  "resources",
  "schedules",
  "workers",
  "audit",
];
