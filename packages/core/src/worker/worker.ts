import { hostname } from "node:os";

import type { AdapterV1, PhaseLogger } from "../adapter.ts";
import type { DatabaseConnection } from "../database/database.ts";
import { isPooled } from "../database/pooler.ts";
import { WorkerError } from "../errors.ts";
import { createEventHub, type EventHub, type EventSource } from "../events.ts";
import type { Pipeline } from "../pipeline.ts";
import { type Runtime, systemRuntime, wait } from "../runtime.ts";
import { coreSql } from "../schema/lease-sql.ts";
import { defaultSchema } from "../schema/migrate.ts";
import type { JobStore } from "../store/job-store.ts";
import { createPostgresStore } from "../store/postgres-store.ts";
import { coreVersion } from "../version.ts";
import { type Alarms, createAlarms } from "./alarms.ts";
import { abort } from "./cancellation.ts";
import { type Claim, type ClaimLoop, createClaimLoop } from "./claim-loop.ts";
import { parseWorkerSettings, type WorkerSettings } from "./config.ts";
import { expireDuty } from "./expiry.ts";
import { runJob } from "./job-runner.ts";
import { createLeaseKeeper, type LeaseKeeper } from "./lease-keeper.ts";
import { createMaintenance, lapseDuty, type Maintenance, wakeDuty } from "./maintenance.ts";
import { endOverdue, type PhaseDeadline } from "./phase-execution.ts";
import { checkExecutors, planWork, type WorkPlan } from "./phase-plan.ts";
import { pruneDuty } from "./retention.ts";
import { endStalled, type PhaseStall } from "./stall-watch.ts";
import { createWorkerRegistry, roundsPerNote, type WorkerRegistry } from "./worker-registry.ts";

export interface WorkerOptions extends Partial<WorkerSettings> {
  readonly connection: DatabaseConnection;
  readonly pipelines: readonly Pipeline[];
  /** Default: none; every phase then needs a `run` function. */
  readonly adapters?: readonly AdapterV1[];
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** Shown beside the jobs it runs. Default: host, process and a random part. */
  readonly name?: string;
  /** Where adapters log. Default: nowhere. */
  readonly logger?: PhaseLogger;
}

/** What a simulation replaces. */
export interface WorkerParts {
  readonly runtime: Runtime;
  readonly store: JobStore;
}

/**
 * `exhausted` is an end, as `stopped` is: too many adapters were left behind, and only the end of the process gives back
 * what they hold.
 */
export type WorkerState = "new" | "running" | "stopping" | "stopped" | "exhausted";

/** Claims jobs and runs them. It owns its connections and nothing of the process. */
export interface Worker extends EventSource, AsyncDisposable {
  readonly name: string;
  state(): WorkerState;
  /** Jobs that are leased by this process now. */
  inFlight(): number;
  /** Throws `schema_outdated`, `grant_missing` or `database_unavailable`; after the last one it may be called again. */
  start(): Promise<void>;
  /** Stops claiming, lets jobs finish for the grace period, gives the rest back uncharged. Idempotent. */
  stop(): Promise<void>;
}

/** Time that is left for writing down what was aborted at the end of the grace period, beyond `abandonSeconds`. */
const farewellMs = 3_000;

/** A database that does not answer for so long at the end of the grace period is waited for no more. */
const silenceMs = 700;

/**
 * Makes a worker; nothing happens before `start`. Throws `config_invalid` with every problem at once.
 *
 * @example
 * await using worker = createWorker({ connection: url, pipelines: [greeting] });
 * await worker.start();
 */
