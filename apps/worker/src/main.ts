import { WorkerError } from "@leasehold/core";
import { EmbeddedPostgresError } from "@leasehold/embedded-postgres";
import { Command, InvalidArgumentError, Option } from "commander";

import { printUrl, query, shell } from "./commands/db.ts";
import { demo } from "./commands/demo.ts";
import { examine } from "./commands/doctor.ts";
import { migrateDatabase } from "./commands/migrate.ts";
import { listModels, pullModels, unloadModels, warmModels } from "./commands/models.ts";
import { run } from "./commands/run.ts";
import { status } from "./commands/status.ts";
import { submit } from "./commands/submit.ts";
import {
  EnvironmentError,
  loadEnvironment,
  parseEnvironment,
  type WorkerConfig,
} from "./config.ts";
import { exitCodes } from "./exit-codes.ts";

/** Runs a command. False is an answer of its own, exit code 1; a number is the exit code. */
type Task = (config: WorkerConfig, signal: AbortSignal) => Promise<boolean | number | void>;

interface ExecuteOptions {
  /** Ctrl-C reaches every program of a terminal; this command has lent it to another, which it is meant for. */
  readonly ignoresInterrupts?: boolean;
}

async function execute(task: Task, options: ExecuteOptions = {}): Promise<void> {
  const stopping = new AbortController();
  const onSignal = (): void => {
    // The second signal is an order to leave now; leases lapse by themselves.
    if (stopping.signal.aborted) process.exit(exitCodes.failed);
    stopping.abort();
  };
  process.on("SIGINT", options.ignoresInterrupts === true ? () => undefined : onSignal);
  process.on("SIGTERM", onSignal);
  process.on("uncaughtException", leave);
  process.on("unhandledRejection", leave);
  try {
    const answer = await task(parseEnvironment(loadEnvironment()), stopping.signal);
    process.exit(toExitCode(answer));
  } catch (error) {
    leave(error);
  }
}

function toExitCode(answer: boolean | number | void): number {
  if (typeof answer === "number") return answer;
  return answer === false ? exitCodes.failed : exitCodes.done;
}

/** Says what went wrong and ends, also for what nobody caught: the runtime would print all that an error holds. */
function leave(error: unknown): never {
  console.error(describe(error));
  const isConfig = WorkerError.is(error) && error.scope === "config";
  const mustBeMended = isConfig || error instanceof EmbeddedPostgresError;
  process.exit(mustBeMended ? exitCodes.config : exitCodes.failed);
}

/** Our own errors say what to do; anything else is a fault of ours and shows where it happened, not what it held. */
function describe(error: unknown): string {
  if (error instanceof EnvironmentError) {
    return ["config_invalid: The environment does not fit:", ...error.problems].join("\n  ");
  }
  if (WorkerError.is(error)) return `${error.code}: ${error.message}`;
  if (error instanceof EmbeddedPostgresError) return error.message;
  if (!(error instanceof Error)) return "Something unknown was thrown.";
  const frames = error.stack
    ?.replace(error.message, "")
    .split("\n")
    .filter((line) => line.trimStart().startsWith("at "));
  return [`Unexpected ${error.name}; please report this.`, ...(frames ?? [])].join("\n");
}

interface SubmitFlags {
  readonly criterion: readonly string[];
  readonly student: string;
  readonly language: "de" | "en";
  readonly wait?: true;
}

const program = new Command("leasehold")
  .description("Works learners' submissions from a Postgres table.")
  .showHelpAfterError();

program
  .command("run", { isDefault: true })
  .description("work submissions until told to stop")
  .action(() => execute(run));

program
  .command("demo")
  .description("work the samples on a throwaway database and show what came of them")
  .option("--json", "end with one line of JSON")
  .option("--in-place", "use the configured database")
  .action((flags: { readonly json?: true; readonly inPlace?: true }) =>
    execute((config, signal) =>
      demo(config, { json: flags.json === true, inPlace: flags.inPlace === true }, signal),
    ),
  );

program
  .command("submit")
  .description("submit a text, a PNG, a JPEG or a PDF")
  .argument("<file>", "a file, or - for standard input")
  .option("--criterion <name[:points]>", "what to look at; may be repeated", collect, [])
  .option("--student <word>", "whose work it is", "anonymous")
  .addOption(new Option("--language <code>").choices(["de", "en"]).default("de"))
  .option("--wait", "wait for the feedback and print it")
  .action((source: string, { criterion, student, language, wait }: SubmitFlags) =>
    execute((config, signal) =>
      submit(
        config,
        { source, criteria: criterion, student, language, waits: wait === true },
        signal,
      ),
    ),
  );

program
  .command("status")
  .description("show the backlog, or where one submission or job is")
  .argument("[id]", "a submission's or a job's id", toUuid)
  .action((id: string | undefined) => execute((config) => status(config, id)));

program
  .command("doctor")
  .description(
    "look for what keeps queue and models from working well; exit code 1 when something has failed",
  )
  .option("--json", "print the findings as JSON")
  .action((flags: { readonly json?: true }) =>
    execute((config, signal) => examine(config, { json: flags.json === true }, signal)),
  );

const models = program.command("models").description("see and handle the models of Ollama");
models
  .command("list")
  .description("show what the servers have, and what they hold in memory")
  .option("--json", "print JSON")
  .action((flags: { readonly json?: true }) =>
    execute((config, signal) => listModels(config, { json: flags.json === true }, signal)),
  );
for (const [name, description, task] of [
  ["pull", "have the servers fetch models from their registry", pullModels],
  ["warm", "have the servers load models", warmModels],
  ["unload", "have the servers forget models until they are needed", unloadModels],
] as const) {
  models
    .command(name)
    .description(description)
    .argument("[models...]", "default: those of the configuration")
    .option("--json", "print JSON")
    .action((names: readonly string[], flags: { readonly json?: true }) =>
      execute((config, signal) => task(config, { names, json: flags.json === true }, signal)),
    );
}

program
  .command("migrate")
  .description("bring the database to this version")
  .option("--print", "print the SQL instead")
  .option("--roles", "make the worker's roles, as an administrator")
  .action((flags: { readonly print?: true; readonly roles?: true }) =>
    execute((config) =>
      migrateDatabase(config, { prints: flags.print === true, roles: flags.roles === true }),
    ),
  );

const database = program.command("db").description("reach the database");
database
  .command("url")
  .description("print its URL")
  .action(() => execute(printUrl));
database
  .command("query")
  .description("run one statement")
  .argument("<sql>")
  .action((sql: string) => execute((config) => query(config, sql)));
database
  .command("shell")
  .description("open psql on it")
  .action(() => execute(shell, { ignoresInterrupts: true }));

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

function toUuid(value: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  throw new InvalidArgumentError("An id is a uuid.");
}

await program.parseAsync();
