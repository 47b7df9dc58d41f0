import {
  type AdapterV1,
  type Client,
  createClient,
  createWorker,
  definePipeline,
  type PhaseContext,
  type PhaseRequest,
  type PhaseResult,
  type Pipeline,
  type Worker,
  type WorkerEvent,
  type WorkerOptions,
} from "@leasehold/core";
import { type EventRecorder, recordEvents, type TestDatabase } from "@leasehold/core/testing";
import { z } from "zod";

import { createSchema, type TestServer } from "./server.ts";

/** A worker on an empty schema, not started yet, and all that it tells. */
export interface WorkerSubject extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly client: Client;
  readonly worker: Worker;
  readonly recorder: EventRecorder;
  /** One more worker on the same schema, stopped with the first. */
  addWorker(options: Partial<WorkerOptions>): { worker: Worker; recorder: EventRecorder };
  /** Claims all that is due and never runs it, as a process that dies then; what it held lapses. */
  loseToCrash(): Promise<void>;
}

export async function setupWorker(
  server: TestServer,
  options: Omit<WorkerOptions, "connection" | "schema">,
): Promise<WorkerSubject> {
  const database = await createSchema(server);
  const client = createClient({ connection: server.url, schema: database.schema });
  const added: { worker: Worker; recorder: EventRecorder }[] = [];
  const addWorker: WorkerSubject["addWorker"] = (more) => {
    const worker = createWorker({
      connection: server.workerUrl,
      schema: database.schema,
      // A queue is looked at often: most of these tests are not about waiting.
      pollSeconds: 0.02,
      pollSecondsMax: 0.05,
      abandonSeconds: 0.2,
      graceSeconds: 0,
      ...options,
      ...more,
    });
    const one = { worker, recorder: recordEvents(worker) };
    added.push(one);
    return one;
  };
  // Retries are due soon, so that no test has to move the clock for them.
  await database.query(
    `select :"schema".register_type('essay', p_backoff_base_ms => 1, p_backoff_cap_ms => 1)`,
  );
  return {
    database,
    client,
    ...addWorker({}),
    addWorker,
    async loseToCrash() {
      await database.query(
        `select from :"schema".claim_jobs('crashed', gen_random_uuid(),
           array(select id from :"schema".lane where not solo), '{}', 100, 1000)`,
      );
      await database.advance(1_001);
      await database.query('select from :"schema".lapse_leases(100)');
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(added.map(({ worker }) => worker.stop()));
      await client.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

export type Run = (request: PhaseRequest, context: PhaseContext) => Promise<PhaseResult>;

/** All that the worker told, but the renewals: on a busy machine there may be some in any job. */
export function storyOf({
  recorder,
}: Pick<WorkerSubject, "recorder">): readonly WorkerEvent["name"][] {
  return recorder.names().filter((name) => name !== "lease.renewed" && name !== "renewal.started");
}

/** A pipeline of type `essay` whose phases are these functions, in this order. */
export function essayOf(
  phases: Readonly<Record<string, Run | undefined>>,
  definition: Partial<Pipeline> = {},
): Pipeline {
  return definePipeline({
    type: "essay",
    version: 1,
    input: z.unknown(),
    phases: Object.entries(phases).map(([name, run]) => ({
      name,
      output: z.unknown(),
      ...(run === undefined ? {} : { run }),
    })),
    ...definition,
  });
}

/** A result as a phase returns it. */
export function resultOf(output: unknown): PhaseResult {
  return { output, provenance: { adapter: "test" } };
}

/** An adapter for one phase. */
export function adapterOf(
  execute: AdapterV1["execute"],
  { phase = "draft", resource = "host/model" }: { phase?: string; resource?: string } = {},
): AdapterV1 {
  return {
    specVersion: "v1",
    name: `test-${phase}`,
    version: "1",
    capabilities: { phases: [phase] },
    resource: () => resource,
    execute,
  };
}

/** Resolves when the signal aborts: what an obedient adapter waits for. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A door that a test opens. */
export function createGate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
