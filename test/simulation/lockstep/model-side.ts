import { createSchema } from "../model/create-schema.ts";
import { type Schema, type SchemaFunctions, SqlError } from "../model/schema.ts";
import { toDatabaseError } from "../production.ts";
import { limits, type RowSight, type Side, type Sight, types } from "./side.ts";

export interface ModelSide extends Side {
  readonly schema: Schema;
  /** What Postgres shows after the same command: its random delays are taken from there, if they are in bounds. */
  follow(sight: Sight): void;
}

/** Functions of the model that are created again, wrongly. */
export type Mistake = (schema: Schema) => Partial<SchemaFunctions>;

/** The model, its clock so far from its server's start (below 0: before it). */
export function createModelSide(startMs: number, mistake?: Mistake): ModelSide {
  let nowMs = startMs;
  let ticks = 0;
  let followed: Sight = { jobs: [], resources: [] };
  let fault = { to: "none", sqlstate: "" };
  const schema = createSchema({
    clock: () => nowMs + (ticks += 0.001),
    startedAt: () => 0,
    isLocked: () => false,
    pause(pauseMs, resource) {
      const openUntil = followed.resources.find(({ id }) => id === resource)?.times["openUntil"];
      const seen = Math.floor((openUntil ?? 0) - nowMs);
      return seen >= pauseMs / 2 && seen <= pauseMs ? seen : pauseMs / 2;
    },
    hint: () => undefined,
    hintKeepers: () => undefined,
    raises: ({ to }) => (fault.to === "%" || fault.to === to ? fault.sqlstate : undefined),
    jitter(delayMs, jobId) {
      const id = schema.tables.job.get(jobId)?.publicId;
      const dueAt = followed.jobs.find((job) => job.id === id)?.times["dueAt"];
      const seen = Math.floor((dueAt ?? 0) - nowMs);
      // Out of bounds is what is undone again, or what the caller asked for; else it shows as a difference.
      return seen >= delayMs / 2 && seen <= delayMs ? seen : delayMs / 2;
    },
  });
  schema.replace(mistake?.(schema) ?? {});
  const { functions, tables } = schema;
  for (const { name, hasHook } of types) functions.registerType({ ...limits, name, hasHook });
  const lanes = types.flatMap(({ name: type, phases }) =>
    functions
      .declareLanes({ queue: "default", type, version: 1, phases })
      .map((lane) => [`${type}/${lane.phase}`, lane] as const),
  );
  // Errors are wrapped as the production store does it.
  const call = async <Answer>(statement: () => Answer): Promise<Answer> => {
    try {
      return schema.transact(statement);
    } catch (error) {
      if (error instanceof SqlError) throw toDatabaseError({ code: error.sqlstate }, "the model");
      throw error;
    }
  };

  return {
    schema,
    lanes: new Map(lanes),
    effect: "",
    store: {
      async abandonClaim(worker, token) {
        await call(() => functions.abandonClaim(worker, token));
      },
      claimJobs: (request) => call(() => functions.claimJobs(request)),
      claimForResource: (request) => call(() => functions.claimForResource(request)),
      declareResource: (name, concurrency) =>
        call(() => functions.declareResource(name, concurrency)),
      startJob: (key) => call(() => functions.startJob(key)),
      renewLeases: (keys) => call(() => functions.renewLeases(keys)),
      loadResults: (key) => call(() => functions.loadResults(key)),
      savePart: (key, part, result) => call(() => functions.savePart(key, part, result)),
      commit: (key, [statement]) =>
        call(() => {
          const answer = functions.holdLease(key);
          const jobId = Number(key.jobId);
          const words = statement?.parameters?.[1];
          if (answer === "ok")
            tables.effect.set(jobId, [...(tables.effect.get(jobId) ?? []), words]);
          return answer;
        }),
      checkpointJob: (key, step, result) => call(() => functions.checkpointJob(key, step, result)),
      completeJob: (key, result) => call(() => functions.completeJob(key, result)),
      retryJob: (key, reason) => call(() => functions.retryJob(key, reason)),
      releaseJob: (key, kind, reason) => call(() => functions.releaseJob(key, kind, reason)),
      failJob: (key, reason) => call(() => functions.failJob(key, reason)),
      lapseLeases: (limit) => call(() => functions.lapseLeases(limit)),
    },
    enqueue: (job) => call(() => functions.enqueueJobs([job])[0] ?? ""),
    cancel: (publicId) => call(() => functions.cancelJob(publicId)),
    requeue: (publicId) => call(() => functions.requeueJob(publicId)),
    openBreaker: (name, forMs) => call(() => functions.openBreaker(name, forMs)),
    closeBreaker: (name) => call(() => functions.closeBreaker(name)),
    async advance(ms) {
      nowMs += ms;
    },
    async raise(to, sqlstate) {
      fault = { to, sqlstate };
    },
    look: async () => ({ jobs: lookAtJobs(schema), resources: lookAtResources(schema) }),
    follow(sight) {
      followed = sight;
    },
  };
}

