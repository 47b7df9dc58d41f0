import type { z } from "zod";

import type { EnqueueAnswer, JobRecord, ResultRecord } from "./client-routines.ts";
import { createClientStore, type Queryable } from "./client-store.ts";
import type { DatabaseConnection } from "./database.ts";
import { WorkerError } from "./errors.ts";
import { toStorableJson } from "./json.ts";
import { defaultSchema } from "./migrate.ts";
import type { Pipeline, PipelineStart } from "./pipeline.ts";
import { systemRuntime, wait } from "./runtime.ts";

export interface ClientOptions {
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** Bytes of a payload as JSON; at most 1,048,576. Default: 262,144. */
  readonly payloadBytesMax?: number;
}

export interface EnqueueOptions {
  /** The job's id, chosen by the caller: a second enqueue with it adds nothing. Default: a new one. */
  readonly id?: string;
  /** From 0 to 9, lower first. Default: 5. */
  readonly priority?: number;
  /** Default: 0. */
  readonly delayMs?: number;
  /** Whose work it is. */
  readonly tenant?: string;
  /** Whom the content is about, as an opaque word. */
  readonly subject?: string;
  /** At most one live job per queue and key. */
  readonly uniqueKey?: string;
  /** The same request again, also after the job completed. */
  readonly idempotencyKey?: string;
  /** The host's transaction to enqueue in. Default: a transaction of our own. */
  readonly within?: Queryable;
}

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Default: 250. */
  readonly pollIntervalMs?: number;
}

/** Adds jobs and asks about them. It claims nothing. */
export interface Client extends AsyncDisposable {
  /** Throws `input_invalid` with every field that does not fit, or `payload_too_large`. */
  enqueue<Schema extends z.ZodType>(
    pipeline: Pipeline<Schema>,
    input: z.input<Schema>,
    options?: EnqueueOptions,
  ): Promise<EnqueueAnswer>;
  /** All of them in one transaction, answered in order. `delayMs`, `tenant`, `priority` and `within` hold for each. */
  enqueueMany<Schema extends z.ZodType>(
    pipeline: Pipeline<Schema>,
    inputs: readonly z.input<Schema>[],
    options?: Pick<EnqueueOptions, "priority" | "delayMs" | "tenant" | "within">,
  ): Promise<readonly EnqueueAnswer[]>;
  getJob(id: string): Promise<JobRecord | undefined>;
  /** What the phases returned so far, with provenance. This is content: handle it as such. */
  getResults(id: string): Promise<readonly ResultRecord[]>;
  /** Resolves when the job has ended, however it ended. Throws `not_found`, or the signal's reason. */
  waitForJob(id: string, options?: WaitOptions): Promise<JobRecord>;
  cancel(id: string): Promise<"ok" | "not_found" | "settled">;
  requeue(id: string): Promise<"ok" | "not_found" | "not_settled" | "conflict">;
  close(): Promise<void>;
}

const payloadBytesDefault = 262_144;
const payloadBytesHard = 1_048_576;

/**
 * Makes a client with a small pool of its own.
 *
 * @example
 * await using client = createClient({ connection: url });
 * const { id } = await client.enqueue(greeting, { name: "Ada" });
 */
export function createClient(options: ClientOptions): Client {
  const store = createClientStore(options.connection, options.schema ?? defaultSchema);
  const bytesMax = Math.min(options.payloadBytesMax ?? payloadBytesDefault, payloadBytesHard);
  const close = (): Promise<void> => store.end();
  const send = (
    jobs: readonly unknown[],
    within: Queryable | undefined,
  ): Promise<readonly EnqueueAnswer[]> => {
    const text = toStorableJson(jobs);
    return within === undefined ? store.enqueueJobs(text) : store.enqueueJobsIn(within, text);
  };
  return {
    async enqueue(pipeline, input, { within, ...rest } = {}) {
      const [answer] = await send([toJob(pipeline, input, { ...rest, bytesMax })], within);
      if (answer === undefined) {
        throw new WorkerError("statement_failed", "Postgres gave no answer to enqueue_jobs.");
      }
      return answer;
    },
    enqueueMany: (pipeline, inputs, { within, ...rest } = {}) =>
      send(
        inputs.map((input) => toJob(pipeline, input, { ...rest, bytesMax })),
        within,
      ),
    getJob: (id) => store.getJob(id),
    getResults: (id) => store.getResults(id),
    async waitForJob(id, { signal, pollIntervalMs = 250 } = {}) {
      const over = signal ?? new AbortController().signal;
      for (;;) {
        over.throwIfAborted();
        const job = await store.getJob(id);
        if (job === undefined) throw new WorkerError("not_found", `There is no job ${id}.`);
        if (job.finishedAt !== undefined) return job;
        await wait(systemRuntime, pollIntervalMs, over);
      }
    },
    cancel: (id) => store.cancelJob(id),
    requeue: (id) => store.requeueJob(id),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function toJob<Schema extends z.ZodType>(
  pipeline: Pipeline<Schema>,
  input: z.input<Schema>,
  { bytesMax, ...options }: Omit<EnqueueOptions, "within"> & { readonly bytesMax: number },
): object {
  const parsed = pipeline.input.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.map(String).join(".") || "(top)"}: ${message}`,
    );
    throw new WorkerError("input_invalid", `Not enqueued: ${problems.join("; ")}.`);
  }
  const start = findStart(pipeline, parsed.data);
  const payload = toStorableJson(parsed.data);
  checkSize(parsed.data, payload, bytesMax);
  return {
    ...options,
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
