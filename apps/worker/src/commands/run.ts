import type { Command } from "commander";

import { examples } from "../command-line/arguments.ts";
import { execute } from "../command-line/execute.ts";

export function addRun(program: Command): void {
  program
    .command("run")
    .description("work submissions until told to stop; what happens without a command")
    .addHelpText(
      "after",
      examples(["run", "SIGTERM or Ctrl-C drains; a second one leaves at once"]),
    )
    .action(() =>
      execute(async (config, signal) => {
        // What works is large, and every other command would wait for it.
        const { runWorker } = await import("../run-worker.ts");
        return await runWorker(config, signal);
      }),
    );
}
