import { backoffMs } from "../backoff.ts";
import { toWorkerError } from "../errors.ts";
import type { EventHub } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { ClaimedJob, ClaimRequest, JobStore } from "../store/job-store.ts";
import { type Affinity, createAffinity, type ResourceLot } from "./affinity.ts";
import type { WorkerSettings } from "./config.ts";
import type { PhasePlan, WorkPlan } from "./phase-plan.ts";
import { createPulse, nextWithin, type Pulse } from "./pulse.ts";
import { createResourceGate, type ResourceGate } from "./resource-gate.ts";

export interface ClaimLoopOptions {
  readonly store: Pick<JobStore, "abandonClaim" | "claimForResource" | "claimJobs" | "peekLanes">;
  readonly runtime: Runtime;
  readonly events: EventHub;
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
  /** Phases that need no resource. */
  readonly plain: readonly PhasePlan[];
  readonly affinity: Affinity;
  readonly gate: ResourceGate;
  /** Who claims first. */
  turn: number;
  /** A job that must run alone is held or runs: nothing else is claimed. */
  hasSolo: boolean;
}

/** The one claimer of a process: asks for as many jobs as it has free slots, and sleeps when there are none. */
export function createClaimLoop(options: ClaimLoopOptions): ClaimLoop {
  const { runtime, events, settings, plan, store } = options;
  const state: LoopState = {
    ...options,
    plain: plan.phases.filter(({ resource }) => resource === undefined),
    affinity: createAffinity({
      store,
      runtime,
      phases: plan.phases,
      jobsMax: settings.affinityJobsMax,
      msMax: settings.affinitySeconds * 1000,
    }),
    gate: createResourceGate({
      runtime,
      events,
      // Shorter than any wait of the loop, so that none of its looks is in vain.
      fullMs: settings.pollSeconds * 500,
      shutMsMax: settings.pollSecondsMax * 1000,
    }),
    turn: 0,
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
      // Nobody else would do it. If it fails, the next stop tries again, or their leases lapse.
      await giveBackUnclear(state).catch(() => undefined);
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

/** What a claim brought, and whether there may be more of it. */
interface Haul {
  readonly jobs: number;
  readonly hasMore: boolean;
}

async function claimAll(state: LoopState): Promise<"full" | "some" | "none"> {
  let came = 0;
  let hasMore = false;
  // Before anything else: what they took stands in nobody's lane, and takes a place of its resource.
  if (state.unclear.size > 0 && (await tryGiveBack(state)) === "failed") return "none";
  for (const claim of takeTurns(state)) {
    if (freeSlots(state) < 1) break;
    const haul = await claim(state);
    if (haul === undefined) return "none";
    came += haul.jobs;
    hasMore ||= haul.hasMore;
  }
  if (came === 0) return "none";
  return hasMore ? "full" : "some";
}

async function tryGiveBack(state: LoopState): Promise<"done" | "failed"> {
  try {
    await giveBackUnclear(state);
    return "done";
  } catch (error) {
    const { code } = toWorkerError(error);
    state.events.emit({ name: "database.failed", operation: "abandon_claim", code });
    return "failed";
  }
}

type Turn = (state: LoopState) => Promise<Haul | undefined>;

/** The lanes that need no resource, and each host: whoever comes first has all free slots, so each is it by turns. */
function takeTurns(state: LoopState): readonly Turn[] {
  const { plain, affinity } = state;
  const hosts = affinity.hosts.map(
    (host): Turn =>
      () =>
        claimOfHost(state, host),
  );
  const turns = plain.length > 0 ? [claimPlain, ...hosts] : hosts;
  state.turn = (state.turn + 1) % turns.length;
  return [...turns.slice(state.turn), ...turns.slice(0, state.turn)];
}

async function claimPlain(state: LoopState): Promise<Haul | undefined> {
  const request = toRequest(state, state.plain, freeSlots(state));
  const claim = await claimOnce(state, request, async (asked) => ({
    jobs: await state.store.claimJobs(asked),
  }));
  return claim && { jobs: claim.jobs.length, hasMore: claim.jobs.length === request.limit };
}

async function claimOfHost(
  state: LoopState,
  host: readonly ResourceLot[],
): Promise<Haul | undefined> {
  const { affinity, gate, store, events, running } = state;
  let jobs = 0;
  let hasMore = false;
  try {
    for await (const lot of affinity.turns(host)) {
      const limit = Math.min(freeSlots(state), affinity.room(lot));
      if (limit < 1) break;
      const { resource, phases } = lot;
      if (gate.admission(resource) === "ask") {
        const request = toRequest(state, phases, limit);
        const claim = await claimOnce(state, request, (asked) =>
          store.claimForResource({ ...asked, resource }),
        );
        if (claim === undefined) return undefined;
        gate.learn(resource, claim);
        affinity.claimed(lot, claim.jobs.length);
        jobs += claim.jobs.length;
        hasMore = claim.jobs.length === request.limit;
        // Slots that became free meanwhile are its own, too.
        if (hasMore) break;
      }
      const isOurs = [...running].some(({ plan }) => plan.resource === resource);
      // It is full of our own jobs: the host has enough to do.
      if (isOurs && gate.admission(resource) === "full") break;
    }
  } catch (error) {
    events.emit({
      name: "database.failed",
      operation: "peek_lanes",
      code: toWorkerError(error).code,
    });
    return undefined;
  }
  return { jobs, hasMore };
}

/** Jobs of one claim at most: what costs a transaction each is shared well enough by so many. */
const claimMax = 500;

function toRequest(state: LoopState, phases: readonly PhasePlan[], limit: number): ClaimRequest {
  return {
    worker: state.worker,
    token: state.runtime.uuid(),
    lanes: phases.map(({ laneId }) => laneId),
    soloLanes: phases.map(({ soloLaneId }) => soloLaneId),
    limit: Math.min(limit, claimMax),
    leaseMs: Math.ceil(state.settings.leaseSeconds * 1000),
  };
}

/** Answers what came, or undefined when the database did not answer. */
async function claimOnce<Answer extends { readonly jobs: readonly ClaimedJob[] }>(
  state: LoopState,
  request: ClaimRequest,
  send: (request: ClaimRequest) => Promise<Answer>,
): Promise<Answer | undefined> {
  const { store, runtime, events, unclear, stopping } = state;
  const claimedAt = runtime.now();
  try {
    const answer = await send(request);
    if (stopping.signal.aborted && answer.jobs.length > 0) {
      // Nothing was started: give it back as if it had never been taken.
      await store.abandonClaim(state.worker, request.token);
      return { ...answer, jobs: [] };
    }
    const claims = answer.jobs.flatMap((job) => take(state, job, claimedAt) ?? []);
    const begin = (): void => claims.forEach((claim) => run(state, claim));
    // When there may be more, that is asked for first: Postgres looks while these run.
    if (claims.length === request.limit && freeSlots(state) > 0) runtime.soon(begin);
    else begin();
    return answer;
  } catch (error) {
    // Postgres may have leased jobs and only its answer been lost.
    unclear.add(request.token);
    const { code } = toWorkerError(error);
    events.emit({ name: "database.failed", operation: "claim_jobs", code });
    return undefined;
  }
}

/** Gives a claimed job its slot. */
function take(state: LoopState, job: ClaimedJob, claimedAt: number): Claim | undefined {
  const plan = state.plan.byLane(job.laneId);
  if (plan === undefined) return undefined;
  const claim: Claim = { job, plan, claimedAt, isWorked: false };
  state.running.add(claim);
  state.hasSolo ||= job.solo;
  state.events.emit({
    name: "job.claimed",
    jobId: job.publicId,
    type: plan.pipeline.type,
    phase: plan.phase.name,
    attempt: job.attempt,
    solo: job.solo,
  });
  return claim;
}

/** Runs a job to its end, and takes its slot back. */
function run(state: LoopState, claim: Claim): void {
  const { running, changes, gate } = state;
  const { job, plan } = claim;
  const end = (): void => {
    running.delete(claim);
    if (claim.isWorked) state.worked -= 1;
    if (job.solo) state.hasSolo = false;
    if (plan.resource !== undefined) gate.left(plan.resource);
    changes.beat();
  };
  void state.run(claim).then(end, end);
}

async function waitForRunning(state: LoopState, count: number, signal: AbortSignal): Promise<void> {
  while (state.running.size > count && !signal.aborted) await state.changes.next(signal);
}
