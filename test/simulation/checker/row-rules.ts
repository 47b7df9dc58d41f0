import type { Lease, Ready } from "../model/rows.ts";
import type { Schema } from "../model/schema.ts";
import { counterOf, type JobRecord, type Moved, resultKey, startsOf } from "./ledger.ts";

/** Tells of what a job's rows show that they must not; undefined when all is well. */
export function findRowProblem(schema: Schema, job: JobRecord): string | undefined {
  return (
    findPlaceProblem(schema, job) ??
    findAttemptProblem(schema, job) ??
    findCounterProblem(schema, job) ??
    findResultProblem(schema, job)
  );
}

function findPlaceProblem({ tables }: Schema, job: JobRecord): string | undefined {
  const ready = tables.ready.get(job.id);
  const lease = tables.lease.get(job.id);
  const stopped = tables.stopped.get(job.id);
  const places = [ready, lease, stopped].filter((row) => row !== undefined);
  const isCompleted = places.length === 0;
  if (places.length > 1) return `it is in ${places.length} places at once`;
  const { queue, uniqueKey } = job.plan.newJob;
  if (uniqueKey !== undefined) {
    const isHolder = tables.uniqueKey.get(`${queue} ${uniqueKey}`) === job.id;
    if (isHolder === (isCompleted || stopped !== undefined))
      return "it holds its unique key when it must not";
  }
  if (isCompleted || stopped !== undefined) {
    const state = stopped?.state ?? "completed";
    const isRight = state === job.state && (isCompleted || stopped?.phase === job.phase);
    return isRight ? undefined : `it is ${state}, and must be ${job.state}`;
  }
  const lane = tables.lanes.find(({ id }) => id === (lease ?? ready)?.laneId);
  if (lane?.phase !== job.phase) return `it is at ${lane?.phase}, and must be at ${job.phase}`;
  if (lane.solo !== job.isSolo) return `its lane is ${lane.solo ? "" : "not "}solo`;
  return ready === undefined ? findLeaseProblem(lease, job) : findReadyProblem(ready, job);
}

function findReadyProblem(ready: Ready, job: JobRecord): string | undefined {
  if (job.state !== "queued") return `it is queued, and must be ${job.state}`;
  if (ready.dueAt < job.dueAt) return `it is due at ${ready.dueAt}, before ${job.dueAt}`;
  const starts = startsOf(job, job.phase);
  if (ready.attempt === starts) return undefined;
  return `it is queued with ${ready.attempt} starts, and had ${starts}`;
}

function findLeaseProblem(lease: Lease | undefined, job: JobRecord): string | undefined {
  const { grant } = job;
  if (grant === undefined || lease === undefined) return `it is leased, and must be ${job.state}`;
  if (lease.token !== grant.token || lease.worker !== grant.process.name) {
    return "its lease is not its holder's";
  }
  if (lease.until !== grant.until) return `its lease ends at ${lease.until}, not ${grant.until}`;
  if ((lease.startedAt !== undefined) !== grant.isStarted) return "its start is not counted";
  const attempt = startsOf(job, job.phase) + (grant.isStarted ? 0 : 1);
  if (lease.attempt === attempt) return undefined;
  return `its lease is attempt ${lease.attempt}, and must be ${attempt}`;
}

function findAttemptProblem({ tables }: Schema, job: JobRecord): string | undefined {
  const rows = tables.attempt.get(job.id) ?? [];
  let expected = 0;
  for (const phase of job.starts.keys()) {
    const count = endedStarts(job, phase);
    expected += count;
    for (let attempt = 1; attempt <= count; attempt += 1) {
      const found = rows.filter((row) => row.phase === phase && row.attempt === attempt);
      if (found.length !== 1) return `it has ${found.length} attempts ${attempt} of ${phase}`;
    }
  }
  if (rows.length === expected) return undefined;
  return `it has ${rows.length} ended attempts, and must have ${expected}`;
}

function findCounterProblem({ tables }: Schema, job: JobRecord): string | undefined {
  const rows = tables.jobCounter.get(job.id) ?? [];
  for (const { name } of job.plan.type.phases) {
    const row = rows.find(({ phase }) => phase === name);
    const must = counterOf(job, name);
    for (const kind of ["failures", "losses", "lossesAlone", "outages"] as const) {
      const count = row?.[kind] ?? 0;
      if (count !== must[kind]) return `${kind} of ${name} are ${count}, and must be ${must[kind]}`;
    }
  }
  return undefined;
}

function findResultProblem({ tables }: Schema, job: JobRecord): string | undefined {
  const rows = tables.result.get(job.id) ?? [];
  for (const { phase, part, output, attempt } of rows) {
    const key = resultKey(phase, part);
    const kept = job.results.get(key);
    if (kept === undefined) return `a result of ${key} came from nowhere`;
    if (kept.output !== output || kept.attempt !== attempt)
      return `the result of ${key} was changed`;
    const { phase: madeFor, part: madeAs } = output as { phase?: unknown; part?: unknown };
    if (madeFor !== phase || madeAs !== part) {
      return `what is stored as ${key} is ${String(madeFor)}/${String(madeAs)}`;
    }
  }
  if (rows.length !== job.results.size) {
    return `it has ${rows.length} results, and must have ${job.results.size}`;
  }
  const effects = tables.effect.get(job.id)?.length ?? 0;
  if (effects === job.effects) return undefined;
  return `${effects} of its host's statements were committed, and ${job.effects} may be`;
}

/** Attempts of the job's phase that have ended. */
function endedStarts(job: JobRecord, phase: string): number {
  const runs = job.grant?.isStarted === true && job.phase === phase;
  return startsOf(job, phase) - (runs ? 1 : 0);
}

/** The hook must have been called once per transition, with it, and not for anything that was undone. */
export function findHookProblem(
  { tables }: Schema,
  job: JobRecord,
  { moved, raises }: { readonly moved: Moved | undefined; readonly raises: number },
): string | undefined {
  const calls = tables.hookCall.get(job.id) ?? [];
  const fresh = calls.slice(job.hookCalls);
  const expected = countCalls(job, moved, raises);
  if (fresh.length !== expected) {
    return `its hook was called ${fresh.length} times, and must be ${expected} times`;
  }
  const [call] = fresh;
  if (call === undefined || moved === undefined) return undefined;
  for (const kind of ["from", "to", "phase", "code", "result"] as const) {
    if (call[kind] !== moved[kind]) return `its hook was told of another "${kind}"`;
  }
  return undefined;
}

function countCalls(job: JobRecord, moved: Moved | undefined, raises: number): number {
  if (!job.type.hasHook || moved === undefined) return 0;
  // What a hook wrote before it raised is undone. When it raises for the charge too, it is left out.
  if (moved.isEffect) return raises < 2 ? 1 : 0;
  return 1;
}