export function createWorker(options: WorkerOptions): Worker {
  const { connection, pipelines, adapters, schema, name, logger: _logger, ...numbers } = options;
  const settings = parseWorkerSettings(numbers);
  checkExecutors(pipelines, adapters ?? []);
  const workerName = name ?? `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  const openStore = (): JobStore =>
    createPostgresStore({
      connection,
      schema: schema ?? defaultSchema,
      name: "leasehold worker",
      connections: Math.min(settings.concurrency, 4),
    });
  return assembleWorker({ ...options, name: workerName }, settings, {
    runtime: systemRuntime,
    openStore,
  });
}

interface Engine {
  readonly store: JobStore;
  readonly keeper: LeaseKeeper;
  readonly deadlines: Alarms<PhaseDeadline>;
  readonly stalls: Alarms<PhaseStall>;
  readonly loop: ClaimLoop;
  readonly maintenance: Maintenance;
  readonly registry: WorkerRegistry | undefined;
  readonly hardStop: AbortController;
}

/** Puts a worker together from parts; `createWorker` passes the real ones. */
export function assembleWorker(
  options: WorkerOptions & { readonly name: string },
  settings: WorkerSettings,
  { runtime, openStore }: { readonly runtime: Runtime; readonly openStore: () => JobStore },
): Worker {
  const events = createEventHub();
  let state: WorkerState = "new";
  let engine: Engine | undefined;
  let started: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  const leaving = new AbortController();
  let isExhausted = false;

  const start = async (): Promise<void> => {
    const store = openStore();
    try {
      engine = await startEngine({ ...options, runtime, store, events }, settings);
    } catch (error) {
      state = "new";
      await store.end();
      throw error;
    }
    events.emit({ name: "worker.started", worker: options.name });
  };

  const stop = async (): Promise<void> => {
    // A start that is under way ends first: what it began must be stopped, too.
    await started?.catch(() => undefined);
    leaving.abort();
    if (engine !== undefined) {
      state = "stopping";
      const inFlight = engine.loop.inFlight();
      events.emit({ name: "worker.stopping", worker: options.name, inFlight });
      await stopEngine(engine, settings, runtime);
    }
    state = isExhausted ? "exhausted" : "stopped";
    if (engine !== undefined) events.emit({ name: "worker.stopped", worker: options.name });
  };

  /** Nobody waits for us, unless somebody calls `stop` meanwhile: what runs may end, each job by its own deadline. */
  const exhaust = async (count: number): Promise<void> => {
    if (engine === undefined || stopped !== undefined) return;
    isExhausted = true;
    state = "stopping";
    const { loop } = engine;
    const inFlight = loop.inFlight();
    events.emit({ name: "worker.exhausted", worker: options.name, inFlight, count });
    await loop.stop();
    await loop.drained(leaving.signal);
    await (stopped ??= stop());
  };
  watchAbandonment(events, settings.abandonedMax, (count) => {
    // Whoever calls `stop` hears of its failure.
    exhaust(count).catch(() => undefined);
  });

  return {
    name: options.name,
    subscribe: (listener) => events.subscribe(listener),
    state: () => state,
    inFlight: () => engine?.loop.inFlight() ?? 0,
    async start() {
      if (state !== "new" || stopped !== undefined) {
        const now = stopped === undefined ? state : "stopped";
        throw new WorkerError("config_invalid", `A worker starts once; this one is ${now}.`, {
          scope: "config",
        });
      }
      state = "running";
      started = start();
      await started;
    },
    stop: () => (stopped ??= stop()),
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

/** Counts the adapters that did not obey, over the whole life of the worker; calls back once. */
function watchAbandonment(
  events: EventHub,
  abandonedMax: number,
  onTooMany: (count: number) => void,
): void {
  let count = 0;
  events.subscribe(({ name }) => {
    if (name !== "adapter.abandoned") return;
    count += 1;
    if (count === abandonedMax) onTooMany(count);
  });
}

async function startEngine(
  options: WorkerOptions & WorkerParts & { readonly name: string; readonly events: EventHub },
  settings: WorkerSettings,
): Promise<Engine> {
  const { store, runtime, events } = options;
  const version = await store.schemaVersion(coreSql.name);
  // A newer schema still has every function that this version calls: it is older workers that outlive a migrate.
  if (version === undefined || version < coreSql.migrations.length) {
    throw new WorkerError(
      "schema_outdated",
      `The schema is at version ${version ?? "none"}, this worker needs ${coreSql.migrations.length}: run migrate.`,
      { scope: "config" },
    );
  }
  const plan = await planWork(store, options.pipelines, options.adapters ?? []);
  const leaseMs = settings.leaseSeconds * 1000;
  const keeper = createLeaseKeeper({
    store,
    runtime,
    events,
    leaseMs,
    renewMs: settings.renewSeconds * 1000,
    marginMs: settings.marginSeconds * 1000,
  });
  const deadlines = createAlarms(runtime, endOverdue);
  const stalls = createAlarms(runtime, endStalled);
  const hardStop = new AbortController();
  const parts = {
    keeper,
    store,
    runtime,
    deadlines,
    stalls,
    events,
    settings,
    hardStop: hardStop.signal,
    logger: options.logger ?? silentLogger,
    alone: (signal: AbortSignal): Promise<void> => loop.alone(signal),
    worked: (claim: Claim): void => loop.worked(claim),
  };
  const loop: ClaimLoop = createClaimLoop({
    ...parts,
    worker: options.name,
    plan,
    run: (claim) => runJob(parts, claim),
  });
  const intervalMs = leaseMs / 6;
  const registry = createRegistry(options, {
    settings,
    plan,
    intervalMs,
    inFlight: () => loop.inFlight(),
  });
  const { upkeep } = store;
  const duties = [
    lapseDuty(store, events),
    expireDuty(store, events),
    wakeDuty(store),
    ...(registry === undefined ? [] : [registry.duty]),
    ...(upkeep === undefined ? [] : [pruneDuty(upkeep, settings)]),
  ];
  const maintenance = createMaintenance({ runtime, events, intervalMs, duties });
  keeper.start();
  maintenance.start();
  loop.start();
  registry?.start();
  listen(options, { settings, loop, keeper });
  return { store, keeper, deadlines, stalls, loop, maintenance, registry, hardStop };
}

/** Hints only save time, so a worker without them is a slower worker, not a broken one. */
function listen(
  { connection, logger, store }: Parameters<typeof startEngine>[0],
  {
    settings,
    loop,
    keeper,
  }: Pick<Engine, "loop" | "keeper"> & { readonly settings: WorkerSettings },
): void {
  if (isPooled(connection)) {
    logger?.info("hints.unheard", { pooled: true, pollSeconds: settings.pollSeconds });
  }
  store.listen({ onDue: () => loop.wake(), onOrder: () => keeper.hurry() }).catch(() => undefined);
}

interface RegistryParts {
  readonly settings: WorkerSettings;
  readonly plan: WorkPlan;
  readonly intervalMs: number;
  readonly inFlight: () => number;
}

function createRegistry(
  { store, runtime, events, name, pipelines }: Parameters<typeof startEngine>[0],
  { settings, plan, intervalMs, inFlight }: RegistryParts,
): WorkerRegistry | undefined {
  const { upkeep } = store;
  if (upkeep === undefined) return undefined;
  const about = {
    name,
    version: coreVersion,
    types: pipelines.map(({ type, version }) => `${type}/${version}`),
    lanes: Object.fromEntries(
      plan.phases.map(({ laneId, resource }) => [laneId, resource ?? null]),
    ),
    slots: settings.concurrency,
    intervalMs: Math.ceil(intervalMs * roundsPerNote),
  };
  return createWorkerRegistry({ upkeep, runtime, events, about, inFlight });
}

async function stopEngine(
  engine: Engine,
  settings: WorkerSettings,
  runtime: Runtime,
): Promise<void> {
  const { loop, keeper, deadlines, stalls, maintenance, registry, hardStop, store } = engine;
  maintenance.stop();
  const over = new AbortController();
  const within = async (ms: number, ...waits: readonly Promise<void>[]): Promise<void> => {
    const drained = loop.drained(over.signal);
    await Promise.race([Promise.all([drained, ...waits]), wait(runtime, ms, over.signal)]);
  };
  const claimed = loop.stop();
  await within(settings.graceSeconds * 1000);
  const abandonMs = loop.inFlight() > 0 ? settings.abandonSeconds * 1000 : 0;
  for (const { work } of keeper.held()) abort(work, stopping);
  // A claim that hangs must not keep us: its answer gives the jobs back, or their leases lapse.
  const farewell = within(abandonMs + farewellMs, claimed).then(() => "done" as const);
  const isSilent = (await Promise.race([farewell, silence(engine, runtime)])) === "silent";
  if (registry !== undefined && !isSilent) {
    await Promise.race([registry.stop(), wait(runtime, silenceMs, over.signal)]);
  }
  hardStop.abort();
  over.abort();
  keeper.stop();
  deadlines.stop();
  stalls.stop();
  await store.end(isSilent ? 0 : undefined);
}

/** Tells of a database that does not answer the simplest question in time: nothing can be given back to it. */
function silence({ store }: Engine, runtime: Runtime): Promise<"silent"> {
  return new Promise((resolve) => {
    const cancel = runtime.after(silenceMs, () => resolve("silent"));
    store.schemaVersion(coreSql.name).then(cancel, () => undefined);
  });
}

function stopping(): WorkerError {
  return new WorkerError("worker_stopping", "The worker stopped; the job was given back.");
}

const silentLogger: PhaseLogger = { info: () => undefined, warn: () => undefined };
