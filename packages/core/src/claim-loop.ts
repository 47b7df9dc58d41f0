import { backoffMs } from "./backoff.ts";
import type { WorkerSettings } from "./config.ts";
import { toWorkerError } from "./errors.ts";
import type { EventHub } from "./events.ts";
import type { ClaimedJob, ClaimRequest, JobStore } from "./job-store.ts";
import type { PhasePlan, WorkPlan } from "./phase-plan.ts";
import { createPulse, nextWithin, type Pulse } from "./pulse.ts";
import type { ResourceGate } from "./resource-gate.ts";
import type { Runtime } from "./runtime.ts";

export interface ClaimLoopOptions {
  readonly store: Pick<JobStore, "claimJobs" | "abandonClaim">;
  readonly runtime: Runtime;
  readonly events: EventHub;
  readonly gate: ResourceGate;
  readonly settings: WorkerSettings;
  readonly worker: string;
  readonly plan: WorkPlan;
  /** Runs a claimed job to its end; never rejects. */
  readonly run: (claim: Claim) => Promise<void>;
}

/** A job that was claimed, and when its claim was sent. */
export interface Claim {
  readonly job: ClaimedJob;
  readonly plan: PhasePlan;
  readonly claimedAt: number;
  /** See {@link ClaimLoop.worked}. */
  isWorked: boolean;
}

export interface ClaimLoop {
  start(): void;
  /** Stops claiming at once; resolves when no claim is on its way. */
  stop(): Promise<void>;
  /** Something may be due. */
  wake(): void;
  inFlight(): number;
  /** The work of a claim is done and is only to be written down: another job may begin meanwhile. */
  worked(claim: Claim): void;
  /** Resolves when one job at most runs in this process, or the signal aborts. */
  alone(signal: AbortSignal): Promise<void>;
  /** Resolves when no job runs, or the signal aborts. */
  drained(signal: AbortSignal): Promise<void>;
}

interface LoopState extends ClaimLoopOptions {
  readonly stopping: AbortController;
  readonly running: Set<Claim>;
  /** How many of them are worked. */
  worked: number;
  /** Tokens of claims whose answer was lost. */
  readonly unclear: Set<string>;
  readonly changes: Pulse;
  /** A job that must run alone is held or runs: nothing else is claimed. */
  hasSolo: boolean;
}

/** The one claimer of a process: asks for as many jobs as it has free slots, and sleeps when there are none. */
export function createClaimLoop(options: ClaimLoopOptions): ClaimLoop {
  const state: LoopState = {
    ...options,
    stopping: new AbortController(),
    running: new Set(),
    worked: 0,
    unclear: new Set(),
    changes: createPulse(),
    hasSolo: false,
  };
  let loop: Promise<void> = Promise.resolve();
  return {
    start() {
      loop = claimUntilStopped(state);
    },
    async stop() {
      state.stopping.abort();
      await loop;
    },
    wake: () => state.changes.beat(),
    inFlight: () => state.running.size,
    worked(claim) {
      claim.isWorked = true;
      state.worked += 1;
      state.changes.beat();
    },
    alone: (signal) => waitForRunning(state, 1, signal),
    drained: (signal) => waitForRunning(state, 0, signal),
  };
}

async function claimUntilStopped(state: LoopState): Promise<void> {
  const { runtime, settings, stopping, changes } = state;
  const bounds = { minMs: settings.pollSeconds * 1000, maxMs: settings.pollSecondsMax * 1000 };
  let misses = 0;
  while (!stopping.signal.aborted) {
    if (freeSlots(state) < 1) {
      await changes.next(stopping.signal);
      continue;
    }
    // A hint that comes while we claim is about a job that this claim may not have seen.
    const since = changes.count();
    const came = await claimAll(state);
    misses = came === "none" ? misses + 1 : 0;
    if (came === "full") continue;
    await nextWithin(
      changes,
      { runtime, since, ms: backoffMs(runtime, misses, bounds) },
      stopping.signal,
    );
  }
  // Nobody else would do it. If it fails, their leases lapse.
  await giveBackUnclear(state).catch(() => undefined);
}

