import { startsOf } from "./phases.ts";
import type { Ready } from "./rows.ts";
import type { NewJob, Schema, SchemaFunctions } from "./schema.ts";
import { freeUniqueKey, laneOf } from "./settling.ts";

/** The functions that a client calls, and what they share. */
export function createJobs(
  schema: Schema,
): Pick<
  SchemaFunctions,
  "cancelJob" | "enqueueJobs" | "findExistingJob" | "registerType" | "requeueJob"
> {
  const { functions, server, tables } = schema;
  const publicIds = new Map<string, number>();
  const findJob = (publicId: string | undefined) =>
    tables.job.get(publicIds.get(publicId ?? "") ?? 0);
  return {
    // register_type.sql
    registerType: (type) => void tables.jobTypes.set(type.name, type),
    // enqueue_jobs.sql
    enqueueJobs(jobs) {
      const now = server.clock();
      const isDue = ({ dueAt }: Ready): boolean => dueAt <= now;
      const before = [...tables.ready.rows()].filter(isDue);
      let isIdle = false;
      const outcomes = jobs.map((job) => {
        if (functions.findExistingJob(job) !== undefined) return "existing";
        const ready = addJob(schema, job, now);
        publicIds.set(job.id, ready.jobId);
        isIdle ||= isDue(ready) && !before.some((other) => isBeside(ready, other));
        return "created";
      });
      if (isIdle) server.hint();
      return outcomes;
    },
    // find_existing_job.sql
    findExistingJob({ id, queue, idempotencyKey, uniqueKey }) {
      const rows = (): Iterable<{ publicId: string; queue: string; idempotencyKey?: unknown }> =>
        tables.job.rows();
      const same = findJob(id);
      if (same !== undefined) return same.publicId;
      if (idempotencyKey !== undefined) {
        for (const job of rows()) {
          if (job.queue === queue && job.idempotencyKey === idempotencyKey) return job.publicId;
        }
      }
      const holder = tables.uniqueKey.get(`${queue} ${uniqueKey}`);
      return uniqueKey === undefined || holder === undefined
        ? undefined
        : tables.job.get(holder)?.publicId;
    },
    // cancel_job.sql
    cancelJob(publicId) {
      const job = findJob(publicId);
      if (job === undefined) return "not_found";
      const lease = tables.lease.get(job.id);
      if (lease !== undefined) {
        functions.moveLease(lease, { move: "cancel", code: "cancelled" });
        return "ok";
      }
      const ready = tables.ready.delete(job.id);
      if (ready === undefined) return "settled";
      const { phase } = laneOf(schema, ready);
      tables.stopped.set(job.id, {
        state: "cancelled",
        phase,
        code: "cancelled",
        worker: undefined,
        startedAt: undefined,
        finishedAt: server.clock(),
      });
      freeUniqueKey(schema, job.id);
      const code = "cancelled";
      const call = { jobId: job.id, from: "queued", to: "cancelled", phase, code };
      functions.callHook({ ...call, result: undefined });
      return "ok";
    },
    // requeue_job.sql
    requeueJob(publicId) {
      const job = findJob(publicId);
      if (job === undefined) return "not_found";
      const stopped = tables.stopped.get(job.id);
      if (stopped === undefined) return "not_settled";
      if (job.uniqueKey !== undefined) {
        const key = `${job.queue} ${job.uniqueKey}`;
        if (tables.uniqueKey.get(key) !== undefined) return "conflict";
        tables.uniqueKey.set(key, job.id);
      }
      tables.stopped.delete(job.id);
      tables.jobCounter.delete(job.id);
      const { phase } = stopped;
      tables.ready.set(job.id, {
        jobId: job.id,
        laneId: functions.findLane({ ...job, phase, solo: false }),
        priority: job.priority,
        dueAt: server.clock(),
        attempt: startsOf(schema, job.id, phase),
      });
      server.hint();
      const call = { jobId: job.id, from: stopped.state, to: "queued", phase, code: undefined };
      functions.callHook({ ...call, result: undefined });
      return "ok";
    },
  };
}

/** Whether two jobs wait in one line. */
function isBeside(one: Ready, other: Ready): boolean {
  return one.laneId === other.laneId && one.priority === other.priority;
}

/** add_jobs.sql, for one of them. */
function addJob({ functions, tables }: Schema, job: NewJob, now: number): Ready {
  const { id: publicId, queue, type, version, phase, priority, payload } = job;
  const { uniqueKey, idempotencyKey, skipped = {}, delayMs = 0 } = job;
  const id = tables.job.count() + 1;
  const words = { uniqueKey, idempotencyKey };
  const laneId = functions.findLane({ queue, type, version, phase, solo: false });
  tables.job.set(id, { id, publicId, queue, type, version, priority, payload, ...words });
  if (uniqueKey !== undefined) tables.uniqueKey.set(`${queue} ${uniqueKey}`, id);
  const results = Object.entries(skipped).map(([name, { output }]) => ({
    phase: name,
    part: 0,
    attempt: 0,
    output,
  }));
  if (results.length > 0) tables.result.set(id, results);
  const dueAt = now + Math.max(delayMs, 0);
  const ready = { jobId: id, laneId, priority, dueAt, attempt: 0 };
  tables.ready.set(id, ready);
  return ready;
}
