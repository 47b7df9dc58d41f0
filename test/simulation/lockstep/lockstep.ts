import { WorkerError } from "@leasehold/core";

import type { NewJob } from "../model/schema.ts";
import type {
  ClaimedJob,
  ClaimRequest,
  LeaseKey,
  PhaseOutput,
  Reason,
  SettleAnswer,
} from "../production.ts";
import { type Command, jobCount } from "./commands.ts";
import { type Side, types, uuidOf } from "./side.ts";

/** What the commands of a sequence have brought about, and later ones can name. */
export interface Book {
  readonly claims: { readonly worker: string; readonly token: string }[];
  /** Every lease that was ever given, newest first. Most of them are stale. */
  readonly leases: KnownLease[];
}

interface KnownLease extends LeaseKey {
  readonly publicId: string;
  readonly type: string;
  phase: string;
}

export function createBook(): Book {
  return { claims: [], leases: [] };
}

/** Asks one side, and answers what it answered in words that both sides share. */
export async function ask(side: Side, book: Book, command: Command): Promise<unknown> {
  try {
    return await perform(side, book, command);
  } catch (error) {
    if (!WorkerError.is(error)) throw error;
    const { code, adapterCode } = error;
    return { code, adapterCode };
  }
}

/** What a command teaches about what later ones can name: the same for both sides, if they answered the same. */
export function learn(book: Book, command: Command, answer: unknown): void {
  if (command.name === "claim") {
    const token = uuidOf("token", book.claims.length);
    book.claims.push({ worker: workerOf(command.worker), token });
    // `perform` below answers this.
    for (const claimed of answer as readonly ClaimSight[])
      book.leases.unshift({ ...claimed, token });
  } else if (command.name === "claimFor") {
    const token = uuidOf("token", book.claims.length);
    book.claims.push({ worker: workerOf(command.worker), token });
    const { jobs } = answer as { readonly jobs: readonly ClaimSight[] };
    for (const claimed of jobs) book.leases.unshift({ ...claimed, token });
  } else if (command.name === "checkpoint") {
    const lease = pickLease(book, command.lease);
    if (lease === undefined) return;
    const { state, attempt } = answer as { readonly state?: string; readonly attempt?: number };
    const goesOn = state === "leased" && attempt !== undefined;
    if (goesOn) lease.phase = nextPhase(lease.type, stepPhase(lease, command));
  }
}

interface ClaimSight {
  readonly jobId: string;
  readonly publicId: string;
  readonly type: string;
  readonly phase: string;
  readonly attempt: number;
  readonly solo: boolean;
  readonly payload: unknown;
}

async function perform(side: Side, book: Book, command: Command): Promise<unknown> {
  switch (command.name) {
    case "enqueue":
      return await side.enqueue(toNewJob(command));
    case "claim":
      return await claim(side, book, command);
    case "claimFor":
      return await claimFor(side, book, command);
    case "declare":
      return await side.store.declareResource(resourceOf(command.resource), command.concurrency);
    case "open":
      return await side.openBreaker(resourceOf(command.resource), command.forMs);
    case "close":
      return await side.closeBreaker(resourceOf(command.resource));
    case "abandon": {
      const known = book.claims.at(-1 - command.claim);
      return known && (await side.store.abandonClaim(known.worker, known.token));
    }
    case "renew": {
      const keys = command.leases.flatMap((number) => pickLease(book, number) ?? []);
      const leases = keys.filter((key, place) => keys.findIndex(isSameJob(key)) === place);
      return Object.fromEntries(await side.store.renewLeases(leases));
    }
    case "lapse":
      return await side.store.lapseLeases(command.limit);
    case "cancel":
      return await side.cancel(uuidOf("job", command.job));
    case "requeue":
      return await side.requeue(uuidOf("job", command.job));
    case "advance":
      return await side.advance(command.ms);
    case "raise":
      return await side.raise(command.to, command.sqlstate);
    default: {
      const lease = pickLease(book, command.lease);
      return lease && (await write(side, lease, command));
    }
  }
}

type LeaseCommand = Extract<Command, { readonly lease: number }>;

async function write(side: Side, lease: KnownLease, command: LeaseCommand): Promise<unknown> {
  const { store } = side;
  const output: PhaseOutput = { output: { by: lease.token, at: lease.phase }, provenance: {} };
  switch (command.name) {
    case "start":
      return await store.startJob(lease);
    case "load":
      return await store.loadResults(lease);
    case "hold": {
      const parameters = [lease.jobId, lease.token];
      return await store.commit(lease, [{ text: side.effect, parameters }]);
    }
    case "savePart": {
      const phase = command.phase === "own" ? lease.phase : nextPhase(lease.type, lease.phase);
      const part = { ...output, ...(command.phase === "none" ? {} : { phase }) };
      return await store.savePart(lease, command.part, part);
    }
    case "checkpoint": {
      const phase = stepPhase(lease, command);
      const step = { phase, nextPhase: nextPhase(lease.type, phase), yields: command.yields };
      return withoutChance(await store.checkpointJob(lease, step, output));
    }
    case "complete":
      return withoutChance(await store.completeJob(lease, output));
    case "retry":
      return withoutChance(await store.retryJob(lease, reasonOf(command.retryAfterMs)));
    case "release":
      return withoutChance(
        await store.releaseJob(lease, command.kind, reasonOf(command.retryAfterMs)),
      );
    default:
      return withoutChance(await store.failJob(lease, reasonOf(undefined)));
  }
}