/** What a lost answer may have leased was never started: it is given back as if it had never been taken. */
async function giveBackUnclear({ store, worker, unclear }: LoopState): Promise<void> {
  for (const token of unclear) {
    await store.abandonClaim(worker, token);
    unclear.delete(token);
  }
}

/** While results cannot be written down, as many jobs at most wait for that as there are slots. */
function freeSlots({ hasSolo, settings, running, worked }: LoopState): number {
  if (hasSolo) return 0;
  const { concurrency } = settings;
  return Math.min(concurrency - (running.size - worked), 2 * concurrency - running.size);
}

async function claimAll(state: LoopState): Promise<"full" | "some" | "none"> {
  let came = 0;
  let wanted = 0;
  for (const request of chooseRequests(state)) {
    const limit = Math.min(request.limit, freeSlots(state));
    if (limit < 1) break;
    const jobs = await claimOnce(state, { ...request, limit });
    if (jobs === undefined) return "none";
    wanted += limit;
    came += jobs;
  }
  if (came === 0) return "none";
  return came >= wanted ? "full" : "some";
}

/** Jobs of one claim at most: what costs a transaction each is shared well enough by so many. */
const claimMax = 500;

/** One request for all lanes that are open, and one of a single job for each that may be open again. */
function chooseRequests(state: LoopState): readonly ClaimRequest[] {
  const admitted = (admission: string): readonly PhasePlan[] =>
    state.plan.phases.filter(
      ({ resource }) =>
        (resource === undefined ? "all" : state.gate.admission(resource)) === admission,
    );
  const open = admitted("all");
  const probes = admitted("one").map((phase) => toRequest(state, [phase], 1));
  if (open.length === 0) return probes;
  return [...probes, toRequest(state, open, claimMax)];
}

function toRequest(state: LoopState, phases: readonly PhasePlan[], limit: number): ClaimRequest {
  return {
    worker: state.worker,
    token: state.runtime.uuid(),
    lanes: phases.map(({ laneId }) => laneId),
    soloLanes: phases.map(({ soloLaneId }) => soloLaneId),
    limit,
    leaseMs: Math.ceil(state.settings.leaseSeconds * 1000),
  };
}

/** Answers how many jobs came, or undefined when the database did not answer. */
async function claimOnce(state: LoopState, request: ClaimRequest): Promise<number | undefined> {
  const { store, runtime, events, unclear, stopping } = state;
  const claimedAt = runtime.now();
  let isSent = false;
  try {
    await giveBackUnclear(state);
    isSent = true;
    const jobs = await store.claimJobs(request);
    if (stopping.signal.aborted && jobs.length > 0) {
      // Nothing was started: give it back as if it had never been taken.
      await store.abandonClaim(state.worker, request.token);
      return 0;
    }
    for (const job of jobs) begin(state, job, claimedAt);
    return jobs.length;
  } catch (error) {
    // Postgres may have leased jobs and only its answer been lost.
    if (isSent) unclear.add(request.token);
    const { code } = toWorkerError(error);
    events.emit({ name: "database.failed", operation: "claim_jobs", code });
    return undefined;
  }
}

function begin(state: LoopState, job: ClaimedJob, claimedAt: number): void {
  const { running, changes, gate } = state;
  const plan = state.plan.byLane(job.laneId);
  if (plan === undefined) return;
  const claim: Claim = { job, plan, claimedAt, isWorked: false };
  running.add(claim);
  state.hasSolo ||= job.solo;
  if (plan.resource !== undefined) gate.enter(plan.resource);
  state.events.emit({
    name: "job.claimed",
    jobId: job.publicId,
    type: plan.pipeline.type,
    phase: plan.phase.name,
    attempt: job.attempt,
    solo: job.solo,
  });
  const end = (): void => {
    running.delete(claim);
    if (claim.isWorked) state.worked -= 1;
    if (job.solo) state.hasSolo = false;
    changes.beat();
  };
  void state.run(claim).then(end, end);
}

async function waitForRunning(state: LoopState, count: number, signal: AbortSignal): Promise<void> {
  while (state.running.size > count && !signal.aborted) await state.changes.next(signal);
}
