import {
  type AuthorizeOperator,
  bearerTokens,
  type OperatorRole,
  type OperatorToken,
} from "@leasehold/console-hono";

import type { EnvironmentValues } from "./settings.ts";

/** Who may open the page, and what for. Their name stands beside all that they do. */
export type ConsoleOperator = OperatorToken;

const allRoles = ["read", "act", "reveal"] as const;
/** What is in a job stays closed to whoever is not given more. */
export const usualRoles: readonly OperatorRole[] = ["read", "act"];

/** Reads `name:token` pairs, which may have roles between: `name:read+act+reveal:token`. */
export function toConsoleOperators(
  { consoleTokens }: Pick<EnvironmentValues, "consoleTokens">,
  problems: string[],
): readonly ConsoleOperator[] {
  const operators = consoleTokens.map(toOperator);
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

function toOperator(text: string): ConsoleOperator {
  const at = text.indexOf(":");
  const name = text.slice(0, Math.max(at, 0));
  const rest = text.slice(at + 1);
  const [, words = "", token] = /^([a-z]+(?:\+[a-z]+)*):(.*)$/s.exec(rest) ?? [];
  const given = words.split("+");
  const roles = allRoles.filter((role) => given.includes(role));
  // A token may have a colon in it, too.
  if (token === undefined || roles.length < given.length) {
    return { name, token: rest, roles: usualRoles };
  }
  return { name, token, roles };
}

/** Knows operators by their tokens. */
export function authorizeOperators(operators: readonly ConsoleOperator[]): AuthorizeOperator {
  return bearerTokens(operators);
}
