import type { Statement } from "../world/statement.ts";
import {
  addStarts,
  counterOf,
  type GrantRecord,
  type JobRecord,
  keepResult,
  type Moved,
} from "./ledger.ts";

/** A statement that its holder ends an attempt with, and that was accepted. */
export type Settling = Extract<
  Statement,
  {
    readonly name: "checkpointJob" | "completeJob" | "failJob" | "outage" | "retryJob" | "shutdown";
  }
>;

/** Sooner than this no backend that was down is asked again. */
const outageMsMin = 5_000;

/** Books what a holder's statement did to its job, by the promises and not by the model. */
export function bookSettling(grant: GrantRecord, statement: Settling, now: number): Moved {
  const { job } = grant;
  if (statement.name === "checkpointJob" || statement.name === "completeJob") {
    keepResult(job, 0, statement.result.output);
  }
  if (statement.answer.outcome === "effect_failed") {
    grant.ended = "own";
    return bookEffect(job, now);
  }
  if (statement.name === "checkpointJob") return bookCheckpoint(grant, statement, now);
  grant.ended = "own";
  const code = statement.name === "completeJob" ? undefined : statement.reason.code;
  const result = statement.name === "completeJob" ? statement.result.output : undefined;
  return move(job, { to: bookEnd(job, statement.name, now), code, result });
}

function bookCheckpoint(
  grant: GrantRecord,
  { step, result }: Extract<Settling, { readonly name: "checkpointJob" }>,
  now: number,
): Moved {
  const { job } = grant;
  grant.passed.add(step.phase);
  const to = step.yields ? "queued" : "leased";
  const moved = move(job, { to, code: undefined, result: result.output });
  job.phase = step.nextPhase;
  if (step.yields) {
    grant.ended = "own";
    job.dueAt = now;
  } else {
    job.grant = grant;
    grant.until = now + grant.leaseMs;
    addStarts(job, step.nextPhase, 1);
  }
  return moved;
}

function bookEnd(
  job: JobRecord,
  name: Exclude<Settling["name"], "checkpointJob">,
  now: number,
): JobRecord["state"] {
  if (name === "retryJob") return bookFailure(job, now);
  job.dueAt = now;
  if (name === "outage") {
    counterOf(job, job.phase).outages += 1;
    job.dueAt += outageMsMin;
  }
  return endStates[name];
}

const endStates = {
  completeJob: "completed",
  failJob: "failed",
  outage: "queued",
  shutdown: "queued",
} as const;

/** The job's own failure: used up, it is dead. */
function bookFailure(job: JobRecord, now: number): "queued" | "dead" {
  const counter = counterOf(job, job.phase);
  counter.failures += 1;
  job.dueAt = now + job.type.backoffBaseMs / 2;
  return counter.failures > job.type.retriesMax ? "dead" : "queued";
}

/** The hook raised: whatever was asked for did not happen, and the job is charged. */
function bookEffect(job: JobRecord, now: number): Moved {
  const moved = move(job, { to: bookFailure(job, now), code: "effect_failed", result: undefined });
  return { ...moved, isEffect: true };
}

/** A lease that ran out: a loss, if it was one of a start. */
export function bookLapse(grant: GrantRecord, code: string, now: number): Moved {
  const { job } = grant;
  grant.ended = "lapsed";
  if (code === "effect_failed") {
    const moved = bookEffect(job, now);
    job.isSolo = true;
    return moved;
  }
  if (grant.isStarted) {
    const counter = counterOf(job, job.phase);
    counter.losses += 1;
    if (grant.isSolo) counter.lossesAlone += 1;
  }
  const counters = [...job.counters.values()];
  const losses = counters.reduce((sum, counter) => sum + counter.losses, 0);
  const isProven = counters.some(({ lossesAlone }) => lossesAlone > 0);
  job.isSolo = true;
  job.dueAt = now;
  const isDead = grant.isStarted && isProven && losses >= job.type.lossesMax;
  return move(job, { to: isDead ? "dead" : "queued", code, result: undefined });
}

/** Ends the grant of a job, if it has one, and puts the job elsewhere. */
export function move(
  job: JobRecord,
  {
    to,
    code,
    result,
  }: { readonly to: JobRecord["state"]; code: string | undefined; result: unknown },
): Moved {
  const { state: from, phase } = job;
  job.state = to;
  job.grant = undefined;
  return { job, from, to, phase, code, result, isEffect: false };
}
