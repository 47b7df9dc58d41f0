import { bearerTokens, createConsole, type OperatorRole } from "@leasehold/console-hono";
import {
  type Client,
  createClient,
  createWorker,
  definePipeline,
  migrate,
  type Worker,
  WorkerError,
} from "@leasehold/core";
import { Hono } from "hono";
import { z } from "zod";

import type { Database } from "../worker-bench.ts";

interface LetterInput {
  readonly text: string;
  readonly breaks: boolean;
}

const input: z.ZodType<LetterInput> = z.object({ text: z.string(), breaks: z.boolean() });

/** What learners write must be seen by nobody who has no right to. */
export const secretText = "Canary: my summer with a heron";

/** The console as a host mounts it, over a database of its own, with jobs that fail while the test wants them to. */
export interface ConsoleBench extends AsyncDisposable {
  readonly client: Client;
  /** Where the console is mounted. */
  readonly url: string;
  tokenOf(...roles: readonly OperatorRole[]): string;
  headersOf(...roles: readonly OperatorRole[]): Readonly<Record<string, string>>;
  /** Answers the ids. */
  enqueue(count: number, letter: Pick<LetterInput, "breaks">): Promise<readonly string[]>;
  startWorker(): Promise<Worker>;
  /** From now on jobs that break do so no more. */
  mend(): void;
}

const roleSets = [["read"], ["read", "act"], ["read", "act", "reveal"]] as const;

const tokenOf = (...roles: readonly OperatorRole[]): string =>
  `secret-token-of-${roles.join("-and-")}`;

export async function openConsoleBench(database: Database): Promise<ConsoleBench> {
  await migrate({ connection: database.url });
  const client = createClient({ connection: database.url });
  const tokens = roleSets.map((roles) => ({
    token: tokenOf(...roles),
    name: "ada",
    roles,
  }));
  const host = new Hono();
  host.route("/ops/leasehold", createConsole({ client, authorize: bearerTokens(tokens) }));
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: host.fetch });
  const workers: Worker[] = [];
  const state = { isBroken: true };
  const pipeline = definePipeline({
    type: "letter",
    version: 1,
    input,
    phases: [
      {
        name: "read",
        output: z.object({ words: z.number() }),
        run: async () => ({
          output: { words: 7 },
          provenance: { adapter: "test@1", model: "tiny", options: { temperature: 0 } },
        }),
      },
      {
        name: "answer",
        output: z.string(),
        run: async ({ input: letter }) => {
          if (letter.breaks && state.isBroken) {
            throw new WorkerError("output_invalid", `Not by the schema: ${secretText}`);
          }
          return { output: `Answer to: ${letter.text}`, provenance: { adapter: "test@1" } };
        },
      },
    ],
  });
  return {
    client,
    url: `http://127.0.0.1:${server.port}/ops/leasehold`,
    tokenOf,
    headersOf: (...roles) => ({ Authorization: `Bearer ${tokenOf(...roles)}` }),
    async enqueue(count, { breaks }) {
      const inputs = Array.from({ length: count }, () => ({ text: secretText, breaks }));
      return (await client.enqueueMany(pipeline, inputs)).map(({ id }) => id);
    },
    async startWorker() {
      const worker = createWorker({
        connection: database.url,
        pipelines: [pipeline],
        concurrency: 4,
        name: "bench-worker",
      });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    mend: () => {
      state.isBroken = false;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await server.stop(true);
      await client.close();
    },
  };
}
