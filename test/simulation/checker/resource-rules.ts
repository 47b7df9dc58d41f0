import type { Postgres } from "../world/postgres.ts";
import type { ProcessState } from "../world/process-state.ts";
import type { Statement } from "../world/statement.ts";
import { type GrantRecord, type Ledger, resultKey, startsOf } from "./ledger.ts";

/** Judges how a resource that was away is taken up again, and whether anybody's lanes are forgotten over it. */
export interface ResourceRules {
  /** To be told before the statement is booked. */
  seen(statement: Statement): void;
  judgeRest(processes: readonly ProcessState[]): void;
}

export interface ResourceRulesOptions {
  readonly ledger: Ledger;
  readonly postgres: Postgres;
  readonly now: () => number;
  readonly report: (violation: string) => void;
  /** Jobs that a resource bears at once. */
  readonly bounds: Readonly<Record<string, number | undefined>>;
}

/** What the checker knows of one resource, by the promises and not by the model. */
interface ResourceRecord {
  state: "closed" | "open" | "probing";
  /** While it is open: nobody may look before. */
  notBefore: number;
  /** Number of the grant that looks, and when it was given. */
  probe: number;
  probedAt: number;
  /** Its probe showed that the backend answers. */
  answeredAt: number | undefined;
  /** Since when it is taken up again. */
  backAt: number;
}

/** Sooner than this no backend that was down is asked again, by anybody. */
const probeMsMin = 5_000;
/** A resource is left alone for a minute at most; then its lanes are asked for again. */
const laneMsMax = 90_000;

export function createResourceRules(options: ResourceRulesOptions): ResourceRules {
  const { postgres, now, report } = options;
  const { lanes } = postgres.schema.tables;
  const records = new Map<string, ResourceRecord>();
  const asked = new Map<string, number>();
  const recordOf = (resource: string): ResourceRecord => {
    const known = records.get(resource) ?? newRecord();
    records.set(resource, known);
    return known;
  };
  return {
    seen(statement) {
      const { process } = statement;
      if (statement.name === "claimJobs" || statement.name === "peekLanes") {
        const own = statement.name === "claimJobs" ? statement.request.lanes : statement.lanes;
        for (const laneId of own) asked.set(`${process?.id} ${laneId}`, now());
      }
      if (statement.name === "claimJobs") {
        const { request, jobs } = statement;
        if (!("resource" in request)) return;
        const record = recordOf(request.resource);
        noteAnswer(record);
        const grants = jobs.map(({ grant }) => grant);
        if (grants.length > 0) judgeClaim(options, record, { resource: request.resource, grants });
        return;
      }
      const grant = "lease" in statement ? options.ledger.grant(statement.lease.grant) : undefined;
      if (grant?.resource === undefined || !("answer" in statement)) return;
      noteEnd(recordOf(grant.resource), { grant, statement, now: now() });
    },
    judgeRest(processes) {
      for (const process of processes) {
        for (const { id, solo, phase } of lanes) {
          const askedAt = asked.get(`${process.id} ${id}`) ?? 0;
          if (!solo && now() - askedAt > laneMsMax) report(`${process.name} has given up ${phase}`);
        }
      }
    },
  };
}

function newRecord(): ResourceRecord {
  return {
    state: "closed",
    notBefore: 0,
    probe: 0,
    probedAt: -probeMsMin,
    answeredAt: undefined,
    backAt: -Infinity,
  };
}

/** What a probe has shown counts from the next claim on: until then nothing else that is told changes it. */
function noteAnswer(record: ResourceRecord): void {
  if (record.state !== "probing" || record.answeredAt === undefined) return;
  record.state = "closed";
  record.backAt = record.answeredAt;
  record.answeredAt = undefined;
}

function judgeClaim(
  { ledger, now, report, bounds }: ResourceRulesOptions,
  record: ResourceRecord,
  { resource, grants }: { readonly resource: string; readonly grants: readonly number[] },
): void {
  const [probe = 0] = grants;
  const live = [...ledger.jobs.values()].filter(({ grant }) => grant?.resource === resource);
  const count = live.length + grants.length;
  const bound = bounds[resource] ?? Infinity;
  if (count > bound) report(`${resource} has ${count} jobs at once, and bears ${bound}`);
  if (record.state === "closed") {
    const slow = 2 ** Math.floor((now() - record.backAt) / 5_000);
    if (count > slow)
      report(`${resource} came back a moment ago, and has ${count} jobs, not ${slow}`);
    return;
  }
  if (grants.length > 1) report(`${grants.length} jobs look whether ${resource} is back`);
  if (record.state === "open" && now() < record.notBefore) {
    report(`${resource} is asked ${Math.round(record.notBefore - now())} ms too early`);
  }
  if (record.state === "probing" && live.some(({ grant }) => grant?.number === record.probe)) {
    report(`${resource} is asked by another job while one looks whether it is back`);
  }
  if (now() < record.probedAt + probeMsMin) report(`${resource} is probed twice in five seconds`);
  Object.assign(record, { state: "probing", probe, probedAt: now(), answeredAt: undefined });
}

type Ending = Extract<Statement, { readonly answer: unknown }>;

function noteEnd(
  record: ResourceRecord,
  {
    grant,
    statement,
    now,
  }: { readonly grant: GrantRecord; readonly statement: Statement; readonly now: number },
): void {
  const { name, answer } = statement as Ending;
  const outcome = typeof answer === "object" ? answer.outcome : answer;
  if (outcome !== "ok" && outcome !== "effect_failed") return;
  const isProbe = record.state === "probing" && grant.number === record.probe;
  if (statement.name === "outage") {
    const { code, retryAfterMs = 0 } = statement.reason;
    if (code === "database_unavailable" || (record.state !== "closed" && !isProbe)) return;
    const notBefore = now + Math.max(probeMsMin, retryAfterMs);
    Object.assign(record, { state: "open", notBefore, answeredAt: undefined });
  } else if (isProbe && (outcome === "ok" ? answers : results).has(name) && !wasKnown(grant)) {
    record.answeredAt ??= now;
  }
}

const results: ReadonlySet<string> = new Set(["checkpointJob", "completeJob"]);
/** Where the hook raised, only a result shows that somebody answered. */
const answers: ReadonlySet<string> = new Set([...results, "failJob", "retryJob"]);

/** The phase was done before, and nobody was asked for it now. */
function wasKnown({ job }: GrantRecord): boolean {
  const result = job.results.get(resultKey(job.phase, 0));
  return result !== undefined && result.attempt < startsOf(job, job.phase);
}
