import { parseArgs } from "node:util";

import type { Scenario } from "./scenarios/scenario.ts";

/** What the command line asks for. */
export interface BenchArguments {
  readonly quick: boolean;
  readonly chosen: readonly Scenario[];
  /** Default: what the sizes say. */
  readonly runs: number | undefined;
  readonly format: "text" | "json" | "markdown";
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

/** Reads the command line. Throws a `UsageError`. */
export function readArguments(
  args: readonly string[],
  scenarios: readonly Scenario[],
): BenchArguments {
  const values = parseOptions(args);
  const names = values.only?.flatMap((list) => list.split(","));
  const unknown = names?.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no scenario "${unknown}"`);
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  if (runs !== undefined && !(Number.isInteger(runs) && runs > 0)) {
    throw new UsageError("--runs takes a number from 1");
  }
  const chosen = scenarios.filter(({ name }) => names === undefined || names.includes(name));
  const format = values.json ? "json" : values.markdown ? "markdown" : "text";
  return { quick: values.quick, chosen, runs, format };
}

interface Options {
  readonly quick: boolean;
  readonly only?: string[];
  readonly runs?: string;
  readonly json: boolean;
  readonly markdown: boolean;
}

function parseOptions(args: readonly string[]): Options {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", multiple: true },
        runs: { type: "string" },
        json: { type: "boolean", default: false },
        markdown: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
