import { z } from "zod";

import { WorkerError } from "./errors.ts";
import type { JobOptions } from "./job-options.ts";
import { toStorableJson } from "./json.ts";
import type { Pipeline, PipelineStart } from "./pipeline.ts";

/** Bytes of a payload as JSON, unless the caller says otherwise. */
export const payloadBytesDefault = 262_144;

const delayMsMax = 315_360_000_000;

const word = z.string().max(256).optional();

/** As Postgres checks it: version ff and ids of nothing but zeros mean no trace. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The bounds that Postgres checks too: here they have names. */
const optionsSchema = z.strictObject({
  id: z.guid().optional(),
  priority: z.int().min(0).max(9).optional(),
  delayMs: z.number().min(0).max(delayMsMax).transform(Math.ceil).optional(),
  tenant: word,
  subject: word,
  uniqueKey: word,
  idempotencyKey: word,
  trace: z.string().regex(traceparent, "must be a W3C traceparent").optional(),
});

/** What `enqueue_jobs` takes, as JSON. */
export interface NewJobs {
  readonly jobs: string;
  /** What holds for each of them. */
  readonly shared: string;
}

/**
 * Writes what `enqueue_jobs` takes for jobs that differ in their input.
 *
 * Throws `input_invalid`, `payload_too_large` or `config_invalid`.
 */
export function toNewJobs<Schema extends z.ZodType>(
  pipeline: Pipeline<Schema>,
  inputs: readonly z.input<Schema>[],
  { bytesMax, ...given }: JobOptions & { readonly bytesMax: number },
): NewJobs {
  const { type, version, queue } = pipeline;
  const options = optionsSchema.safeParse(given);
  const jobs = inputs.map((input) => {
    const parsed = pipeline.input.safeParse(input);
    if (!parsed.success || !options.success) throw refused([parsed, options]);
    const payload = toPayload(parsed.data);
    checkSize(parsed.data, payload, bytesMax);
    return `{"payload":${payload},${toStart(pipeline, parsed.data)}}`;
  });
  return {
    jobs: `[${jobs.join(",")}]`,
    shared: toStorableJson({ ...options.data, type, version, queue }),
  };
}

/** Writes a job that says everything of itself. Throws what {@link toNewJobs} throws. */
export function toFollowUp<Schema extends z.ZodType>(
  pipeline: Pipeline<Schema>,
  input: z.input<Schema>,
  options: JobOptions,
): string {
  const bytesMax = payloadBytesDefault;
  const { jobs, shared } = toNewJobs(pipeline, [input], { ...options, bytesMax });
  // The members of one object, and those of another after them; neither has none.
  return `${jobs.slice(1, -2)},${shared.slice(1)}`;
}

interface Checked {
  readonly error?: z.ZodError | undefined;
}

function refused(checks: readonly Checked[]): WorkerError {
  const problems = checks
    .flatMap(({ error }) => error?.issues ?? [])
    .map(({ path, message }) => `${path.map(String).join(".") || "(top)"}: ${message}`);
  return new WorkerError("input_invalid", `Not enqueued: ${problems.join("; ")}.`);
}

/** Where the job begins, as members of its JSON. */
function toStart<Schema extends z.ZodType>(
  pipeline: Pipeline<Schema>,
  input: z.output<Schema>,
): string {
  const { phase, skipped } = findStart(pipeline, input);
  const start = `"phase":${JSON.stringify(phase)}`;
  return skipped === undefined ? start : `${start},"skipped":${toStorableJson(skipped)}`;
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
  // A character has three bytes at most, and most payloads are nowhere near the bound.
  if (payload.length * 3 <= bytesMax) return;
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
