export * from "./adapter.ts";
export type { DeadLetterRecord, RequeueFilter, RequeueReport } from "./after-routines.ts";
export type { NewStarts, ReplayAnswer, RequeueOptions, ResolveAnswer } from "./after-store.ts";
export { createClient } from "./client.ts";
export type { Acting, Client, ClientOptions, EnqueueOptions } from "./client.ts";
export type {
  AttemptRecord,
  EnqueueAnswer,
  JobProgress,
  JobRecord,
  QueueRecord,
  ResultRecord,
  SignalAnswer,
  WaitRecord,
} from "./client-routines.ts";
export type { Queryable } from "./client-store.ts";
export { renderCompatibilityView } from "./compatibility-sql.ts";
export type {
  CompatibilityExpression,
  CompatibilityField,
  CompatibilityView,
} from "./compatibility-sql.ts";
export { parseWorkerSettings, workerDefaults } from "./config.ts";
export type { WorkerSettings } from "./config.ts";
export { openPool } from "./database.ts";
export type {
  ConnectionOptions,
  DatabaseConnection,
  Pool,
  PoolOptions,
  Routine,
  SqlRow,
  SqlValue,
  Transaction,
} from "./database.ts";
export { createDoctor, doctor } from "./doctor.ts";
export type { Doctor, DoctorOptions, DoctorRole, ExamineOptions } from "./doctor.ts";
export type { DoctorCheck, Finding } from "./doctor-checks.ts";
export * from "./errors.ts";
export type {
  AttemptRef,
  EventSource,
  WorkerEvent,
  WorkerEventListener,
  WorkerEventName,
} from "./events.ts";
export type { JobCause } from "./explaining-routines.ts";
export type { Explaining } from "./explaining-store.ts";
export type { JobOptions, PriorityName } from "./job-options.ts";
export { jobStates } from "./job-state.ts";
export type { JobState } from "./job-state.ts";
export type { WaitOptions, WatchOptions } from "./job-watch.ts";
export * from "./json.ts";
export { defineRoutine } from "./lease-routines.ts";
export { coreSql } from "./lease-sql.ts";
export type { SqlBundle, SqlMigration } from "./lease-sql.ts";
export type { Limit, LimitRecord, LimitScope } from "./limits-routines.ts";
export type { Limiting } from "./limits-store.ts";
export type {
  ActionRecord,
  AttemptTrace,
  ChildTrace,
  CountedJob,
  JobListing,
  JobPage,
  JobTimeline,
  PhaseRecord,
  RevealedJob,
  SignalRecord,
  ThroughputRecord,
} from "./looking-routines.ts";
export type {
  ActionNote,
  ActionOptions,
  ActionOutcome,
  JobFilter,
  Looking,
  PageOptions,
} from "./looking-store.ts";
export { defaultSchema, migrate, migrateRoles, printMigrations, renderSql } from "./migrate.ts";
export type { MigrateOptions, MigrateReport, RoleNames } from "./migrate.ts";
export { toNewJobs } from "./new-job.ts";
export type { NewJobs } from "./new-job.ts";
export type { PauseRecord, PauseScope, RedactAnswer, WorkerRecord } from "./operating-routines.ts";
export type { Operating, PauseOptions } from "./operating-store.ts";
export * from "./pipeline.ts";
export { toDriverUrl } from "./pooler.ts";
export type { ResourceRecord } from "./resources-routines.ts";
export type { OpenBreakerOptions, Resources } from "./resources-store.ts";
export type { PruneAnswer, Retention } from "./upkeep.ts";
export { coreVersion } from "./version.ts";
export { createWorker } from "./worker.ts";
export type { Worker, WorkerOptions, WorkerState } from "./worker.ts";