/** How long a job would wait that waits no more is random, and nobody's business. */
function withoutChance(answer: SettleAnswer): object {
  return answer.state === "dead" ? { ...answer, delayMs: undefined } : answer;
}

function reasonOf(retryAfterMs: number | undefined): Reason {
  return { code: "backend_failed", message: "It broke.", retryAfterMs };
}

async function claim(
  side: Side,
  book: Book,
  command: Extract<Command, { readonly name: "claim" }>,
): Promise<readonly ClaimSight[]> {
  return toSights(side, await side.store.claimJobs(toClaim(side, book, command)));
}

/** How long to wait is random, and shows in the resource's row. */
async function claimFor(
  side: Side,
  book: Book,
  command: Extract<Command, { readonly name: "claimFor" }>,
): Promise<unknown> {
  const resource = resourceOf(command.resource);
  const { jobs, state, code, places } = await side.store.claimForResource({
    ...toClaim(side, book, command),
    resource,
  });
  return { jobs: toSights(side, jobs), state, code, places };
}

function toClaim(
  side: Side,
  book: Book,
  command: Extract<Command, { readonly takesSolo: boolean }>,
): ClaimRequest {
  const { worker, limit, leaseMs } = command;
  // Zero stands for all lanes.
  const all = [...side.lanes];
  const chosen = command.lanes === 0 ? all : all.slice(command.lanes - 1, command.lanes + 1);
  return {
    worker: workerOf(worker),
    token: uuidOf("token", book.claims.length),
    lanes: chosen.map(([, { laneId }]) => laneId),
    soloLanes: command.takesSolo ? chosen.map(([, { soloLaneId }]) => soloLaneId) : [],
    limit,
    leaseMs,
  };
}

function toSights(side: Side, jobs: readonly ClaimedJob[]): readonly ClaimSight[] {
  return jobs
    .map((job) => toSight([...side.lanes], job))
    .toSorted((one, other) => Number(one.jobId) - Number(other.jobId));
}

function resourceOf(number: number): string {
  return `host/${number}`;
}

function toSight(
  lanes: readonly (readonly [string, { laneId: number; soloLaneId: number }])[],
  job: ClaimedJob,
): ClaimSight {
  const { jobId, publicId, attempt, solo, payload, laneId } = job;
  const [name = "/"] =
    lanes.find(([, ids]) => ids.laneId === laneId || ids.soloLaneId === laneId) ?? [];
  const [type = "", phase = ""] = name.split("/");
  return { jobId, publicId, type, phase, attempt, solo, payload };
}

function toNewJob(command: Extract<Command, { readonly name: "enqueue" }>): NewJob {
  const { job, priority, delayMs, uniqueKey, idempotencyKey, skips } = command;
  const { name: type, phases } = types[command.type] ?? types[0];
  const phase = phases[command.phase] ?? phases[0];
  const before = phases.slice(0, command.phase);
  const skipped = before.map((name) => [name, { output: { skipped: job }, provenance: {} }]);
  return {
    id: uuidOf("job", job),
    queue: "default",
    type,
    version: 1,
    phase,
    priority,
    delayMs,
    payload: { job },
    ...(uniqueKey === undefined ? {} : { uniqueKey: `unique ${uniqueKey}` }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey: `idempotent ${idempotencyKey}` }),
    ...(skips ? { skipped: Object.fromEntries(skipped) } : {}),
  };
}

function pickLease({ leases }: Book, number: number): KnownLease | undefined {
  return leases[number % Math.max(leases.length, 1)];
}

function isSameJob(key: LeaseKey): (other: LeaseKey) => boolean {
  return (other) => other.jobId === key.jobId;
}

function stepPhase(
  { type, phase }: KnownLease,
  command: Extract<Command, { readonly name: "checkpoint" }>,
): string {
  return command.phase === "own" ? phase : nextPhase(type, phase);
}

function nextPhase(type: string, phase: string): string {
  const phases: readonly string[] = types.find(({ name }) => name === type)?.phases ?? [];
  return phases[(phases.indexOf(phase) + 1) % phases.length] ?? phase;
}

function workerOf(number: number): string {
  return `worker ${number % jobCount}`;
}
