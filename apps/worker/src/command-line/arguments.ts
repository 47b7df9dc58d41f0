import { InvalidArgumentError, Option } from "commander";

/** `--json`, which every command has that answers. */
export function jsonOption(): Option {
  return new Option("--json", "print one line of JSON, for programs");
}

/** `--yes`, of commands that ask first. */
export function yesOption(): Option {
  return new Option("--yes", "do not ask first");
}

/** `--reason`, of commands that change something. */
export function reasonOption(): Option {
  return new Option("--reason <words>", "why, in your own words; `actions` shows it");
}

/** Examples under a command's help, each with what it is for, as they can be pasted. */
export function examples(
  ...lines: readonly (readonly [command: string, purpose: string])[]
): string {
  const rows = lines.map(
    ([command, purpose]) => `  # ${purpose}\n  bun run apps/worker ${command}`,
  );
  return ["", "Examples:", ...rows].join("\n");
}

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** Reads the id of a submission or a job. */
export function parseId(value: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value;
  throw new InvalidArgumentError("An id is a uuid.");
}

/** The same, of an argument that may be repeated. */
export function parseIds(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, parseId(value)];
}

/** Reads a whole number from 1 on. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (Number.isInteger(count) && count > 0 && count <= 2_147_483_647) return count;
  throw new InvalidArgumentError("Write a whole number from 1 on.");
}
