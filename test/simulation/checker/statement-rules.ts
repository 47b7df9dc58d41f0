import type { Postgres } from "../world/postgres.ts";
import { wasHealthySince } from "../world/process-state.ts";
import type { GrantedLease, Statement } from "../world/statement.ts";
import type { JobPlan } from "../world/workload.ts";
import {
  addStarts,
  type GrantRecord,
  keepResult,
  type Ledger,
  type Moved,
  resultKey,
  startsOf,
} from "./ledger.ts";
import { bookLapse, bookSettling, move, type Settling } from "./settling-rules.ts";

/** What the rules for statements know and say. */
export interface StatementRules {
  readonly ledger: Ledger;
  readonly postgres: Postgres;
  planOf(publicId: string): JobPlan;
  readonly now: () => number;
  readonly report: (violation: string) => void;
  /** Somebody else ended a grant, and its holder must let go. */
  lost(grant: GrantRecord): void;
}

/** Judges who may do what, and books it. Answers what the hooks must have been told of. */
export function bookStatement(rules: StatementRules, statement: Statement): readonly Moved[] {
  switch (statement.name) {
    case "ask":
    case "peekLanes":
      return [];
    case "claimJobs":
      bookClaim(rules, statement);
      return [];
    case "abandonClaim":
      bookAbandon(rules, statement);
      return [];
    case "renewLeases":
      bookRenewal(rules, statement);
      return [];
    case "startJob":
      bookStart(rules, statement);
      return [];
    case "savePart":
    case "commit":
      bookWrite(rules, statement);
      return [];
    case "lapseLeases":
      return statement.lapsed.map((lapsed) => bookOneLapse(rules, lapsed));
    case "enqueueJobs":
      bookEnqueue(rules, statement);
      return [];
    case "cancelJob":
    case "requeueJob":
      return bookOrder(rules, statement);
    default:
      return bookOwn(rules, statement);
  }
}

type Named<Name extends Statement["name"]> = Extract<Statement, { readonly name: Name }>;

function bookClaim(
  rules: StatementRules,
  { process, request, jobs, isLate }: Named<"claimJobs">,
): void {
  const { ledger, report } = rules;
  const now = rules.now();
  if (process === undefined) return;
  if (jobs.length > request.limit) report(`${jobs.length} jobs were claimed of ${request.limit}`);
  if (jobs.some(({ solo }) => solo) && jobs.length > 1) {
    report("a job that must run alone was claimed with others");
  }
  for (const claimed of jobs) {
    const job = ledger.job(claimed.publicId);
    const who = `${process.name} was given ${claimed.publicId}`;
    if (job.state !== "queued") report(`${who}, which is ${job.state}`);
    if (now < job.dueAt) report(`${who}, which is not due`);
    if (claimed.solo !== job.isSolo) report(`${who} to run ${claimed.solo ? "" : "not "}alone`);
    const attempt = startsOf(job, job.phase) + 1;
    if (claimed.attempt !== attempt) {
      report(`${who} as attempt ${claimed.attempt}, which must be ${attempt}`);
    }
    const grant: GrantRecord = {
      number: claimed.grant,
      job,
      process,
      token: request.token,
      leaseMs: request.leaseMs,
      isSolo: claimed.solo,
      resource: "resource" in request ? request.resource : undefined,
      isLate,
      isStarted: !claimed.solo,
      until: now + request.leaseMs,
      ended: undefined,
      passed: new Set(),
      hasRun: false,
    };
    if (grant.isStarted) addStarts(job, job.phase, 1);
    ledger.addGrant(grant);
    job.grant = grant;
    job.state = "leased";
  }
}

function bookAbandon({ ledger, report }: StatementRules, statement: Named<"abandonClaim">): void {
  for (const grant of ledger.grantsOf(statement.process, statement.token)) {
    const { job } = grant;
    if (job.grant !== grant) continue;
    if (grant.hasRun) report(`a claim of ${job.plan.newJob.id} was abandoned after it ran`);
    if (grant.isStarted) addStarts(job, job.phase, -1);
    grant.ended = "abandoned";
    move(job, { to: "queued", code: undefined, result: undefined });
    job.dueAt = 0;
  }
}

