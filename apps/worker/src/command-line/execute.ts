import { WorkerError } from "@leasehold/core";
import { EmbeddedPostgresError } from "@leasehold/embedded-postgres";

import {
  EnvironmentError,
  loadEnvironment,
  parseEnvironment,
  type WorkerConfig,
} from "../config.ts";
import { exitCodes } from "../exit-codes.ts";

/** Runs a command. False is an answer of its own, exit code 1; a number is the exit code. */
export type Task = (config: WorkerConfig, signal: AbortSignal) => Promise<boolean | number | void>;

export interface ExecuteOptions {
  /** Ctrl-C reaches every program of a terminal; this command has lent it to another, which it is meant for. */
  readonly ignoresInterrupts?: boolean;
}

/** Runs a command by the environment's configuration, and ends the process as it ended. */
export async function execute(task: Task, options: ExecuteOptions = {}): Promise<void> {
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
