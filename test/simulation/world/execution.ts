import {
  type AdapterContext,
  type AdapterV1,
  definePipeline,
  type PhaseContext,
  type PhaseRequest,
  type PhaseResult,
  type Pipeline,
  WorkerError,
} from "@leasehold/core";
import { z } from "zod";

import type { Backends } from "./backends.ts";
import type { ProcessState } from "./process-state.ts";
import type { Random } from "./random.ts";
import { type PhaseFate, type PhasePlan, resources, typePlans } from "./workload.ts";
import type { World } from "./world.ts";

/** Of an adapter, or of a `run` function. */
type Context = AdapterContext & Partial<Pick<PhaseContext, "commit">>;

/** Sees the runs of phases. */
export interface RunObserver {
  /** Returns what is called when the run is over. */
  began(process: ProcessState, request: PhaseRequest, context: Context): () => void;
}

/** What the jobs of one process meet. */
export interface Workplace {
  readonly world: World;
  readonly process: ProcessState;
  readonly backends: Backends;
  readonly random: Random;
  readonly runs: RunObserver;
  /** The job's flaws, and how often it may still fail. */
  fateOf(jobId: string, phase: string): PhaseFate;
  takeFailure(jobId: string, phase: string): boolean;
  /** Takes the process down. */
  die(jobId: string): void;
}

/** The pipelines and adapters that a worker is made with. */
export interface Executors {
  readonly pipelines: readonly Pipeline[];
  readonly adapters: readonly AdapterV1[];
}

const input = z.looseObject({ job: z.string() });
const output = z.looseObject({ job: z.string(), phase: z.string(), part: z.number() });

export function createExecutors(workplace: Workplace): Executors {
  const pipelines = typePlans.map(({ name: type, phases }) =>
    definePipeline({
      type,
      version: 1,
      input,
      phases: phases.map(({ name, resource }) => ({
        name,
        output,
        timeoutSeconds: 100,
        ...(resource === undefined ? { run: runPhase(workplace, resource) } : {}),
      })),
    }),
  );
  const phases = typePlans.flatMap((type) => type.phases);
  const adapters = resources.map((resource): AdapterV1 => ({
    specVersion: "v1",
    name: resource.replace("/", "-"),
    version: "1",
    capabilities: { phases: phases.filter(isOn(resource)).map(({ name }) => name) },
    resource: () => resource,
    concurrency: () => workplace.world.profile.bounds[resource],
    execute: runPhase(workplace, resource),
  }));
  return { pipelines, adapters };
}

function isOn(resource: string): (phase: PhasePlan) => boolean {
  return (phase) => phase.resource === resource;
}

type RunPhase = (request: PhaseRequest, context: Context) => Promise<PhaseResult>;

function runPhase(workplace: Workplace, resource: string | undefined): RunPhase {
  return async (request, context) => {
    const end = workplace.runs.began(workplace.process, request, context);
    try {
      return await goThrough(workplace, resource, { request, context });
    } finally {
      end();
    }
  };
}

async function goThrough(
  workplace: Workplace,
  resource: string | undefined,
  { request, context }: { readonly request: PhaseRequest; readonly context: Context },
): Promise<PhaseResult> {
  const { jobId, phase } = context;
  const { random } = workplace;
  const fate = workplace.fateOf(jobId, phase);
  const signal = fate.isDeaf ? undefined : context.signal;
  const ask = async (ms: number): Promise<void> => {
    const trouble = workplace.backends.troubleOf(resource);
    await sleep(workplace, trouble === undefined ? ms : random.between(10, 3_000), signal);
    if (trouble !== undefined) throw trouble;
  };

  if (fate.isPoison) {
    await sleep(workplace, random.between(0, 3_000), context.signal);
    workplace.die(jobId);
    return await new Promise<never>(() => undefined);
  }
  const saved = new Set(request.parts.map(({ part }) => part));
  for (let part = 1; part <= fate.parts; part += 1) {
    if (saved.has(part)) continue;
    await ask(fate.durationMs / fate.parts / 2);
    const saving = context.savePart(part, { job: jobId, phase, part }, {});
    if (fate.isCareless) saving.catch(() => undefined);
    else await saving;
  }
  await ask(fate.durationMs);
  if (workplace.takeFailure(jobId, phase)) throw drawFailure(random);
  if (fate.isHopeless) throw new WorkerError("input_corrupt", "The simulated input is corrupt.");
  await context.commit?.([{ text: `${phase} of attempt ${context.attempt}` }]);
  return { output: { job: jobId, phase, part: 0 }, provenance: {} };
}

function drawFailure(random: Random): Error {
  return random.chance(0.3)
    ? new TypeError("a mistake in the simulated adapter")
    : new WorkerError("output_invalid", "The simulated output is invalid.", { retryable: true });
}

function sleep(
  { world, process }: Workplace,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const wake = world.timeline.after(
      ms,
      () => {
        signal?.removeEventListener("abort", give);
        resolve();
      },
      process,
    );
    const give = (): void => {
      wake.cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", give, { once: true });
    return undefined;
  });
}
