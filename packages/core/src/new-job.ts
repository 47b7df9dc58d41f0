import { z } from "zod";

import { WorkerError } from "./errors.ts";
import type { JobOptions } from "./job-options.ts";
import { toStorableJson } from "./json.ts";
import type { Pipeline, PipelineStart } from "./pipeline.ts";

/** Bytes of a payload as JSON, unless the caller says otherwise. */
export const payloadBytesDefault = 262_144;

const tenYearsMs = 315_360_000_000;

const word = z.string().max(256).optional();
const span = z.number().min(0).max(tenYearsMs).transform(Math.ceil).optional();

/** As Postgres checks it: version ff and ids of nothing but zeros mean no trace. */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The bounds that Postgres checks too: here they have names. */
const optionsSchema = z
  .strictObject({
    id: z.guid().optional(),
    priority: z
      .union([z.int().min(0).max(9), z.enum(["urgent", "high", "normal", "low", "bulk"])], {
        error: "must be a whole number from 0 to 9, or urgent, high, normal, low or bulk",
      })
      .optional(),
    delayMs: span,
    runAt: z
      .date()
      .refine((date) => date.getTime() - Date.now() <= tenYearsMs, {
        error: "must be at most ten years ahead",
      })
      .optional(),
    ttlMs: span,
    deadlineMs: span,
    tenant: word,
    subject: word,
    uniqueKey: word,
    onConflict: z.enum(["keep", "replace", "supersede"]).optional(),
    idempotencyKey: word,
    parent: z.guid().optional(),
    trace: z.string().regex(traceparent, "must be a W3C traceparent").optional(),
  })
  .refine(({ delayMs, runAt }) => delayMs === undefined || runAt === undefined, {
    path: ["runAt"],
    error: "says the same as delayMs: give one of them",
  })
  .refine(({ uniqueKey, onConflict }) => uniqueKey !== undefined || onConflict === undefined, {
    path: ["onConflict"],
    error: "needs a uniqueKey",
  })
  .refine(
    ({ onConflict, idempotencyKey }) => onConflict !== "replace" || idempotencyKey === undefined,
    {
      path: ["idempotencyKey"],
      error: "cannot go with onConflict replace: the job that is there keeps its own",
    },
  );

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
  const where = findLargest(input).join(".");
  const most = where === "" ? "" : `, most of them in "${where}"`;
  throw new WorkerError(
    "payload_too_large",
    `Not enqueued: the payload has ${bytes} bytes${most}, and ${bytesMax} are allowed. Store it elsewhere and pass a reference.`,
  );
}

/** The path to what makes a value large: its largest field, and deeper where one has more than all beside it. */
function findLargest(value: unknown, isDeeper = false): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const sizes = Object.entries(value).map(([name, item]: readonly [string, unknown]) => ({
    name,
    item,
    size: JSON.stringify(item)?.length ?? 0,
  }));
  const [largest] = sizes.toSorted((one, other) => other.size - one.size);
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  if (largest === undefined || (isDeeper && largest.size * 2 <= total)) return [];
  // A name that a programmer chose. In a record, it may be what a learner wrote.
  const name = /^[\w-]{1,64}$/.test(largest.name) ? largest.name : "*";
  return [name, ...findLargest(largest.item, true)];
}
