import { type AuthorizeOperator, bearerTokens } from "@leasehold/console-hono";

import type { EnvironmentValues } from "./settings.ts";

/** Who may see and steer jobs on the page. Their name stands beside all that they do. */
export interface ConsoleOperator {
  readonly name: string;
  readonly token: string;
}

/** Reads `name:token` pairs. */
export function toConsoleOperators(
  { consoleTokens }: Pick<EnvironmentValues, "consoleTokens">,
  problems: string[],
): readonly ConsoleOperator[] {
  const operators = consoleTokens.map((pair) => {
    const at = pair.indexOf(":");
    return { name: pair.slice(0, Math.max(at, 0)), token: pair.slice(at + 1) };
  });
  if (operators.length === 0) return operators;
  try {
    authorizeOperators(operators);
  } catch (error) {
    // What is wrong is said by its place in the list: no token is quoted.
    const words = error instanceof Error ? error.message : "refused";
    problems.push(`LEASEHOLD_CONSOLE_TOKENS: ${words}`);
  }
  return operators;
}

/** Knows operators by their tokens. They see and act; what is in a job stays closed to them. */
export function authorizeOperators(operators: readonly ConsoleOperator[]): AuthorizeOperator {
  return bearerTokens(
    operators.map(({ name, token }) => ({ name, token, roles: ["read", "act"] })),
  );
}
