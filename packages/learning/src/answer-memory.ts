import { createHash } from "node:crypto";

import type { AdapterContext, Json, Provenance } from "@leasehold/core";
import type { ModelV1, ProgramIdentity } from "@leasehold/model";

/**
 * Finds what earlier jobs were answered, so that the same question costs no model call twice.
 *
 * `LearningStore` is one. It keeps nothing of its own: it looks at the results of jobs that are still there.
 */
export interface AnswerMemory {
  /** The question is 64 hexadecimal digits. Undefined: nobody was asked this before. */
  recallAnswer(question: string): Promise<RecalledAnswer | undefined>;
}

/** A result as it was stored. */
export interface RecalledAnswer {
  readonly output: unknown;
  readonly provenance: Provenance;
}

/** Who is asked, and everything that the answer depends on. */
export interface Question {
  readonly model: ModelV1;
  readonly programs: readonly ProgramIdentity[];
  readonly asked: Json;
}

/**
 * Names a question by its hash. The model is known by its name: when another is put under the same name, answers of the
 * one before are recalled until they are pruned.
 */
export function hashQuestion({ model, programs, asked }: Question): string {
  const { name, version, resource } = model;
  const identities = programs.map((program) => [program.id, program.hash]);
  return createHash("sha256")
    .update(JSON.stringify([name, version, resource, identities, asked]))
    .digest("hex");
}

/**
 * Looks for an answer. Only a first attempt does: whoever tries again, or replays a job, wants another one. A memory that
 * cannot be asked has none, since the model can.
 */
export async function recall(
  memory: AnswerMemory | undefined,
  question: string,
  { attempt }: Pick<AdapterContext, "attempt">,
): Promise<RecalledAnswer | undefined> {
  if (memory === undefined || attempt > 1) return undefined;
  return await memory.recallAnswer(question).catch(() => undefined);
}
