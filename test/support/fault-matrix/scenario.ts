import { type SqlBundle, WorkerError } from "@leasehold/core";

import type { FaultKind } from "../fault-plan.ts";
import { type MatrixBench, resultOf, type Run } from "./matrix-bench.ts";

/** What is done with one statement of the SDK while a fault waits for it, and what must be true afterwards. */
export interface Scenario {
  /** Finds the statement by its text. */
  readonly statement: RegExp;
  /** SQL of other packages that it needs. Default: none. */
  readonly bundles?: readonly SqlBundle[];
  /** Whether those make things outside the schema, where two scenarios would meet. Default: `false`. */
  readonly needsDatabase?: boolean;
  play(bench: MatrixBench, kind: FaultKind): Promise<void>;
}

/** The life of a job that saves a part, commits an effect and is graded. */
export function lifeOf({ effectOf }: Pick<MatrixBench, "effectOf">): { draft: Run; grade: Run } {
  return {
    async draft({ parts }, context) {
      if (parts.length === 0) await context.savePart(1, "half", { adapter: "test" });
      await context.commit([effectOf(context.jobId)]);
      return resultOf("draft");
    },
    grade: async ({ results }) => resultOf(results["draft"]),
  };
}

export const ended = (phase: string, outcome: string): object => ({ phase, outcome });
export const graded: readonly object[] = [ended("draft", "completed"), ended("grade", "completed")];

export const toCode = (error: unknown): string =>
  WorkerError.is(error) ? error.code : `no WorkerError: ${String(error)}`;

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
