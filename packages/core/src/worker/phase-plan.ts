import type { AdapterContext, AdapterV1, PhaseRequest, PhaseResult } from "../adapter.ts";
import { WorkerError } from "../errors.ts";
import type { PhaseContext, PhaseDefinition, Pipeline } from "../pipeline.ts";
import type { JobStore } from "../store/job-store.ts";

/** One phase of one pipeline as this worker runs it. */
export interface PhasePlan {
  readonly pipeline: Pipeline;
  readonly phase: PhaseDefinition;
  readonly laneId: number;
  readonly soloLaneId: number;
  /** What the phase competes for, such as `host/model`; undefined for phases that need nothing of the kind. */
  readonly resource: string | undefined;
  /** How many jobs the resource bears at once, as the adapter says. */
  readonly concurrency: number | undefined;
  /** The phase after this one; undefined for the last. */
  readonly next: PhasePlan | undefined;
  execute(request: PhaseRequest, context: PhaseContext): Promise<PhaseResult>;
}

/** What a worker can run, by lane. */
export interface WorkPlan {
  readonly phases: readonly PhasePlan[];
  /** Finds a phase by its lane or its solo lane. */
  byLane(laneId: number): PhasePlan | undefined;
}

/** Finds who executes each phase, before the worker starts; names every phase that nobody or more than one does. */
export function checkExecutors(
  pipelines: readonly Pipeline[],
  adapters: readonly AdapterV1[],
): void {
  const problems: string[] = [];
  if (pipelines.length === 0) problems.push("pipelines must not be empty");
  const seen = new Set<string>();
  for (const pipeline of pipelines) {
    const key = `${pipeline.type} version ${pipeline.version}`;
    if (seen.has(key)) problems.push(`${key} is registered twice`);
    seen.add(key);
    for (const phase of pipeline.phases) {
      if (phase.run !== undefined) continue;
      const names = adaptersOf(phase, adapters).map(({ name }) => name);
      if (names.length === 1) continue;
      const who = names.length === 0 ? "no adapter" : `several adapters (${names.join(", ")})`;
      problems.push(`${who} for phase "${phase.name}" of ${key}`);
    }
  }
  if (problems.length > 0) {
    throw new WorkerError("config_invalid", `Worker refused: ${problems.join("; ")}.`, {
      scope: "config",
    });
  }
}

/** Asks the database for lane numbers, tells it of resources, and ties everything together. */
export async function planWork(
  store: Pick<JobStore, "declareLanes" | "declareResource">,
  pipelines: readonly Pipeline[],
  adapters: readonly AdapterV1[],
): Promise<WorkPlan> {
  const phases: PhasePlan[] = [];
  for (const pipeline of pipelines) {
    const lanes = await store.declareLanes({
      queue: pipeline.queue,
      type: pipeline.type,
      version: pipeline.version,
      phases: pipeline.phases.map(({ name }) => name),
    });
    let next: PhasePlan | undefined;
    for (const phase of pipeline.phases.toReversed()) {
      const lane = lanes.find((candidate) => candidate.phase === phase.name);
      if (lane === undefined) {
        throw new WorkerError(
          "schema_outdated",
          `No lane for phase "${phase.name}": run migrate.`,
          {
            scope: "config",
          },
        );
      }
      next = { ...lane, ...toExecutor(phase, adapters), pipeline, phase, next };
      phases.push(next);
    }
  }
  for (const [resource, own] of Map.groupBy(phases, (plan) => plan.resource)) {
    const bounds = own.flatMap(({ concurrency }) => concurrency ?? []);
    // Of several the least: what one of its phases cannot bear, the resource cannot.
    if (resource === undefined) continue;
    const bound = bounds.length > 0 ? Math.min(...bounds) : undefined;
    await store.declareResource(resource, bound);
  }
  const byLane = new Map(
    phases.flatMap((plan) => [
      [plan.laneId, plan],
      [plan.soloLaneId, plan],
    ]),
  );
  return { phases, byLane: (laneId) => byLane.get(laneId) };
}

function toExecutor(
  phase: PhaseDefinition,
  adapters: readonly AdapterV1[],
): Pick<PhasePlan, "resource" | "concurrency" | "execute"> {
  if (phase.run !== undefined) {
    return { resource: undefined, concurrency: undefined, execute: phase.run.bind(phase) };
  }
  const [adapter] = adaptersOf(phase, adapters);
  if (adapter === undefined) {
    throw new WorkerError("config_invalid", `No adapter for phase "${phase.name}".`, {
      scope: "config",
    });
  }
  return {
    resource: adapter.resource(phase.name),
    concurrency: toConcurrency(adapter, phase.name),
    execute: (request, context) => adapter.execute(request, withoutDatabase(context)),
  };
}

function toConcurrency(adapter: AdapterV1, phase: string): number | undefined {
  const concurrency = adapter.concurrency?.(phase);
  if (concurrency === undefined || (Number.isInteger(concurrency) && concurrency > 0)) {
    return concurrency;
  }
  const problem = `concurrency of phase "${phase}" must be a whole number from 1 on`;
  throw new WorkerError("config_invalid", `Adapter ${adapter.name} refused: ${problem}.`, {
    scope: "config",
  });
}

/** An adapter never sees the database, so `commit` is not on its context. */
function withoutDatabase(context: PhaseContext): AdapterContext {
  const { jobId, phase, attempt, signal, deadlineAt, logger } = context;
  return {
    jobId,
    phase,
    attempt,
    signal,
    deadlineAt,
    logger,
    progress: (progress) => context.progress(progress),
    savePart: (part, output, provenance) => context.savePart(part, output, provenance),
  };
}

function adaptersOf(phase: PhaseDefinition, adapters: readonly AdapterV1[]): readonly AdapterV1[] {
  return adapters.filter(({ capabilities }) => capabilities.phases.includes(phase.name));
}