function bookRenewal(rules: StatementRules, { leases, answers }: Named<"renewLeases">): void {
  for (const lease of leases) {
    const answer = answers.get(lease.jobId) ?? "lost";
    const isGone = answer !== "ok" && answer !== "busy";
    const grant = judge(rules, lease, { name: "renewLeases", outcome: isGone ? "lost" : answer });
    if (grant === undefined) continue;
    if (answer === "ok") grant.until = rules.now() + grant.leaseMs;
    if (isGone) judgeReason(rules, grant, answer);
  }
}

/** Who lost a lease to an order is told so, and nobody else is. */
function judgeReason({ report }: StatementRules, grant: GrantRecord, answer: string): void {
  // A run that never began leaves no trace to know it by, once its job is queued again.
  if (!grant.isStarted) return;
  const reason = grant.ended === "cancelled" ? "cancelled" : "lost";
  if (answer !== reason) {
    const { plan } = grant.job;
    report(`a renewal of ${plan.newJob.id} was told "${answer}", and must be "${reason}"`);
  }
}

function bookStart(rules: StatementRules, { name, lease, answer }: Named<"startJob">): void {
  const grant = judge(rules, lease, { name, outcome: answer });
  if (grant === undefined || answer === "lost") return;
  if (!grant.isStarted) addStarts(grant.job, grant.job.phase, 1);
  grant.isStarted = true;
  grant.until = rules.now() + grant.leaseMs;
}

function bookWrite(rules: StatementRules, statement: Named<"savePart" | "commit">): void {
  const { name, lease, answer } = statement;
  const phase = name === "savePart" ? statement.result.phase : undefined;
  // What comes after its phase is refused, though the job may go on under the same lease.
  const isOver = phase !== rules.ledger.grant(lease.grant)?.job.phase;
  if (answer === "lost" && isOver && phase !== undefined) return;
  const grant = judge(rules, lease, { name, outcome: answer });
  if (grant === undefined || answer === "lost") return;
  const { job } = grant;
  if (name === "commit") job.effects += 1;
  else keepResult(job, statement.part, statement.result.output);
}

function bookOwn(rules: StatementRules, statement: Settling): readonly Moved[] {
  const { name, lease, answer } = statement;
  const grant = judge(rules, lease, {
    name,
    outcome: answer.outcome,
    ...(name === "checkpointJob" ? { phase: statement.step.phase } : {}),
  });
  if ("reason" in statement) {
    const must = settlements[statement.reason.code];
    if (must !== name) rules.report(`${statement.reason.code} was settled as ${name}, not ${must}`);
  }
  const isAccepted = answer.outcome === "ok" || answer.outcome === "effect_failed";
  if (grant === undefined || !isAccepted) return [];
  const moved = bookSettling(grant, statement, rules.now());
  if (answer.state !== moved.to) {
    rules.report(`${name} of ${lease.jobId} answered ${answer.state}, which must be ${moved.to}`);
  }
  return [moved];
}

/** Whose fault an error is says how an attempt ends. */
const settlements: Readonly<Record<string, Settling["name"]>> = {
  adapter_unknown: "retryJob",
  deadline_exceeded: "retryJob",
  output_invalid: "retryJob",
  input_corrupt: "failJob",
  backend_unreachable: "outage",
  model_missing: "outage",
  database_unavailable: "outage",
  worker_stopping: "shutdown",
};

/**
 * Only the holder of the grant may be told that it wrote; and it must not be told that it is not the holder.
 *
 * Answers the grant when it is known.
 */
function judge(
  { ledger, report }: StatementRules,
  lease: GrantedLease,
  { name, outcome, phase }: { readonly name: string; readonly outcome: string; phase?: string },
): GrantRecord | undefined {
  const grant = ledger.grant(lease.grant);
  if (grant === undefined) return undefined;
  const { job } = grant;
  const holds = job.grant === grant;
  const what = `${name} of ${job.plan.newJob.id} by ${grant.process.name}`;
  if (outcome === "already") {
    const didPass = holds && phase !== undefined && grant.passed.has(phase);
    if (grant.ended !== "own" && !didPass) report(`${what} was told "already", and never did it`);
  } else if (outcome === "lost") {
    if (holds) report(`${what} was told "lost", and holds the lease`);
    // A run that never began leaves no trace to know it by.
    const isForgotten = grant.ended === "own" && grant.isStarted && isEnding(name);
    if (isForgotten) report(`${what} was told "lost", and had done it before`);
  } else if (!holds) {
    report(`${what} was accepted (${outcome}), and its lease was ${grant.ended ?? "taken"}`);
    return undefined;
  }
  return grant;
}

