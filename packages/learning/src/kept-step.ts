import type { AdapterContext } from "@leasehold/core";
import type { ProgramIdentity, StepProvenance, StepResult } from "@leasehold/model";
import { z } from "zod";

/** A step's answer as it is stored for a later attempt: that the model is asked once, also when the next step fails. */
interface KeptStep {
  readonly resource: string;
  readonly answer: unknown;
  readonly sanitised: StepResult<unknown>["sanitised"];
  readonly provenance: StepProvenance;
}

const count = z.int().min(0);

const keptStep: z.ZodType<KeptStep> = z.strictObject({
  resource: z.string(),
  answer: z.unknown(),
  sanitised: z.strictObject({ replaced: count, controls: count, hidden: count }),
  provenance: z.strictObject({
    adapter: z.string(),
    model: z.string(),
    digest: z.string().exactOptional(),
    synthetic: z.literal(true).exactOptional(),
    options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    program: z.string(),
    version: z.string(),
    hash: z.string(),
    step: z.string(),
    asks: z.int().min(1),
  }),
});

/** What an answer must come from, to be taken in the place of a new one. */
export interface StepOrigin {
  readonly resource: string;
  readonly program: ProgramIdentity;
}

/** Saves a step's answer under the lease. */
export async function keepStep(
  context: Pick<AdapterContext, "savePart">,
  part: number,
  { resource, result }: { readonly resource: string; readonly result: StepResult<unknown> },
): Promise<void> {
  const { answer, sanitised, provenance } = result;
  const kept = { resource, answer: z.json().parse(answer), sanitised: { ...sanitised } };
  await context.savePart(part, { ...kept, provenance: { ...provenance } }, { ...provenance });
}

/** An answer that an earlier attempt kept, if the same model and the same program gave it and it still holds. */
export function recallStep<Answer>(
  saved: unknown,
  { resource, program }: StepOrigin,
  holds: (answer: unknown) => answer is Answer,
): Pick<StepResult<Answer>, "answer" | "sanitised" | "provenance"> | undefined {
  const parsed = keptStep.safeParse(saved);
  if (!parsed.success) return undefined;
  const { answer, sanitised, provenance } = parsed.data;
  const isSame = parsed.data.resource === resource && provenance.hash === program.hash;
  return isSame && holds(answer) ? { answer, sanitised, provenance } : undefined;
}
