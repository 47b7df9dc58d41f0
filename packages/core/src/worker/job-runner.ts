import type { PhaseLogger, PhaseRequest, PhaseResult } from "../adapter.ts";
import { toWorkerError, WorkerError, type WorkerErrorCode } from "../errors.ts";
import type { AttemptRef } from "../events.ts";
import { type Json, toStorableJson } from "../json.ts";
import type { PhaseOutput, StoredResults } from "../store/job-store.ts";
import type { Alarms } from "./alarms.ts";
import { reasonOf, signalOf } from "./cancellation.ts";
import type { Claim } from "./claim-loop.ts";
import type { WorkerSettings } from "./config.ts";
import { findOutLoss, type HeldLease, type LeaseKeeper } from "./lease-keeper.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { executePhase, type PhaseDeadline, type PhaseExecution } from "./phase-execution.ts";
import type { PhasePlan } from "./phase-plan.ts";
import {
  assertStorable,
  type EndedAttempt,
  goesOn,
  persist,
  settleError,
  type SettlementOptions,
  settleResult,
  tellLoss,
} from "./settlement.ts";
import type { PhaseStall } from "./stall-watch.ts";

export interface JobRunnerOptions extends SettlementOptions {
  readonly deadlines: Alarms<PhaseDeadline>;
  readonly stalls: Alarms<PhaseStall>;
  readonly logger: PhaseLogger;
  readonly settings: WorkerSettings;
  readonly keeper: Pick<LeaseKeeper, "hold" | "drop">;
  /** See {@link ClaimLoop}. */
  alone(signal: AbortSignal): Promise<void>;
  worked(claim: Claim): void;
}

/** A claimed job at one of its phases. */
interface Run {
  readonly claim: Claim;
  readonly lease: HeldLease;
  readonly plan: PhasePlan;
  readonly ref: AttemptRef;
  readonly outbox: Outbox;
}

/**
 * Carries a claimed job through its phases until it settles, waits again, or is lost, and writes down how each attempt
 * ended. Never rejects.
 */
export async function runJob(options: JobRunnerOptions, claim: Claim): Promise<void> {
  const { job, plan } = claim;
  const lease = options.keeper.hold(job, claim.claimedAt);
  let run: Run | undefined = toRun(claim, lease, { plan, attempt: job.attempt });
  try {
    if (job.solo && !(await startAlone(options, run))) return;
    while (run !== undefined) run = await runPhase(options, run);
  } catch {
    // The events told of it, and the lease will lapse: there is nothing left to do here.
  } finally {
    options.keeper.drop(lease);
  }
}

/** Begins a run that has to wait for its neighbours to finish. */
async function startAlone(options: JobRunnerOptions, run: Run): Promise<boolean> {
  const { lease } = run;
  await options.alone(signalOf(lease.work));
  const reason = reasonOf(lease.work);
  if (reason !== undefined) {
    await settleError(options, { ...run, durationMs: 0 }, reason);
    return false;
  }
  if ((await persist(options, () => options.store.startJob(lease))) === "ok") return true;
  await findOutLoss(lease);
  tellLoss(options, run);
  return false;
}

/** Runs one phase and answers what to run next under the same lease, if anything. */
async function runPhase(options: JobRunnerOptions, run: Run): Promise<Run | undefined> {
  const { claim, lease, plan, ref } = run;
  const startedAt = options.runtime.now();
  let end: EndedAttempt | undefined;
  options.events.emit({ ...ref, name: "phase.started", ...traceOf(claim) });
  try {
    const input = parseInput(plan, claim.job.payload);
    const stored: StoredResults = isFresh(run)
      ? { results: {}, parts: {} }
      : await persist(options, () => options.store.loadResults(lease));
    const request = toRequest(ref, input, stored);
    // The phase was done before and only its effect failed: it is not done again, and its backend is not asked.
    const known = stored.results[ref.phase];
    const result =
      known === undefined
        ? checkResult(plan, await executePhase(toExecution(run, request), options))
        : { output: known, provenance: {} };
    run.outbox.effect = effectOf(run, request, result.output);
    // Only of what went well: after an outage nothing may be claimed before that is known.
    if (!goesOn(plan)) options.worked(claim);
    end = endOf(run, options, { startedAt });
    const attempt = await settleResult(options, end, result);
    if (attempt === undefined || plan.next === undefined) return undefined;
    return toRun(claim, lease, { plan: plan.next, attempt });
  } catch (thrown) {
    const error = toWorkerError(thrown);
    // What could not be written down is told once as ended, and then written down as what it is.
    end ??= endOf(run, options, { startedAt, code: error.code });
    await settleError(options, end, error);
    return undefined;
  }
}

