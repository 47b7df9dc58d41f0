import { createClient, createWorker, definePipeline, migrate } from "@leasehold/core";
import { z } from "zod";

/** A second schema in the database of a test, where somebody else works all the time. */
export interface Neighbour {
  /** Ends it. Throws when it saw anything but its own jobs, or did not do all of them. */
  leave(): Promise<void>;
}

const schema = "neighbour";
const betweenJobsMs = 100;

/** Its jobs have the type that most tests use. */
export async function moveIn(connection: string): Promise<Neighbour> {
  await migrate({ connection, schema });
  const seen = new Set<unknown>();
  const pipeline = definePipeline({
    type: "essay",
    version: 1,
    input: z.unknown(),
    phases: [
      {
        name: "draft",
        output: z.unknown(),
        async run({ input }) {
          seen.add(input);
          return { output: "written", provenance: {} };
        },
      },
    ],
  });
  const client = createClient({ connection, schema });
  const worker = createWorker({ connection, schema, pipelines: [pipeline], pollSeconds: 0.2 });
  const enqueued = new Map<string, string>();
  await worker.start();
  const enqueue = async (): Promise<void> => {
    const input = `neighbour ${crypto.randomUUID()}`;
    try {
      enqueued.set((await client.enqueue(pipeline, input)).id, input);
    } catch {
      // A test may cut all connections of its database.
    }
  };
  const timer = setInterval(() => void enqueue(), betweenJobsMs);
  await enqueue();
  return {
    async leave() {
      clearInterval(timer);
      try {
        const signal = AbortSignal.timeout(20_000);
        for (const [id, input] of enqueued) {
          const { state } = await client.waitForJob(id, { signal });
          if (state !== "completed" || !seen.delete(input)) throw new Error(`A job is ${state}.`);
        }
      } finally {
        await worker.stop();
        await client.close();
      }
      const strangers = [...seen].filter((input) => !String(input).startsWith("neighbour "));
      if (strangers.length > 0) throw new Error(`The neighbour saw ${strangers.length} strangers.`);
    },
  };
}
