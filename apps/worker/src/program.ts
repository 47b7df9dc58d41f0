import { Command } from "commander";

import { addActions } from "./commands/actions.ts";
import { addCancel } from "./commands/cancel.ts";
import { addCompletion } from "./commands/completion.ts";
import { addCron } from "./commands/cron.ts";
import { addDatabase } from "./commands/db.ts";
import { addDeadLetters } from "./commands/dead-letters.ts";
import { addDemo } from "./commands/demo.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExplain } from "./commands/explain.ts";
import { addJobs } from "./commands/jobs.ts";
import { addMigrate } from "./commands/migrate.ts";
import { addModels } from "./commands/models.ts";
import { addPause, addResume } from "./commands/pause.ts";
import { addPrune } from "./commands/prune.ts";
import { addQueues } from "./commands/queues.ts";
import { addRedact } from "./commands/redact.ts";
import { addReplay } from "./commands/replay.ts";
import { addRequeue } from "./commands/requeue.ts";
import { addResolve } from "./commands/resolve.ts";
import { addResources } from "./commands/resources.ts";
import { addRun } from "./commands/run.ts";
import { addStatus } from "./commands/status.ts";
import { addSubmit } from "./commands/submit.ts";
import { addWorkers } from "./commands/workers.ts";

/** Every command, in the order of the help, under the headings of the help. */
const commands: Readonly<Record<string, readonly ((program: Command) => void)[]>> = {
  "Work:": [addRun, addDemo, addSubmit],
  "Look:": [
    addStatus,
    addQueues,
    addJobs,
    addExplain,
    addDeadLetters,
    addWorkers,
    addActions,
    addDoctor,
  ],
  "Act:": [
    addRequeue,
    addReplay,
    addCancel,
    addResolve,
    addPause,
    addResume,
    addResources,
    addCron,
    addModels,
  ],
  "Keep:": [addMigrate, addPrune, addRedact, addDatabase, addCompletion],
};

/** Puts the command line together. Nothing runs before it is parsed. */
export function createProgram(): Command {
  const program = new Command("leasehold")
    .description(
      "Works learners' submissions from a Postgres table. `leasehold` stands for `bun run apps/worker`.",
    )
    .helpCommand("help [command]", "show how a command is used")
    .showHelpAfterError()
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 it did not succeed, 2 mend the configuration first, 75 start me afresh.",
    );

  for (const [heading, group] of Object.entries(commands)) {
    program.commandsGroup(heading);
    for (const add of group) add(program);
  }
  return program;
}
