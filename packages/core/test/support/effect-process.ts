// A worker in a process of its own whose phase has an effect and adds a job. When it is told to, it dies in the middle:
// after the host's row and the new job are written, and before the phase is.
import { createWorker, definePipeline, type Pipeline } from "@leasehold/core";
import { z } from "zod";

/** What the program is told on its command line, as JSON. */
export interface EffectProcessOptions {
  readonly connection: string;
  readonly schema: string;
  readonly name: string;
  readonly dies: boolean;
}

/** What the effect's phase adds. Nobody here runs it. */
export const followUp: Pipeline<z.ZodString> = definePipeline({
  type: "follow_up",
  version: 1,
  input: z.string(),
  phases: [{ name: "run", output: z.unknown() }],
});

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "{}") as EffectProcessOptions);

async function main({ connection, schema, name, dies }: EffectProcessOptions): Promise<void> {
  const pipeline = definePipeline({
    type: "effect",
    version: 1,
    input: z.string(),
    phases: [
      {
        name: "run",
        output: z.string(),
        async run({ input }, context) {
          context.enqueue(followUp, input);
          return { output: name, provenance: {} };
        },
        async effect(transaction, { input }) {
          const text = `insert into "${schema}".effect (input, worker) values ($1, $2)`;
          await transaction.query(text, [input, name]);
          if (dies) process.kill(process.pid, "SIGKILL");
        },
      },
    ],
  });
  await using worker = createWorker({
    connection,
    schema,
    name,
    pipelines: [pipeline],
    leaseSeconds: 1,
    pollSeconds: 0.05,
    pollSecondsMax: 0.1,
  });
  await worker.start();
  // The end of standard input, whoever reads it.
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve));
}
