import type { z } from "zod";

import type { AdapterContext, PhaseRequest, PhaseResult } from "./adapter.ts";
import type { SqlValue } from "./database.ts";
import { WorkerError } from "./errors.ts";

/** A statement of the host's own, run inside the lease: `sql` and its parameters `$1`, `$2`, … */
export interface FencedStatement {
  readonly text: string;
  readonly parameters?: readonly SqlValue[];
}

/** What a `run` function gets: everything an adapter gets, and the database under the lease's fence. */
export interface PhaseContext extends AdapterContext {
  /**
   * Runs the host's own statements in one transaction that commits only while the lease is held. A worker that dies
   * before its phase is written down lets the next attempt commit again: make it repeatable, or use the type's hook.
   *
   * Throws `lease_lost` and leaves nothing behind when it is not.
   */
  commit(statements: readonly FencedStatement[]): Promise<void>;
}

export interface PhaseDefinition<Input = unknown> {
  /** `[a-z][a-z0-9_]*`, unique in the pipeline. */
  readonly name: string;
  /** Checks what the phase returned before it is stored. */
  readonly output: z.ZodType;
  /** Absent: the one adapter of the worker whose capabilities name this phase executes it. */
  run?(request: PhaseRequest<Input>, context: PhaseContext): Promise<PhaseResult>;
  /** Total time of one attempt, parts included. Default: 900. */
  readonly timeoutSeconds?: number;
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
    if (phase.timeoutSeconds !== undefined && !(phase.timeoutSeconds > 0)) {
      problems.push(`phase "${phase.name}": timeoutSeconds must be above 0`);
    }
  }
  return problems;
}
