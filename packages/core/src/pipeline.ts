import type { z } from "zod";

import type { AdapterContext, PhaseRequest, PhaseResult } from "./adapter.ts";
import type { SqlRow, SqlValue } from "./database/database.ts";
import { WorkerError } from "./errors.ts";
import type { JobOptions } from "./job-options.ts";
import type { JobState } from "./job-state.ts";
import type { Json } from "./json.ts";

/** A statement of the host's own, run inside the lease: `sql` and its parameters `$1`, `$2`, … */
export interface FencedStatement {
  readonly text: string;
  readonly parameters?: readonly SqlValue[];
}

/**
 * A transaction of a phase, on a connection of the worker's own and under the lease of its job. It fits `within` of a
 * client. After 10 seconds Postgres ends it.
 */
export interface PhaseTransaction {
  /** Throws a `WorkerError` whose `adapterCode` tells the SQLSTATE, such as `sqlstate_23505`; then only a rollback is left. */
  query(text: string, parameters?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

/** What a `run` function gets: everything an adapter gets, and the database under the lease's fence. */
export interface PhaseContext extends AdapterContext {
  /**
   * Runs the host's own work, or its statements, in one transaction that commits only while the lease is held. What the
   * work throws is thrown, and leaves nothing behind.
   *
   * It is for what must be there before the phase is done. A worker that dies after it and before its phase is written
   * down lets the next attempt commit again: where that must not be, use the phase's `effect`.
   *
   * Throws the signal's reason when the lease is not held: `lease_lost`, or why it was taken away.
   */
  commit<Answer>(work: (transaction: PhaseTransaction) => Promise<Answer>): Promise<Answer>;
  commit(statements: readonly FencedStatement[]): Promise<void>;
  /**
   * Adds a job when this phase is written down, in the same transaction: all of them or none. A phase that does not end
   * well adds none. At most 1,000.
   *
   * Throws what `Client.enqueue` throws, at once. When the phase's effect or its type's hook fails, the phase is run
   * again, since its result alone would not tell which jobs it wanted.
   */
  enqueue<Schema extends z.ZodType>(
    pipeline: Pipeline<Schema>,
    input: z.input<Schema>,
    options?: PhaseJobOptions,
  ): void;
  /**
   * What the job was told under this name with `Client.signal`, or undefined when nobody told it in time. Signals may
   * come before they are waited for, and each name counts once.
   *
   * When it has not come, this throws, and the phase ends there whatever it catches: the job is `waiting` and its lease
   * and slot are given back, uncharged. When the signal or the timeout has come, the phase runs again from its start, as
   * a new attempt, with the parts it saved, and is answered at once. Jobs that it added were not written, and are
   * asked for again.
   */
  waitFor(name: string, options?: SignalOptions): Promise<Signal | undefined>;
  /**
   * All children of this job, when all have ended, however that was. As `waitFor` does, it ends the phase while some have
   * not, and the phase runs again from its start when the last of them has.
   *
   * Children that a phase adds with `enqueue` are there when it is done, so they are waited for in a later phase.
   */
  waitForChildren(options?: ChildrenOptions): Promise<readonly ChildRecord[]>;
}

/** What a phase says of a job that it adds. */
export interface PhaseJobOptions extends Omit<JobOptions, "parent"> {
  /** Makes it a child of this job: see `waitForChildren`. It is cancelled with it. Default: `false`. */
  readonly child?: boolean;
}

export interface SignalOptions {
  /** From the first time it is waited for; to within a sixth of a lease. Default: for as long as it takes. */
  readonly timeoutSeconds?: number;
}

export interface ChildrenOptions {
  /** Goes on as soon as one has ended and not completed; the others go on, too. Default: `false`. */
  readonly failFast?: boolean;
}

/** What a job was told from outside. This is content. */
export interface Signal {
  readonly payload: Json;
}

/** A child and how it is. */
export interface ChildRecord {
  readonly id: string;
  readonly type: string;
  readonly state: JobState;
  /** Why it did not complete. */
  readonly code: string | undefined;
}

/** A phase that is done, as its effect is told. */
export interface DonePhase<Input = unknown> {
  readonly jobId: string;
  readonly type: string;
  readonly phase: string;
  /** The parsed payload of the job. */
  readonly input: Input;
  /** What the phase returned, as it is stored. */
  readonly output: Json;
  /** What earlier phases returned, by phase name. */
  readonly results: Readonly<Record<string, Json>>;
}

export interface PhaseDefinition<Input = unknown> {
  /** `[a-z][a-z0-9_]*`, unique in the pipeline. */
  readonly name: string;
  /** Checks what the phase returned before it is stored. */
  readonly output: z.ZodType;
  /** Absent: the one adapter of the worker whose capabilities name this phase executes it. */
  run?(request: PhaseRequest<Input>, context: PhaseContext): Promise<PhaseResult>;
  /**
   * Writes what belongs to the result, in the very transaction that writes the phase down: exactly once, whoever dies
   * when. It has 8 seconds.
   *
   * It is told the result, and is no part of `run`, because a result that is stored is never made again: when the effect
   * throws, the phase is charged as `effect_failed` and only its effect is tried again, perhaps by another worker.
   */
  effect?(transaction: PhaseTransaction, done: DonePhase<Input>): Promise<void>;
  /**
   * Total time of one attempt: all of its parts, calls and waiting. Then it is aborted with `deadline_exceeded` and charged
   * as a failure of the job; parts that were saved are kept. Default: the worker's `phaseTimeoutSeconds`, 900.
   */
  readonly timeoutSeconds?: number;
  /**
   * Time without a word of `progress`, `savePart` or `commit`. Then the attempt is aborted with `stalled` and charged as a
   * failure of the job. It does not run while the phase waits for its backend, in the stages `queued`, `loading` and
   * `prefill`: whether that is silent for too long is for the adapter to say, and an outage. Default: none.
   */
  readonly stallSeconds?: number;
}

/** Which phase a job starts at, and what stands in for the phases before it. */
export interface PipelineStart {
  readonly phase: string;
  /** Results of phases that this input does not need, such as a text that nobody has to read from a picture. */
  readonly skipped?: Readonly<Record<string, PhaseResult>>;
}

export interface PipelineDefinition<Schema extends z.ZodType = z.ZodType> {
  /** `[a-z][a-z0-9_.-]*`, at most 64 characters. */
  readonly type: string;
  /** From 1. A worker claims only the versions it registered. */
  readonly version: number;
  /** The lane jobs of this type wait in. Default: `default`. */
  readonly queue?: string;
  /** Checks the payload at enqueue and again before each phase. */
  readonly input: Schema;
  /** Default: the first phase. */
  start?(input: z.output<Schema>): PipelineStart;
  readonly phases: readonly PhaseDefinition<z.output<Schema>>[];
}

/** A checked, frozen pipeline: what `enqueue` and `createWorker` take. */
export interface Pipeline<Schema extends z.ZodType = z.ZodType> extends PipelineDefinition<Schema> {
  readonly queue: string;
}

/**
 * Checks a pipeline once, at definition. It has no side effects and needs no worker.
 *
 * @example
 * const greeting = definePipeline({
 *   type: "greeting",
 *   version: 1,
 *   input: z.object({ name: z.string() }),
 *   phases: [{ name: "greet", output: z.string(), run: greet }],
 * });
 */
export function definePipeline<Schema extends z.ZodType>(
  definition: PipelineDefinition<Schema>,
): Pipeline<Schema> {
  const problems = findProblems(definition);
  if (problems.length > 0) {
    throw new WorkerError(
      "config_invalid",
      `Pipeline "${definition.type}" refused: ${problems.join("; ")}.`,
      { scope: "config" },
    );
  }
  return Object.freeze({ queue: "default", ...definition });
}

function findProblems(definition: PipelineDefinition): readonly string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9_.-]{0,63}$/.test(definition.type)) {
    problems.push("type must match [a-z][a-z0-9_.-]* and have at most 64 characters");
  }
  if (!Number.isInteger(definition.version) || definition.version < 1) {
    problems.push(`version must be a whole number from 1, got ${definition.version}`);
  }
  if (definition.phases.length === 0) problems.push("phases must not be empty");
  const names = new Set<string>();
  for (const phase of definition.phases) {
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(phase.name)) {
      problems.push(`phase "${phase.name}" must match [a-z][a-z0-9_]*`);
    }
    if (names.has(phase.name)) problems.push(`phase "${phase.name}" is named twice`);
    names.add(phase.name);
    for (const limit of ["timeoutSeconds", "stallSeconds"] as const) {
      const seconds = phase[limit];
      if (seconds !== undefined && !(seconds > 0)) {
        problems.push(`phase "${phase.name}": ${limit} must be above 0`);
      }
    }
  }
  return problems;
}
