import { z } from "zod";

import { WorkerError } from "./errors.ts";
import { toStorableJson } from "./json.ts";
import type { Pipeline, PipelineStart } from "./pipeline.ts";

/** What the caller says of a job, beside its input. */
export interface JobOptions {
  /** The job's id, chosen by the caller: a second enqueue with it adds nothing. Default: a new one. */
  readonly id?: string;
  /** From 0 to 9, lower first. Default: 5. */
  readonly priority?: number;
  /** At most ten years. Default: 0. */
  readonly delayMs?: number;
  /** Whose work it is; at most 256 characters, as the other words here. */
  readonly tenant?: string;
  /** Whom the content is about, as an opaque word. */
  readonly subject?: string;
  /** At most one live job per queue and key. */
  readonly uniqueKey?: string;
  /** The same request again, also after the job completed. */
  readonly idempotencyKey?: string;
}

const delayMsMax = 315_360_000_000;

const word = z.string().max(256).optional();

/** The bounds that Postgres checks too: here they have names. */
const optionsSchema = z.strictObject({
  id: z.guid().optional(),
  priority: z.int().min(0).max(9).optional(),
  delayMs: z.number().min(0).max(delayMsMax).transform(Math.ceil).optional(),
  tenant: word,
  subject: word,
  uniqueKey: word,
  idempotencyKey: word,
});

/** What `enqueue_jobs` takes for one job. Throws `input_invalid`, `payload_too_large` or `config_invalid`. */
export function toNewJob<Schema extends z.ZodType>(
  pipeline: Pipeline<Schema>,
  input: z.input<Schema>,
  { bytesMax, ...given }: JobOptions & { readonly bytesMax: number },
): object {
  const parsed = pipeline.input.safeParse(input);
  const options = optionsSchema.safeParse(given);
  if (!parsed.success || !options.success) {
    const issues = [parsed, options].flatMap(({ error }) => error?.issues ?? []);
    const problems = issues.map(
      ({ path, message }) => `${path.map(String).join(".") || "(top)"}: ${message}`,
    );
    throw new WorkerError("input_invalid", `Not enqueued: ${problems.join("; ")}.`);
  }
  const start = findStart(pipeline, parsed.data);
  checkSize(parsed.data, toPayload(parsed.data), bytesMax);
  return {
    ...options.data,
    type: pipeline.type,
    version: pipeline.version,
    queue: pipeline.queue,
    phase: start.phase,
    skipped: start.skipped ?? {},
    payload: parsed.data,
  };
}

function findStart<Schema extends z.ZodType>(
  pipeline: Pipeline<Schema>,
  input: z.output<Schema>,
): PipelineStart {
  const start = pipeline.start?.(input) ?? { phase: pipeline.phases[0]?.name ?? "" };
  if (pipeline.phases.some(({ name }) => name === start.phase)) return start;
  throw new WorkerError(
    "config_invalid",
    `Pipeline "${pipeline.type}" starts at phase "${start.phase}", which it does not have.`,
    { scope: "config" },
  );
}

function toPayload(input: unknown): string {
  try {
    return toStorableJson(input);
  } catch (cause) {
    throw new WorkerError("input_invalid", "Not enqueued: the payload has no JSON form.", {
      cause,
    });
  }
}

function checkSize(input: unknown, payload: string, bytesMax: number): void {
  const bytes = new TextEncoder().encode(payload).byteLength;
  if (bytes <= bytesMax) return;
  const fields = typeof input === "object" && input !== null ? Object.entries(input) : [];
  const sizes = fields.map(([name, value]) => ({ name, size: JSON.stringify(value)?.length ?? 0 }));
  const [largest] = sizes.toSorted((one, other) => other.size - one.size);
  const where = largest === undefined ? "" : `, most of them in "${largest.name}"`;
  throw new WorkerError(
    "payload_too_large",
    `Not enqueued: the payload has ${bytes} bytes${where}, and ${bytesMax} are allowed. Store it elsewhere and pass a reference.`,
  );
}
