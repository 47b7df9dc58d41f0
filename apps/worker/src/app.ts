import {
  type Client,
  createClient,
  createWorker,
  type Worker,
  WorkerError,
  type WorkerState,
} from "@leasehold/core";
import {
  createLearningStore,
  createModelCheck,
  fallbackReasons,
  feedbackPaths,
  type LearningHealth,
  type LearningStore,
  type ModelCheck,
  scoreShapes,
  submissionErrorCodes,
  submissionPhases,
  submissionPipeline,
  toSubmissionErrorCode,
} from "@leasehold/learning";
import type { ModelV1 } from "@leasehold/model";
import { createTelemetry, createTracing, type Telemetry } from "@leasehold/telemetry";

import { type Backend, openBackend } from "./backend.ts";
import { openChecks } from "./checks.ts";
import type { WorkerConfig } from "./config.ts";
import { prepareDatabase, refuseSuperuser } from "./database.ts";
import { logEvent, toPhaseLogger, type WorkerLog } from "./logging.ts";
import { createSchedules } from "./schedules.ts";
import { pause } from "./waiting.ts";

/** A worker and all it needs, put together but not started. Disposing it stops and closes everything. */
export interface App extends AsyncDisposable {
  readonly worker: Worker;
  readonly store: LearningStore;
  readonly client: Client;
  readonly backend: Backend;
  readonly telemetry: Telemetry;
  /** Looks at the worker and all it needs. */
  readonly health: LearningHealth;
  /** Has the models answer. */
  readonly modelCheck: ModelCheck;
  /** `running` from the moment that the worker can claim: not while it looks for its database. */
  state(): AppState;
  /** Makes the database ready and starts scheduler and worker, waiting for a database that is not there yet. */
  start(signal: AbortSignal): Promise<void>;
  /** Ends both: the scheduler first, so that it makes no work for a worker that drains. */
  stop(): Promise<void>;
}

export type AppState = Exclude<WorkerState, "new"> | "starting";

/** Puts a worker together on a database, which nobody asks anything yet. */
export async function openApp(config: WorkerConfig, url: string, log: WorkerLog): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(createLearningStore({ connection: url, schema: config.schema }));
  const client = stack.use(createClient({ connection: url, schema: config.schema }));
  const tracing = config.traces && stack.use(createTracing(config.traces));
  const telemetry = stack.use(openTelemetry(store, client));
  const modelCheck = createModelCheck();
  const watch = (model: ModelV1, name: string): ModelV1 => {
    const checked = modelCheck.watch(model);
    return telemetry.model(tracing?.model(checked) ?? checked, name);
  };
  const backend = stack.use(openBackend(config, { watch, memory: store }));
  const worker = stack.use(
    createWorker({
      connection: url,
      schema: config.schema,
      pipelines: [submissionPipeline],
      adapters: [tracing?.adapter(backend.adapter) ?? backend.adapter],
      logger: telemetry.listen(toPhaseLogger(log)),
      concurrency: config.worker.concurrency,
      leaseSeconds: config.worker.leaseSeconds,
      pollSeconds: config.worker.pollSeconds,
      pollSecondsMax: config.worker.pollSeconds * 5,
      graceSeconds: config.worker.graceSeconds,
      abandonedMax: config.worker.abandonedMax,
    }),
  );
  worker.subscribe((event) => logEvent(log, event));
  telemetry.observe(worker);
  tracing?.observe(worker);
  const schedules = stack.use(createSchedules(config, url, log));
  const state = followState(worker);
  const { adapter } = backend;
  const health = stack.use(openChecks(config, { url, adapter, workerState: state }));
  const start = async (): Promise<void> => {
    for (const migration of await prepareDatabase(config, url)) {
      log.write("migration.applied", { migration });
    }
    await refuseSuperuser(store);
    await schedules.start();
    await worker.start();
  };
  const resources = stack.move();
  return {
    worker,
    store,
    client,
    backend,
    telemetry,
    health,
    modelCheck,
    state,
    start: (signal) => persevere(start, log, signal),
    async stop() {
      await schedules.stop();
      await worker.stop();
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The metrics of the runbook. */
function openTelemetry(store: LearningStore, client: Client): Telemetry {
  return createTelemetry({
    phases: submissionPhases,
    errorCodes: submissionErrorCodes,
    errorCode: toSubmissionErrorCode,
    fallbacks: {
      phases: ["feedback"],
      paths: feedbackPaths.filter((path) => path !== "program"),
      reasons: fallbackReasons,
    },
    scoreAlarms: { shapes: scoreShapes, read: () => store.scoreAlarms() },
    queue: { queues: [submissionPipeline.queue], types: [submissionPipeline.type], client },
  });
}

function followState(worker: Worker): () => AppState {
  let isStarted = false;
  worker.subscribe((event) => {
    if (event.name === "worker.started") isStarted = true;
  });
  return () => {
    const state = worker.state();
    return state === "new" || (state === "running" && !isStarted) ? "starting" : state;
  };
}

/** How long to wait before a database that did not answer is asked again. */
const startPauseMs = 2_000;

async function persevere(
  start: () => Promise<void>,
  log: WorkerLog,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await start();
      return;
    } catch (error) {
      if (!WorkerError.is(error, "database_unavailable")) throw error;
      log.write("database.awaited", { code: error.code });
      await pause(startPauseMs, signal);
    }
  }
}
