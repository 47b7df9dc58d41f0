// A worker in a process of its own, which a test may kill or stop. It tells its story on standard output, a line of
// JSON for each thing that happens, and ends when standard input does.
import { createWorker, definePipeline, type SqlValue, WorkerError } from "@leasehold/core";
import { z } from "zod";

/** What the program is told on its command line, as JSON. */
export interface WorkerProcessOptions {
  readonly connection: string;
  readonly schema: string;
  readonly name: string;
  /** Waits in the middle of a job until a line comes in. */
  readonly waits: boolean;
  readonly concurrency?: number;
}

/** One thing that happened. */
export interface WorkerProcessEvent {
  readonly event: "started" | "running" | "resumed" | "wrote" | "refused";
  readonly input?: unknown;
  readonly code?: string;
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "{}") as WorkerProcessOptions);

async function main(options: WorkerProcessOptions): Promise<void> {
  const { connection, schema, name, waits, concurrency = 1 } = options;
  const lines = readLines();
  const pipeline = definePipeline({
    type: "effect",
    version: 1,
    input: z.string(),
    phases: [
      {
        name: "run",
        output: z.unknown(),
        async run({ input }, context) {
          tell({ event: "running", input });
          if (input === "poison") process.kill(process.pid, "SIGKILL");
          if (waits) {
            await lines.next();
            tell({ event: "resumed" });
          }
          const text = `insert into "${schema}".effect (input, worker) values ($1, $2)`;
          const parameters: readonly SqlValue[] = [input, name];
          try {
            await context.commit([{ text, parameters }]);
            tell({ event: "wrote" });
          } catch (error) {
            tell({ event: "refused", code: WorkerError.is(error) ? error.code : "unknown" });
            throw error;
          }
          return { output: name, provenance: { adapter: name } };
        },
      },
    ],
  });
  await using worker = createWorker({
    connection,
    schema,
    name,
    concurrency,
    pipelines: [pipeline],
    leaseSeconds: 1,
    pollSeconds: 0.05,
    pollSecondsMax: 0.1,
    graceSeconds: 0,
    abandonSeconds: 0.1,
  });
  await worker.start();
  tell({ event: "started" });
  // The end of standard input, whoever reads it.
  await new Promise((resolve) => process.stdin.once("end", resolve));
}

function tell(event: WorkerProcessEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function readLines(): AsyncIterator<void> {
  const arrivals: (() => void)[] = [];
  let seen = 0;
  process.stdin.on("data", () => {
    const next = arrivals.shift();
    if (next === undefined) seen += 1;
    else next();
  });
  return {
    next: () =>
      new Promise((resolve) => {
        const arrive = (): void => resolve({ done: false, value: undefined });
        if (seen === 0) arrivals.push(arrive);
        else {
          seen -= 1;
          arrive();
        }
      }),
  };
}
