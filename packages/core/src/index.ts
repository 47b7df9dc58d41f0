export * from "./adapter.ts";
export type { DeadLetterRecord, RequeueFilter, RequeueReport } from "./store/after-routines.ts";
export type {
  NewStarts,
  ReplayAnswer,
  RequeueOptions,
  ResolveAnswer,
} from "./store/after-store.ts";
export { createClient } from "./client/client.ts";
export type { Acting, Client, ClientOptions, EnqueueOptions } from "./client/client.ts";
export type {
  AttemptRecord,
  EnqueueAnswer,
  JobProgress,
  JobRecord,
  QueueRecord,
  ResultRecord,
  SignalAnswer,
  WaitRecord,
} from "./store/client-routines.ts";
export type { Queryable } from "./store/client-store.ts";
export { renderCompatibilityView } from "./schema/compatibility-sql.ts";
export type {
  CompatibilityExpression,
  CompatibilityField,
  CompatibilityView,
} from "./schema/compatibility-sql.ts";
export { parseWorkerSettings, workerDefaults } from "./worker/config.ts";
export type { WorkerSettings } from "./worker/config.ts";
export { openPool } from "./database/database.ts";
export type {
  ConnectionOptions,
  DatabaseConnection,
  Pool,
  PoolOptions,
  Routine,
  SqlRow,
  SqlValue,
  Transaction,
} from "./database/database.ts";
export { createDoctor, doctor } from "./doctor/doctor.ts";
export type { Doctor, DoctorOptions, DoctorRole, ExamineOptions } from "./doctor/doctor.ts";
export type { DoctorCheck, Finding } from "./doctor/doctor-checks.ts";
export * from "./errors.ts";
export type {
  AttemptRef,
  EventSource,
  WorkerEvent,
  WorkerEventListener,
  WorkerEventName,
} from "./events.ts";
export type { JobCause } from "./store/explaining-routines.ts";
export type { Explaining } from "./store/explaining-store.ts";
export type { JobOptions, PriorityName } from "./job-options.ts";
export { jobStates } from "./job-state.ts";
export type { JobState } from "./job-state.ts";
export type { WaitOptions, WatchOptions } from "./client/job-watch.ts";
export * from "./json.ts";
export { defineRoutine } from "./store/lease-routines.ts";
export { coreSql } from "./schema/lease-sql.ts";
export type { SqlBundle, SqlMigration } from "./schema/lease-sql.ts";
export type { Limit, LimitRecord, LimitScope } from "./store/limits-routines.ts";
export type { Limiting } from "./store/limits-store.ts";
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
} from "./store/looking-routines.ts";
export type {
  ActionNote,
  ActionOptions,
  ActionOutcome,
  JobFilter,
  Looking,
  PageOptions,
} from "./store/looking-store.ts";
export {
  defaultSchema,
  migrate,
  migrateRoles,
  printMigrations,
  renderSql,
} from "./schema/migrate.ts";
export type { MigrateOptions, MigrateReport, RoleNames } from "./schema/migrate.ts";
export { toNewJobs } from "./new-job.ts";
export type { NewJobs } from "./new-job.ts";
export type {
  PauseRecord,
  PauseScope,
  RedactAnswer,
  WorkerRecord,
} from "./store/operating-routines.ts";
export type { Operating, PauseOptions } from "./store/operating-store.ts";
export * from "./pipeline.ts";
export { toDriverUrl } from "./database/pooler.ts";
export type { ResourceRecord } from "./store/resources-routines.ts";
export type { OpenBreakerOptions, Resources } from "./store/resources-store.ts";
export type { PruneAnswer, Retention } from "./store/upkeep.ts";
export { coreVersion } from "./version.ts";
export { createWorker } from "./worker/worker.ts";
export type { Worker, WorkerOptions, WorkerState } from "./worker/worker.ts";
