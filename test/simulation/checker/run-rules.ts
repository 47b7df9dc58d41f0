import type { PhaseRequest } from "@leasehold/core";

import type { ProcessState } from "../world/process-state.ts";
import type { Timeline } from "../world/timeline.ts";
import { type GrantRecord, type JobRecord, resultKey } from "./ledger.ts";

/** An adapter or a `run` function at work. */
interface RunRecord {
  readonly process: ProcessState;
  readonly grant: GrantRecord;
  readonly phase: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
  isOver: boolean;
}

/** Judges what workers run, and when they let go of it. */
export interface RunRules {
  /** A claim or a checkpoint gave a process this attempt. */
  allow(grant: GrantRecord, attempt: number): void;
  began(process: ProcessState, request: PhaseRequest, attempt: AttemptAtWork): () => void;
  /** The worker left an adapter behind that does not obey. */
  abandoned(
    process: ProcessState,
    attempt: Pick<AttemptAtWork, "jobId" | "phase" | "attempt">,
  ): void;
  /** Somebody else ended the grant: its run must be told. */
  lost(grant: GrantRecord): void;
}

export interface AttemptAtWork {
  readonly jobId: string;
  readonly phase: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
}

export interface RunRulesOptions {
  readonly timeline: Timeline;
  readonly leaseMs: number;
  /** Until when something kept a process from asking. */
  hinderedUntil(process: ProcessState): number;
  readonly report: (violation: string) => void;
}

/** An answer takes a while, and clocks run off. */
const slackMs = 2_000;

export function createRunRules(options: RunRulesOptions): RunRules {
  const { timeline, report } = options;
  const allowed = new Map<string, GrantRecord>();
  const active = new Map<ProcessState, Set<RunRecord>>();
  const began = new Set<string>();
  const runsOf = (process: ProcessState): ReadonlySet<RunRecord> =>
    active.get(process) ?? new Set<RunRecord>();

  /** One renewal interval, and longer only for a worker that cannot ask: then its own deadline ends the run. */
  const expectAbort = (run: RunRecord, since: number): void => {
    const check = (): void => {
      const { process, grant } = run;
      if (run.isOver || run.signal.aborted || !process.isAlive) return;
      const now = timeline.now();
      const wakesAt = options.hinderedUntil(process);
      const late = wakesAt + options.leaseMs + slackMs;
      if (wakesAt >= since && now < late) return void timeline.after(late - now, check);
      const name = `${grant.job.plan.newJob.id} in ${process.name}`;
      report(`${name} runs on ${Math.round(now - since)} ms after its lease was ${grant.ended}`);
      return undefined;
    };
    timeline.after(options.leaseMs / 3 + slackMs, check);
  };

  /** Whether or not it can ask: when the lease can be somebody else's, nobody works for it. */
  const expectAbortInTime = (run: RunRecord): void => {
    const { process, grant } = run;
    const check = (): void => {
      if (run.isOver || run.signal.aborted || !process.isAlive) return;
      const now = timeline.now();
      const notBefore = Math.max(grant.until, process.stalledUntil + slackMs);
      if (now < notBefore) return void timeline.after(notBefore - now, check);
      const name = `${grant.job.plan.newJob.id} in ${process.name}`;
      report(`${name} runs on though its lease has run out`);
      return undefined;
    };
    check();
  };

  return {
    allow(grant, attempt) {
      const { process, job } = grant;
      allowed.set(`${process.id} ${job.plan.newJob.id} ${job.phase} ${attempt}`, grant);
    },
    began(process, request, { jobId, phase, attempt, signal }) {
      const grant = allowed.get(`${process.id} ${jobId} ${phase} ${attempt}`);
      const what = `${process.name} runs attempt ${attempt} of ${phase} of ${jobId}`;
      if (grant === undefined) {
        report(`${what}, which was not counted before`);
        return () => undefined;
      }
      const key = `${jobId} ${phase} ${attempt}`;
      if (began.has(key)) report(`${what}, which was run before`);
      began.add(key);
      if (!grant.isStarted) report(`${what}, whose start was not counted`);
      const neighbours = [...runsOf(process)];
      if (neighbours.length > 0 && (grant.isSolo || neighbours.some((run) => run.grant.isSolo))) {
        report(`${what} beside others, and one of them must run alone`);
      }
      if (grant.job.grant === grant)
        judgeRequest(grant.job, request, (text) => report(what + text));
      grant.hasRun = true;
      const run: RunRecord = { process, grant, phase, attempt, signal, isOver: false };
      if (grant.ended !== undefined) expectAbort(run, timeline.now());
      expectAbortInTime(run);
      active.set(process, new Set([...neighbours, run]));
      return () => {
        run.isOver = true;
        active.get(process)?.delete(run);
      };
    },
    abandoned(process, { jobId, phase, attempt }) {
      for (const run of runsOf(process)) {
        const isIt = run.phase === phase && run.attempt === attempt;
        if (isIt && run.grant.job.plan.newJob.id === jobId) active.get(process)?.delete(run);
      }
    },
    lost(grant) {
      for (const run of runsOf(grant.process)) {
        if (run.grant === grant) expectAbort(run, timeline.now());
      }
    },
  };
}

/** A holder is given all that was kept, and nothing is done again. */
function judgeRequest(job: JobRecord, request: PhaseRequest, say: (text: string) => void): void {
  const { phase, results, parts } = request;
  if (job.results.has(resultKey(phase, 0))) say(", whose result is stored");
  const given = new Set<string>(parts.map(({ part }) => resultKey(phase, part)));
  for (const [name, output] of Object.entries(results)) {
    given.add(resultKey(name, 0));
    if (job.results.get(resultKey(name, 0))?.output !== output)
      say(` with another result of ${name}`);
  }
  for (const { name } of job.plan.type.phases) {
    if (name === phase) break;
    if (!given.has(resultKey(name, 0))) say(` without the result of ${name}`);
  }
  for (const key of job.results.keys()) {
    if (key.startsWith(`${phase}/`) && !given.has(key)) say(` without the saved ${key}`);
  }
}