function traceOf({ job: { trace } }: Claim): { readonly trace?: string } {
  return trace === undefined ? {} : { trace };
}

/** Nothing can be stored for the first attempt of the first phase. */
function isFresh({ plan, ref }: Run): boolean {
  return ref.attempt === 1 && plan.pipeline.phases[0] === plan.phase;
}

function toRequest(
  { type, phase }: AttemptRef,
  input: unknown,
  stored: StoredResults,
): PhaseRequest {
  return { type, phase, input, results: stored.results, parts: stored.parts[phase] ?? [] };
}

function toExecution(
  { claim, plan, ref, lease, outbox }: Run,
  request: PhaseRequest,
): PhaseExecution {
  return { plan, ref, lease, outbox, request, trace: claim.job.trace };
}

function checkResult(plan: PhasePlan, { output, provenance }: PhaseResult): PhaseOutput {
  return assertStorable({ output: parseOutput(plan, output), provenance });
}

/** Tells that the work of an attempt is over. */
function endOf(
  { lease, plan, ref, outbox }: Run,
  { runtime, events }: JobRunnerOptions,
  { startedAt, code }: { readonly startedAt: number; readonly code?: WorkerErrorCode },
): EndedAttempt {
  const durationMs = Math.round(runtime.now() - startedAt);
  events.emit({ ...ref, name: "phase.ended", durationMs, ...(code === undefined ? {} : { code }) });
  return { lease, plan, ref, outbox, durationMs };
}

/** What the host writes with this result, if its phase has an effect. */
function effectOf({ plan, ref }: Run, request: PhaseRequest, output: unknown): Outbox["effect"] {
  const { phase } = plan;
  if (phase.effect === undefined) return undefined;
  const { parts: _, ...told } = request;
  // Whether it is told now or at a later attempt: as it is stored.
  const stored: Json = JSON.parse(toStorableJson(output ?? null));
  const done = { ...told, jobId: ref.jobId, output: stored };
  return async (transaction) => await phase.effect?.(transaction, done);
}

function toRun(
  claim: Claim,
  lease: HeldLease,
  { plan, attempt }: { readonly plan: PhasePlan; readonly attempt: number },
): Run {
  const jobId = claim.job.publicId;
  const ref = { jobId, type: plan.pipeline.type, phase: plan.phase.name, attempt };
  lease.about = ref;
  return { claim, lease, plan, ref, outbox: createOutbox() };
}

function parseInput({ pipeline }: PhasePlan, payload: Json): unknown {
  const parsed = pipeline.input.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new WorkerError(
    "input_invalid",
    `The payload does not fit its type: ${fieldsOf(parsed.error.issues)}.`,
  );
}

function parseOutput({ phase }: PhasePlan, output: unknown): unknown {
  const parsed = phase.output.safeParse(output);
  if (parsed.success) return parsed.data;
  throw new WorkerError(
    "output_invalid",
    `The result does not fit the schema of its phase: ${fieldsOf(parsed.error.issues)}.`,
    { retryable: true },
  );
}

/** Names of fields only: what stands in them may be a learner's. */
function fieldsOf(issues: readonly { readonly path: readonly PropertyKey[] }[]): string {
  const names = issues.map(({ path }) => path.map(nameOf).join(".") || "(top)");
  return [...new Set(names)].slice(0, 10).join(", ");
}

function nameOf(key: PropertyKey): string {
  const name = String(key);
  return /^[A-Za-z0-9_]{1,40}$/.test(name) ? name : "?";
}
