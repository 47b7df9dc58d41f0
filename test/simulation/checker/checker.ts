import type { WorkerEvent } from "@leasehold/core";

import type { RunObserver } from "../world/execution.ts";
import type { ProcessObserver, WorkerProcess } from "../world/fleet.ts";
import type { Postgres, StatementObserver } from "../world/postgres.ts";
import type { ProcessState } from "../world/process-state.ts";
import type { Statement } from "../world/statement.ts";
import type { JobPlan } from "../world/workload.ts";
import type { World } from "../world/world.ts";
import { createLedger, type Moved } from "./ledger.ts";
import { createResourceRules } from "./resource-rules.ts";
import { findHookProblem, findRowProblem } from "./row-rules.ts";
import { createRunRules, type RunRules } from "./run-rules.ts";
import { bookStatement, type StatementRules } from "./statement-rules.ts";

/** Judges a simulation while it runs. It is told everything, and tells nobody anything but a violation. */
export interface Checker {
  readonly runs: RunObserver;
  readonly processes: ProcessObserver;
  readonly statement: StatementObserver;
  /** Whether every job has ended. */
  isAllOver(): boolean;
  /** The promises of the end: nothing is left, and nobody has given up a lane. */
  judgeRest(processes: readonly WorkerProcess[]): void;
  judgeEnd(): void;
}

export interface CheckerOptions {
  readonly world: World;
  readonly postgres: Postgres;
  readonly plans: readonly JobPlan[];
}

/** Grace, the time to abandon a deaf adapter, and what a worker needs beside them to say goodbye. */
const stopMsMax = 25_000 + 5_000 + 8_000;

export function createChecker({ world, postgres, plans }: CheckerOptions): Checker {
  const { timeline, profile } = world;
  const report = (violation: string): void => world.report(violation);
  const ledger = createLedger();
  const leaseMs = profile.leaseSeconds * 1000;
  const runs = createRunRules({
    timeline,
    leaseMs,
    report,
    hinderedUntil: (process) => lastHindrance(timeline.now(), postgres, process),
  });
  const byId = new Map(plans.map((plan) => [plan.newJob.id, plan]));
  const rules: StatementRules = {
    ledger,
    postgres,
    report,
    now: () => timeline.now(),
    lost: (grant) => runs.lost(grant),
    planOf(publicId) {
      const plan = byId.get(publicId);
      if (plan === undefined) throw new Error(`There is no plan for ${publicId}.`);
      return plan;
    },
  };
  const resources = createResourceRules({
    ledger,
    postgres,
    report,
    now: rules.now,
    bounds: profile.bounds,
  });

  return {
    runs: { began: (process, request, context) => runs.began(process, request, context) },
    processes: {
      told: (process, event) => judgeEvent(rules, { world, runs }, { process, event }),
      ended: (process) => judgeStop(rules, process),
    },
    statement(statement) {
      resources.seen(statement);
      const moved = bookStatement(rules, statement);
      noteRuns(rules, runs, statement);
      judgeJobs(rules, moved);
    },
    isAllOver() {
      const { ready, lease } = postgres.schema.tables;
      return ready.count() === 0 && lease.count() === 0;
    },
    judgeRest: (processes) => resources.judgeRest(processes),
    judgeEnd() {
      const { lease, ready, uniqueKey } = postgres.schema.tables;
      if (lease.count() > 0) report(`${lease.count()} leases are left`);
      if (ready.count() > 0) report(`${ready.count()} jobs are left waiting`);
      if (uniqueKey.count() > 0) report(`${uniqueKey.count()} unique keys are left`);
    },
  };
}

function judgeJobs({ ledger, postgres, report }: StatementRules, moves: readonly Moved[]): void {
  const { schema } = postgres;
  for (const id of schema.journal.changedJobs()) {
    const publicId = schema.tables.job.get(id)?.publicId ?? "";
    const job = ledger.jobs.get(publicId);
    if (job === undefined) {
      report(`job ${id} came from nowhere`);
      continue;
    }
    const moved = moves.find((one) => one.job === job);
    const raises = postgres.raisesFor(id);
    const problem = findRowProblem(schema, job) ?? findHookProblem(schema, job, { moved, raises });
    if (problem !== undefined) report(`${publicId}: ${problem}`);
    job.hookCalls = schema.tables.hookCall.get(id)?.length ?? 0;
  }
  for (const { job } of moves) {
    if (!schema.journal.changedJobs().includes(job.id)) {
      report(`${job.plan.newJob.id} must have moved, and its rows have not`);
    }
  }
}

/** Which attempts a process may run now, and which runs it must end. */
function noteRuns({ ledger }: StatementRules, runs: RunRules, statement: Statement): void {
  if (statement.name === "claimJobs") {
    for (const { grant, attempt } of statement.jobs) {
      const record = ledger.grant(grant);
      if (record !== undefined) runs.allow(record, attempt);
    }
  } else if (statement.name === "checkpointJob") {
    const record = ledger.grant(statement.lease.grant);
    const { attempt } = statement.answer;
    if (record !== undefined && attempt !== undefined) runs.allow(record, attempt);
  }
}

function judgeEvent(
  { ledger, report }: StatementRules,
  { world, runs }: { readonly world: World; readonly runs: RunRules },
  { process, event }: { readonly process: WorkerProcess; readonly event: WorkerEvent },
): void {
  world.tell(() => `${process.name} tells ${tellEvent(event)}`);
  if (event.name === "adapter.abandoned") runs.abandoned(process, event);
  if (event.name === "job.completed") {
    const { state } = ledger.job(event.jobId);
    if (state !== "completed") report(`${event.jobId} is told to be completed, and is ${state}`);
  }
  if (event.name === "worker.stopping") expectEnd(world, process);
}

/** Who stops in peace gives back what it holds. */
function judgeStop(rules: StatementRules, process: ProcessState): void {
  const { ledger, postgres, report } = rules;
  const { stoppingAt } = process;
  if (process.endedBy !== "stopped" || stoppingAt === undefined) return;
  if (lastHindrance(rules.now(), postgres, process) >= stoppingAt) return;
  for (const { grant, plan } of ledger.jobs.values()) {
    if (grant?.process === process && !grant.isLate)
      report(`${process.name} stopped and kept ${plan.newJob.id}`);
  }
}

/** When something last kept a process from its work or from Postgres. */
function lastHindrance(now: number, postgres: Postgres, process: ProcessState): number {
  const awayAt = postgres.isUp() ? postgres.lastAwayAt() : now;
  return Math.max(process.stalledUntil, process.lastTroubleAt, awayAt);
}

function expectEnd({ timeline, report }: World, process: ProcessState): void {
  const since = timeline.now();
  const check = (): void => {
    if (!process.isAlive) return;
    const now = timeline.now();
    if (process.stalledUntil >= since && now < process.stalledUntil + stopMsMax) {
      return void timeline.after(process.stalledUntil + stopMsMax - now, check);
    }
    report(`${process.name} has not stopped ${Math.round(now - since)} ms after it was told to`);
    return undefined;
  };
  timeline.after(stopMsMax, check);
}

function tellEvent(event: WorkerEvent): string {
  const { name, ...fields } = event;
  return `${name} ${Object.values(fields).map(String).join(" ")}`;
}
