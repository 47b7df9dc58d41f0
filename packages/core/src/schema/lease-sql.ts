import setExpiry from "../../sql/after/set_expiry.sql" with { type: "text" };
import addJob from "../../sql/jobs/add_job.sql" with { type: "text" };
import addJobs from "../../sql/jobs/add_jobs.sql" with { type: "text" };
import cancelJob from "../../sql/jobs/cancel_job.sql" with { type: "text" };
import currentLogin from "../../sql/jobs/current_login.sql" with { type: "text" };
import enqueueJobs from "../../sql/jobs/enqueue_jobs.sql" with { type: "text" };
import findExistingJob from "../../sql/jobs/find_existing_job.sql" with { type: "text" };
import getJob from "../../sql/jobs/get_job.sql" with { type: "text" };
import getJobV2 from "../../sql/jobs/get_job_v2.sql" with { type: "text" };
import getQueue from "../../sql/jobs/get_queue.sql" with { type: "text" };
import getQueueV2 from "../../sql/jobs/get_queue_v2.sql" with { type: "text" };
import getResults from "../../sql/jobs/get_results.sql" with { type: "text" };
import jobOverview from "../../sql/jobs/job_overview.sql" with { type: "text" };
import keyLocks from "../../sql/jobs/key_locks.sql" with { type: "text" };
import lockConflicts from "../../sql/jobs/lock_conflicts.sql" with { type: "text" };
import newId from "../../sql/jobs/new_id.sql" with { type: "text" };
import queueHealth from "../../sql/jobs/queue_health.sql" with { type: "text" };
import registerType from "../../sql/jobs/register_type.sql" with { type: "text" };
import replaceJob from "../../sql/jobs/replace_job.sql" with { type: "text" };
import requeueJob from "../../sql/jobs/requeue_job.sql" with { type: "text" };
import resolveConflict from "../../sql/jobs/resolve_conflict.sql" with { type: "text" };
import restartJob from "../../sql/jobs/restart_job.sql" with { type: "text" };
import schemaVersion from "../../sql/jobs/schema_version.sql" with { type: "text" };
import newIdOfServer18 from "../../sql/jobs/server_18/new_id.sql" with { type: "text" };
import stopJob from "../../sql/jobs/stop_job.sql" with { type: "text" };
import toPriority from "../../sql/jobs/to_priority.sql" with { type: "text" };
import abandonClaim from "../../sql/leasing/abandon_claim.sql" with { type: "text" };
import answerStale from "../../sql/leasing/answer_stale.sql" with { type: "text" };
import backoffMs from "../../sql/leasing/backoff_ms.sql" with { type: "text" };
import callHook from "../../sql/leasing/call_hook.sql" with { type: "text" };
import chargeEffect from "../../sql/leasing/charge_effect.sql" with { type: "text" };
import chargeLease from "../../sql/leasing/charge_lease.sql" with { type: "text" };
import checkpointJob from "../../sql/leasing/checkpoint_job.sql" with { type: "text" };
import claimJobs from "../../sql/leasing/claim_jobs.sql" with { type: "text" };
import claimJobsV2 from "../../sql/leasing/claim_jobs_v2.sql" with { type: "text" };
import claimPlain from "../../sql/leasing/claim_plain.sql" with { type: "text" };
import clock from "../../sql/leasing/clock.sql" with { type: "text" };
import completeAndClaim from "../../sql/leasing/complete_and_claim.sql" with { type: "text" };
import completeGroup from "../../sql/leasing/complete_group.sql" with { type: "text" };
import completeJob from "../../sql/leasing/complete_job.sql" with { type: "text" };
import completeJobs from "../../sql/leasing/complete_jobs.sql" with { type: "text" };
import declareLanes from "../../sql/leasing/declare_lanes.sql" with { type: "text" };
import endByEffect from "../../sql/leasing/end_by_effect.sql" with { type: "text" };
import failJob from "../../sql/leasing/fail_job.sql" with { type: "text" };
import findLane from "../../sql/leasing/find_lane.sql" with { type: "text" };
import followClock from "../../sql/leasing/follow_clock.sql" with { type: "text" };
import hintWorkers from "../../sql/leasing/hint_workers.sql" with { type: "text" };
import holdLease from "../../sql/leasing/hold_lease.sql" with { type: "text" };
import isServerTrouble from "../../sql/leasing/is_server_trouble.sql" with { type: "text" };
import lapseLeases from "../../sql/leasing/lapse_leases.sql" with { type: "text" };
import loadResults from "../../sql/leasing/load_results.sql" with { type: "text" };
import moveLease from "../../sql/leasing/move_lease.sql" with { type: "text" };
import passPhase from "../../sql/leasing/pass_phase.sql" with { type: "text" };
import releaseJob from "../../sql/leasing/release_job.sql" with { type: "text" };
import renewLeases from "../../sql/leasing/renew_leases.sql" with { type: "text" };
import retryJob from "../../sql/leasing/retry_job.sql" with { type: "text" };
import savePart from "../../sql/leasing/save_part.sql" with { type: "text" };
import settleLease from "../../sql/leasing/settle_lease.sql" with { type: "text" };
import startJob from "../../sql/leasing/start_job.sql" with { type: "text" };
import storeResult from "../../sql/leasing/store_result.sql" with { type: "text" };
import createLeasehold from "../../sql/migrations/0001_create_leasehold.sql" with { type: "text" };
import addPause from "../../sql/migrations/0002_add_pause.sql" with { type: "text" };
import addTrace from "../../sql/migrations/0003_add_trace.sql" with { type: "text" };
import addWorkerRegistry from "../../sql/migrations/0004_add_worker_registry.sql" with { type: "text" };
import addRetention from "../../sql/migrations/0005_add_retention.sql" with { type: "text" };
import addResources from "../../sql/migrations/0006_add_resources.sql" with { type: "text" };
import extendJobs from "../../sql/migrations/0007_extend_jobs.sql" with { type: "text" };
import addLimits from "../../sql/migrations/0008_add_limits.sql" with { type: "text" };
import addStructure from "../../sql/migrations/0009_add_structure.sql" with { type: "text" };
import addProgress from "../../sql/migrations/0010_add_progress.sql" with { type: "text" };
import tuneVacuum from "../../sql/migrations/0011_tune_vacuum.sql" with { type: "text" };
import addWorkerLanes from "../../sql/migrations/0012_add_worker_lanes.sql" with { type: "text" };
import narrowLease from "../../sql/migrations/0013_narrow_lease.sql" with { type: "text" };
import addActions from "../../sql/migrations/0014_add_actions.sql" with { type: "text" };
import widenPause from "../../sql/migrations/0015_widen_pause.sql" with { type: "text" };
import ownSchema from "../../sql/roles/own_schema.sql" with { type: "text" };
import { afterDefinitions } from "./after-sql.ts";
import { explainingDefinitions } from "./explaining-sql.ts";
import { limitsDefinitions } from "./limits-sql.ts";
import { lookingDefinitions } from "./looking-sql.ts";
import { operatingDefinitions } from "./operating-sql.ts";
import { resourcesDefinitions } from "./resources-sql.ts";
import { runningDefinitions } from "./running-sql.ts";
import { structureDefinitions } from "./structure-sql.ts";