function isEnding(name: string): boolean {
  return name !== "renewLeases" && name !== "startJob" && name !== "savePart" && name !== "commit";
}

function bookOneLapse(
  rules: StatementRules,
  lapsed: Named<"lapseLeases">["lapsed"][number],
): Moved {
  const { ledger, postgres, report } = rules;
  const now = rules.now();
  const job = ledger.job(lapsed.publicId);
  const { grant } = job;
  if (grant === undefined) {
    report(`a lease of ${lapsed.publicId} lapsed, which is ${job.state}`);
    return move(job, { to: "queued", code: lapsed.code, result: undefined });
  }
  const { process, until, leaseMs } = grant;
  const what = `the lease of ${lapsed.publicId} lapsed`;
  if (now <= until) report(`${what} ${until - now} ms before its end`);
  if (now - postgres.startedAt() < leaseMs) report(`${what} too soon after Postgres started`);
  // Rounded down: sums of fractions are not exact.
  const heldSince = Math.floor(until - leaseMs);
  if (wasHealthySince(process, heldSince) && postgres.lastAwayAt() < heldSince) {
    report(`${what}, and nothing kept ${process.name} from renewing it`);
  }
  const isInnocent = process.endedBy === "poisoned" && process.poisonedBy !== lapsed.publicId;
  if (grant.isSolo && grant.isStarted && isInnocent) {
    report(`${lapsed.publicId} ran alone, and yet beside ${process.poisonedBy}, which killed it`);
  }
  const moved = bookLapse(grant, lapsed.code, now);
  rules.lost(grant);
  if (lapsed.state !== moved.to) {
    report(`${what} and was answered ${lapsed.state}, which must be ${moved.to}`);
  }
  return moved;
}

function bookEnqueue(rules: StatementRules, { publicId, answer }: Named<"enqueueJobs">): void {
  if (answer === "existing") return;
  const plan = rules.planOf(publicId);
  const { skipped = {}, phase, delayMs = 0 } = plan.newJob;
  const results = new Map(
    Object.entries(skipped).map(([name, { output }]) => [
      resultKey(name, 0),
      { output, attempt: 0 },
    ]),
  );
  rules.ledger.add({
    id: rules.ledger.jobs.size + 1,
    plan,
    type: plan.type,
    state: "queued",
    phase,
    isSolo: false,
    grant: undefined,
    dueAt: rules.now() + delayMs,
    starts: new Map(),
    counters: new Map(),
    results,
    hookCalls: 0,
    effects: 0,
  });
}

function bookOrder(
  rules: StatementRules,
  { name, publicId, answer }: Named<"cancelJob" | "requeueJob">,
): readonly Moved[] {
  const job = rules.ledger.jobs.get(publicId);
  const isLive = job?.state === "queued" || job?.state === "leased";
  const can = name === "cancelJob" ? isLive : !isLive && job?.state !== "completed";
  if (job === undefined || answer !== "ok") {
    const isRefused = answer === "conflict" || answer === "not_found" || !can;
    if (!isRefused) rules.report(`${name} of ${publicId} was answered ${answer}`);
    return [];
  }
  if (!can) rules.report(`${name} of ${publicId} was accepted, which is ${job.state}`);
  if (name === "cancelJob") {
    const { grant } = job;
    if (grant !== undefined) {
      grant.ended = "cancelled";
      rules.lost(grant);
    }
    return [move(job, { to: "cancelled", code: "cancelled", result: undefined })];
  }
  job.counters.clear();
  job.isSolo = false;
  job.dueAt = 0;
  return [move(job, { to: "queued", code: undefined, result: undefined })];
}
