import {
  createClient,
  createWorker,
  definePipeline,
  migrate,
  type Pipeline,
} from "@leasehold/core";
import postgres from "postgres";
import { z } from "zod";

import type { BenchPayload, Contender, WorkMode } from "./contender.ts";
import registerHook from "./hook.sql" with { type: "text" };

/** The public settings we run with, in one place. Everything else is the default. */
export const leaseholdSettings: Readonly<Record<WorkMode, { readonly concurrency: number }>> = {
  throughput: { concurrency: 1000 },
  single: { concurrency: 1 },
};

const payloadSchema: z.ZodType<BenchPayload, BenchPayload> = z.object({
  n: z.int(),
  text: z.string(),
});

/** Jobs that do nothing; the type of those that a worker is to run, or of others. */
export function benchPipeline(
  onJob: (n: number) => void,
  type = "bench",
): Pipeline<z.ZodType<BenchPayload, BenchPayload>> {
  return definePipeline({
    type,
    version: 1,
    input: payloadSchema,
    phases: [
      {
        name: "run",
        output: z.null(),
        run({ input }) {
          onJob(input.n);
          return Promise.resolve({ output: null, provenance: {} });
        },
      },
    ],
  });
}

/** Ourselves, through the public SDK: fences, history, results, and a hook on the type. */
export const leasehold: Contender = {
  name: "leasehold",
  schema: "leasehold",
  async prepare(url) {
    await migrate({ connection: url });
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    await sql.unsafe(registerHook).simple();
    await sql.end();
  },
  openEnqueuer(url) {
    const client = createClient({ connection: url });
    const pipeline = benchPipeline(() => undefined);
    return Promise.resolve({
      addOne: async (payload) => void (await client.enqueue(pipeline, payload)),
      addMany: async (payloads) => void (await client.enqueueMany(pipeline, payloads)),
      [Symbol.asyncDispose]: () => client.close(),
    });
  },
  openObserver(url) {
    const client = createClient({ connection: url });
    return Promise.resolve({
      isDone: async () => (await client.getQueue()).length === 0,
      [Symbol.asyncDispose]: () => client.close(),
    });
  },
  async startWorker({ url, mode, otherTypes = [], onJob, onCompleted }) {
    const worker = createWorker({
      connection: url,
      pipelines: [benchPipeline(onJob), ...otherTypes.map((type) => benchPipeline(onJob, type))],
      ...leaseholdSettings[mode],
    });
    worker.subscribe(({ name }) => {
      if (name === "job.completed") onCompleted();
    });
    await worker.start();
    return worker;
  },
};