function lookAtResources({ tables }: Schema): readonly RowSight[] {
  return [...tables.resource.rows()]
    .toSorted((one, other) => order(one.name, other.name))
    .map(({ name, concurrency, isSet, state, outages, code, probe, ...moments }) => ({
      id: name,
      rows: [concurrency, isSet, state, outages, code, probe?.jobId, probe?.token],
      times: definedOnly({
        // Whoever shut it for ever has no moment in mind.
        openUntil: moments.openUntil === Infinity ? undefined : moments.openUntil,
        probedAt: moments.probedAt,
        slowSince: moments.slowSince,
        changedAt: moments.changedAt,
      }),
    }));
}

function lookAtJobs({ tables }: Schema): readonly RowSight[] {
  return [...tables.job.rows()].map(({ id, publicId, queue, uniqueKey }) => {
    const ready = tables.ready.get(id);
    const lease = tables.lease.get(id);
    const stopped = tables.stopped.get(id);
    const attempts = (tables.attempt.get(id) ?? []).toSorted(
      (one, other) => order(one.phase, other.phase) || one.attempt - other.attempt,
    );
    const nameLane = (laneId: number): string => {
      const lane = tables.lanes[laneId - 1];
      return `${lane?.type}/${lane?.phase}${lane?.solo === true ? " alone" : ""}`;
    };
    const times = {
      dueAt: ready?.dueAt,
      leasedAt: lease?.leasedAt,
      startedAt: lease?.startedAt ?? stopped?.startedAt,
      until: lease?.until,
      finishedAt: stopped?.finishedAt,
    };
    return {
      id: publicId,
      rows: {
        ready: ready && [nameLane(ready.laneId), ready.priority, ready.attempt],
        lease: lease && [
          nameLane(lease.laneId),
          lease.priority,
          lease.attempt,
          lease.token,
          lease.worker,
          lease.solo,
          lease.leaseMs,
          lease.startedAt !== undefined,
          lease.resource,
        ],
        stopped: stopped && [stopped.state, stopped.phase, stopped.code, stopped.worker],
        attempts: attempts.map((row) => [
          row.phase,
          row.attempt,
          row.token,
          row.worker,
          row.outcome,
          row.code,
        ]),
        counters: (tables.jobCounter.get(id) ?? [])
          .map((row) => [
            row.phase,
            row.failures,
            row.losses,
            row.lossesAlone,
            row.outages,
            row.lastCode,
          ])
          .toSorted(([one], [other]) => order(String(one), String(other))),
        results: (tables.result.get(id) ?? [])
          .map((row) => [row.phase, row.part, row.attempt, row.output])
          .toSorted(
            (one, other) =>
              order(String(one[0]), String(other[0])) || Number(one[1]) - Number(other[1]),
          ),
        hookCalls: (tables.hookCall.get(id) ?? []).map((row) => [
          row.from,
          row.to,
          row.phase,
          row.code,
          row.result,
        ]),
        effects: tables.effect.get(id) ?? [],
        holdsKey: uniqueKey !== undefined && tables.uniqueKey.get(`${queue} ${uniqueKey}`) === id,
      },
      times: definedOnly(times),
    };
  });
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function definedOnly(
  times: Readonly<Record<string, number | undefined>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(times).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
