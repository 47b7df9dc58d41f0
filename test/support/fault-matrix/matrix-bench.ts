import {
  type Client,
  createClient,
  createWorker,
  definePipeline,
  type FencedStatement,
  type JobRecord,
  type PhaseContext,
  type PhaseRequest,
  type PhaseResult,
  type Pipeline,
  type SqlBundle,
  type Worker,
  type WorkerOptions,
} from "@leasehold/core";
import {
  createTestDatabase,
  type EventRecorder,
  recordEvents,
  type TestDatabase,
} from "@leasehold/core/testing";
import { z } from "zod";

import type { ArmedFault } from "../fault-plan.ts";
import { createFaultProxy, type FaultProxy } from "../fault-proxy.ts";

/** An empty schema, reached by the subjects of a test through a proxy, and by the test itself without one. */
export interface MatrixBench extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly database: TestDatabase;
  /** Knows what really happened. */
  readonly observer: Client;
  /** The subject, when it is a client. */
  readonly client: Client;
  /** The subject, when it is a worker. It is stopped with the bench. */
  addWorker(pipeline: Pipeline, options?: Partial<WorkerOptions>): BenchWorker;
  /** What a phase commits: an effect that a second run of the phase finds done. */
  effectOf(jobId: string): FencedStatement;
  countEffects(jobId: string): Promise<number>;
}

export interface BenchWorker {
  readonly worker: Worker;
  readonly recorder: EventRecorder;
}

/** The product's own limits: how long a statement is waited for. */
export const statementMs = { renewal: 5_000, work: 10_000 } as const;
/** What the product may take beyond them, and what a busy machine may add. */
export const slackMs: number = 2_000;
/** How long a test waits for what has no limit of its own. */
export const patienceMs: number = 60_000;

export async function setupMatrixBench(
  url: string,
  bundles: readonly SqlBundle[] = [],
): Promise<MatrixBench> {
  const database = await createTestDatabase({ connection: url, bundles });
  const { schema } = database;
  const proxy = await createFaultProxy({ url });
  const observer = createClient(database);
  const client = createClient({ connection: proxy.url, schema });
  const workers: Worker[] = [];
  // No unique key: it is the lease that must keep the effect single.
  await database.query('create table :"schema".effect (job_id uuid not null)');
  // Retries are due at once, so that no test has to wait for them.
  await database.query(
    `select :"schema".register_type('essay', p_backoff_base_ms => 1, p_backoff_cap_ms => 1)`,
  );
  return {
    proxy,
    database,
    observer,
    client,
    addWorker(pipeline, options = {}) {
      const worker = createWorker({
        connection: proxy.url,
        schema,
        pipelines: [pipeline],
        pollSeconds: 0.2,
        pollSecondsMax: 0.2,
        abandonSeconds: 1,
        graceSeconds: 0,
        ...options,
      });
      workers.push(worker);
      return { worker, recorder: recordEvents(worker) };
    },
    effectOf: (jobId) => ({
      text: `insert into "${schema}".effect (job_id)
        select $1::uuid where not exists (select from "${schema}".effect where job_id = $1::uuid)`,
      parameters: [jobId],
    }),
    async countEffects(jobId) {
      const text =
        'select count(*)::integer as count from :"schema".effect where job_id = $1::uuid';
      const [row] = await database.query(text, [jobId]);
      return Number(row?.["count"]);
    },
    async [Symbol.asyncDispose]() {
      proxy.setMode("pass");
      // What still waits for an answer will not get one.
      proxy.cutAll();
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all([client.close(), observer.close()]);
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

export type Run = (request: PhaseRequest, context: PhaseContext) => Promise<PhaseResult>;

/** A pipeline of type `essay` that drafts and grades. */
export function essayOf({ draft, grade }: { readonly draft: Run; readonly grade: Run }): Pipeline {
  const output = z.unknown();
  return definePipeline({
    type: "essay",
    version: 1,
    input: z.unknown(),
    phases: [
      { name: "draft", output, run: draft },
      { name: "grade", output, run: grade },
    ],
  });
}

/** A result as a phase returns it. */
export function resultOf(output: unknown): PhaseResult {
  return { output, provenance: { adapter: "test" } };
}

/** Waits for what must come after a fault, and fails when it takes longer than the statement's deadline and the slack. */
export async function inTime<Result>(
  fault: ArmedFault,
  deadlineMs: number,
  work: Promise<Result>,
): Promise<Result> {
  work.catch(() => undefined);
  await atMost(patienceMs, "the fault to strike", fault.struck);
  return await atMost(deadlineMs + slackMs, "the product to cope with the fault", work);
}

/** Waits, and fails when it takes too long. */
export async function atMost<Result>(
  ms: number,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms for ${what}.`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the end of a job, and moves the clock when it is told to come back later. */
export async function waitForEnd(
  { observer, database }: MatrixBench,
  jobId: string,
): Promise<JobRecord> {
  const deadline = AbortSignal.timeout(patienceMs);
  let outages = 0;
  for (;;) {
    const job = await observer.getJob(jobId);
    if (job?.finishedAt !== undefined) return job;
    // After an outage a job waits for 5 to 10 s at first; nothing else here waits for its time.
    if (job?.state === "queued" && job.outages > outages) {
      outages = job.outages;
      await database.advance(10_000 * 2 ** (outages - 1));
    }
    await Bun.sleep(20);
    deadline.throwIfAborted();
  }
}