/** SQL that belongs together: migrations that run once, and definitions that every migrate writes anew. */
export interface SqlBundle {
  /** `[a-z][a-z0-9_]*`; `core` is ours. */
  readonly name: string;
  readonly migrations: readonly SqlMigration[];
  /** Functions and views, in the order they need each other. */
  readonly definitions: readonly string[];
  /** What the roles may do, in terms of `:"owner"`, `:"worker"` and `:"limited"`. Applied by `migrateRoles` only. */
  readonly grants?: string;
}

export interface SqlMigration {
  /** From 1, without gaps. */
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

/** The SQL of the leasing core. `:"schema"` stands for the schema's name. */
export const coreSql: SqlBundle = {
  name: "core",
  migrations: [
    { version: 1, name: "create_leasehold", text: createLeasehold },
    { version: 2, name: "add_pause", text: addPause },
    { version: 3, name: "add_trace", text: addTrace },
    { version: 4, name: "add_worker_registry", text: addWorkerRegistry },
    { version: 5, name: "add_retention", text: addRetention },
    { version: 6, name: "add_resources", text: addResources },
    { version: 7, name: "extend_jobs", text: extendJobs },
    { version: 8, name: "add_limits", text: addLimits },
    { version: 9, name: "add_structure", text: addStructure },
    { version: 10, name: "add_progress", text: addProgress },
    { version: 11, name: "tune_vacuum", text: tuneVacuum },
    { version: 12, name: "add_worker_lanes", text: addWorkerLanes },
    { version: 13, name: "narrow_lease", text: narrowLease },
    { version: 14, name: "add_actions", text: addActions },
    { version: 15, name: "widen_pause", text: widenPause },
  ],
  definitions: [
    clock,
    backoffMs,
    findLane,
    hintWorkers,
    callHook,
    storeResult,
    chargeLease,
    moveLease,
    isServerTrouble,
    endByEffect,
    chargeEffect,
    settleLease,
    answerStale,
    passPhase,
    declareLanes,
    claimPlain,
    claimJobsV2,
    claimJobs,
    abandonClaim,
    startJob,
    renewLeases,
    holdLease,
    savePart,
    loadResults,
    checkpointJob,
    completeJob,
    completeGroup,
    completeJobs,
    completeAndClaim,
    retryJob,
    releaseJob,
    failJob,
    followClock,
    lapseLeases,
    registerType,
    keyLocks,
    lockConflicts,
    findExistingJob,
    newId,
    newIdOfServer18,
    toPriority,
    setExpiry,
    addJob,
    addJobs,
    stopJob,
    replaceJob,
    resolveConflict,
    enqueueJobs,
    cancelJob,
    restartJob,
    requeueJob,
    ...afterDefinitions,
    jobOverview,
    queueHealth,
    getJob,
    getJobV2,
    getResults,
    getQueue,
    getQueueV2,
    schemaVersion,
    currentLogin,
    ...operatingDefinitions,
    ...resourcesDefinitions,
    ...structureDefinitions,
    ...limitsDefinitions,
    ...runningDefinitions,
    ...explainingDefinitions,
    ...lookingDefinitions,
  ],
  grants: ownSchema,
};
