import type { Command } from "commander";

import { execute } from "../command-line/execute.ts";

export function addDemo(program: Command): void {
  program
    .command("demo")
    .description("work the samples on a throwaway database and show what came of them")
    .option("--json", "end with one line of JSON, for programs")
    .option("--in-place", "use the configured database")
    .action((flags: { readonly json?: true; readonly inPlace?: true }) =>
      execute(async (config, signal) => {
        // What works is large, and every other command would wait for it.
        const { runDemo } = await import("../run-demo.ts");
        const options = { json: flags.json === true, inPlace: flags.inPlace === true };
        return await runDemo(config, options, signal);
      }),
    );
}
