import type { PhaseLogger, PhaseRequest } from "./adapter.ts";
import type { Alarms } from "./alarms.ts";
import type { Claim } from "./claim-loop.ts";
import type { WorkerSettings } from "./config.ts";
import { toWorkerError, WorkerError } from "./errors.ts";
import type { AttemptRef } from "./events.ts";
import type { PhaseOutput, StoredResults } from "./job-store.ts";
import { type Json, toStorableJson } from "./json.ts";
import type { HeldLease } from "./lease-keeper.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { executePhase } from "./phase-execution.ts";
import type { PhasePlan } from "./phase-plan.ts";
import {
  assertStorable,
  type EndedAttempt,
  goesOn,
  persist,
  settleError,
  type SettlementOptions,
  settleResult,
} from "./settlement.ts";

export interface JobRunnerOptions extends SettlementOptions {
  readonly alarms: Alarms;
  readonly logger: PhaseLogger;
  readonly settings: WorkerSettings;
}

/** A claimed job at one of its phases. */
interface Run {
  readonly lease: HeldLease;
  readonly payload: Json;
  readonly trace: string | undefined;
  readonly plan: PhasePlan;
  readonly ref: AttemptRef;
  /** See {@link Claim}. */
  readonly worked: () => void;
}

/**
 * Carries a claimed job through its phases until it settles, waits again, or is lost, and writes down how each attempt
 * ended. Never rejects.
 */
export async function runJob(
  options: JobRunnerOptions,
  claim: Pick<Claim, "job" | "plan" | "worked">,
  lease: HeldLease,
): Promise<void> {
  const { job, plan } = claim;
  let run: Run | undefined = {
    lease,
    plan,
    payload: job.payload,
    trace: job.trace,
    ref: refOf(job.publicId, plan, job.attempt),
    worked: () => claim.worked(),
  };
  try {
    if (job.solo && !(await startAlone(options, run))) {
      // It never began and tells nothing of its backend: the next job may ask.
      leaveGate(options, plan, false);
      return;
    }
    while (run !== undefined) run = await runPhase(options, run);
  } catch {
    // The events told of it, and the lease will lapse: there is nothing left to do here.
    leaveGate(options, plan, false);
  }
}

/** Begins a run that had to wait for its neighbours to finish. */
async function startAlone(options: JobRunnerOptions, run: Run): Promise<boolean> {
  const { lease, ref } = run;
  const reason = lease.work.reason();
  if (reason !== undefined) {
    await settleError(options, { ...run, durationMs: 0, outbox: createOutbox() }, reason);
    return false;
  }
  if ((await persist(options, () => options.store.startJob(lease))) === "ok") return true;
  options.events.emit({ ...ref, name: "lease.lost" });
  return false;
}

/** Runs one phase and answers what to run next under the same lease, if anything. */
async function runPhase(options: JobRunnerOptions, run: Run): Promise<Run | undefined> {
  const { plan, ref } = run;
  const startedAt = options.runtime.now();
  const outbox = createOutbox();
  options.events.emit({ ...ref, name: "phase.started" });
  const ended = (): EndedAttempt => {
    const durationMs = Math.round(options.runtime.now() - startedAt);
    return { lease: run.lease, plan, ref, durationMs, outbox };
  };
  try {
    const result = await findResult(options, run, outbox);
    // Only of what went well: after an outage nothing may be claimed before that is known.
    if (!goesOn(plan)) run.worked();
    const attempt = await settleResult(options, ended(), result);
    if (attempt === undefined || plan.next === undefined) return undefined;
    return { ...run, plan: plan.next, ref: refOf(ref.jobId, plan.next, attempt) };
  } catch (thrown) {
    const error = toWorkerError(thrown);
    // An error that is the job's own shows that the backend answers.
    leaveGate(options, plan, error.scope === "job" && !run.lease.isLost());
    await settleError(options, ended(), error);
    return undefined;
  }
}

async function findResult(
  options: JobRunnerOptions,
  run: Run,
  outbox: Outbox,
): Promise<PhaseOutput> {
  const { lease, plan, ref } = run;
  const { pipeline, phase } = plan;
  const input = parseInput(plan, run.payload);
  const isFresh = ref.attempt === 1 && pipeline.phases[0] === phase;
  const stored: StoredResults = isFresh
    ? { results: {}, parts: {} }
    : await persist(options, () => options.store.loadResults(lease));
  const request: PhaseRequest = {
    type: pipeline.type,
    phase: phase.name,
    input,
    results: stored.results,
    parts: stored.parts[phase.name] ?? [],
  };
  // The phase was done before and only its effect failed: it is not done again, and its backend is not asked.
  const known = stored.results[phase.name];
  if (known !== undefined) {
    leaveGate(options, plan, false);
    outbox.effect = effectOf(run, request, known);
    return { output: known, provenance: {} };
  }
  const result = await executePhase(
    { plan, ref, lease, request, outbox, trace: run.trace },
    options,
  );
  const { provenance } = result;
  const checked = assertStorable({ output: parseOutput(plan, result.output), provenance });
  leaveGate(options, plan, true);
  outbox.effect = effectOf(run, request, checked.output);
  return checked;
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

function leaveGate({ gate }: JobRunnerOptions, { resource }: PhasePlan, worked: boolean): void {
  if (resource !== undefined) gate.leave(resource, worked);
}

function refOf(jobId: string, plan: PhasePlan, attempt: number): AttemptRef {
  return { jobId, type: plan.pipeline.type, phase: plan.phase.name, attempt };
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
