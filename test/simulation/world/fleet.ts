import {
  parseWorkerSettings,
  type Worker,
  type WorkerEvent,
  type WorkerSettings,
} from "@leasehold/core";

import { assembleWorker, type JobStore, type Runtime } from "../production.ts";
import type { Executors } from "./execution.ts";
import type { ProcessEnd, ProcessState } from "./process-state.ts";
import { faultyMs } from "./profile.ts";
import { createRandom, type Random } from "./random.ts";
import { formatTime } from "./story.ts";
import type { World } from "./world.ts";

/** A process with a worker in it. */
export interface WorkerProcess extends ProcessState {
  /** Which of the fleet's places it has; there is one process at a time. */
  readonly place: number;
  readonly worker: Worker;
}

/** Sees what processes do, as the checker does. */
export interface ProcessObserver {
  told(process: WorkerProcess, event: WorkerEvent): void;
  ended(process: ProcessState): void;
}

/** The processes of a simulation. Whatever ends one, another takes its place after a while. */
export interface Fleet {
  start(): void;
  /** Those that are alive. */
  processes(): readonly WorkerProcess[];
  end(process: ProcessState, how: ProcessEnd, poisonedBy?: string): void;
  stall(process: ProcessState, ms: number): void;
  /** As on SIGTERM: the worker stops, and its process with it. */
  stop(process: WorkerProcess): void;
  /** Fills the empty places and ends what keeps processes from Postgres. */
  heal(): void;
  /** Stops every worker; nobody takes its place. */
  close(): void;
}

export interface FleetOptions {
  readonly world: World;
  readonly observer: ProcessObserver;
  openStore(process: ProcessState): JobStore;
  openExecutors(process: ProcessState): Executors;
}

interface FleetState extends FleetOptions {
  readonly random: Random;
  readonly settings: WorkerSettings;
  readonly places: (WorkerProcess | undefined)[];
  nextId: number;
  isClosed: boolean;
}

export function createFleet(options: FleetOptions): Fleet {
  const { world } = options;
  const { profile } = world;
  const { affinityJobs, leaseSeconds, pollSecondsMax, slots } = profile;
  const state: FleetState = {
    ...options,
    random: createRandom(world.seed, "fleet"),
    settings: parseWorkerSettings({
      concurrency: slots,
      leaseSeconds,
      pollSeconds: 2,
      pollSecondsMax,
      affinityJobsMax: affinityJobs,
      // Processes live for some minutes only, so that more than a few deaf adapters seldom meet in one.
      abandonedMax: 1 + (world.seed % 3),
    }),
    places: Array.from({ length: profile.workers }, () => undefined),
    nextId: 1,
    isClosed: false,
  };
  return {
    start() {
      for (const place of state.places.keys()) startProcess(state, place);
    },
    processes: () => state.places.filter((process) => process !== undefined),
    end: (process, how, poisonedBy) => endProcess(state, process, { how, poisonedBy }),
    stall(process, ms) {
      const until = Math.min(world.timeline.now() + ms, faultyMs);
      process.stalledUntil = Math.max(process.stalledUntil, until);
      world.tell(() => `${process.name} stalls until ${formatTime(until)}`);
    },
    stop: (process) => stopProcess(state, process),
    heal() {
      for (const [place, process] of state.places.entries()) {
        if (process === undefined) startProcess(state, place);
        else process.cutOffUntil = 0;
      }
    },
    close() {
      state.isClosed = true;
      for (const process of state.places) {
        if (process !== undefined) stopProcess(state, process);
      }
    },
  };
}

function startProcess(state: FleetState, place: number): void {
  const { world, observer } = state;
  if (state.places[place] !== undefined || state.isClosed) return;
  const id = state.nextId;
  state.nextId += 1;
  const draft: ProcessState = {
    id,
    name: `worker-${place + 1}.${id}`,
    isAlive: true,
    stalledUntil: 0,
    stoppingAt: undefined,
    endedBy: undefined,
    poisonedBy: undefined,
    lastTroubleAt: 0,
    hanging: 0,
    cutOffUntil: 0,
  };
  const worker = assembleWorker(
    // The worker opens its own connections, and the simulation's lead to the model.
    { ...state.openExecutors(draft), name: draft.name, connection: "" },
    state.settings,
    { runtime: createRuntime(state, draft), openStore: () => state.openStore(draft) },
  );
  const process: WorkerProcess = Object.assign(draft, { place, worker });
  state.places[place] = process;
  world.tell(() => `${process.name} starts`);
  worker.subscribe((event) => observer.told(process, event));
  worker.subscribe(({ name }) => {
    if (name === "worker.exhausted") recycle(state, process);
  });
  worker.start().catch(() => endProcess(state, process, { how: "not_started" }));
}

/** The process' own clock, which runs off, and its own chance. */
function createRuntime({ world, random }: FleetState, process: ProcessState): Runtime {
  const { timeline, profile, seed } = world;
  const own = createRandom(seed, process.name);
  const pace = 1 + random.between(-profile.clockDrift, profile.clockDrift);
  const ahead = random.between(0, 1e9);
  let tokens = 0;
  return {
    now: () => ahead + timeline.now() * pace,
    random: () => own.next(),
    uuid: () => `${process.id}-${(tokens += 1)}`,
    after: (ms, callback) => timeline.after(ms / pace, callback, process).cancel,
    soon: (callback) => void timeline.after(0, callback, process),
  };
}

function stopProcess(state: FleetState, process: WorkerProcess): void {
  if (process.stoppingAt !== undefined) return;
  process.stoppingAt = state.world.timeline.now();
  if (process.hanging > 0) process.lastTroubleAt = process.stoppingAt;
  process.worker.stop().then(
    () => endProcess(state, process, { how: "stopped" }),
    () => state.world.report(`${process.name} could not stop`),
  );
}

/** As the worker of the app does: a process whose worker is exhausted ends, and its supervisor starts another. */
function recycle(state: FleetState, process: WorkerProcess): void {
  process.worker.subscribe(({ name }) => {
    if (name === "worker.stopping") process.stoppingAt ??= state.world.timeline.now();
    if (name === "worker.stopped") endProcess(state, process, { how: "stopped" });
  });
}

function endProcess(
  state: FleetState,
  process: ProcessState,
  { how, poisonedBy }: { readonly how: ProcessEnd; readonly poisonedBy?: string | undefined },
): void {
  const { world, observer, random, places } = state;
  if (!process.isAlive) return;
  process.isAlive = false;
  process.endedBy = how;
  process.poisonedBy = poisonedBy;
  const place = places.findIndex((other) => other === process);
  places[place] = undefined;
  world.tell(
    () => `${process.name} is ${how}${poisonedBy === undefined ? "" : ` by ${poisonedBy}`}`,
  );
  observer.ended(process);
  const pauseMs = world.isFaulty() ? random.between(200, 20_000) : 1_000;
  world.timeline.after(pauseMs, () => startProcess(state, place));
}
