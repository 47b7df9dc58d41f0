import { expect, test } from "bun:test";

import { EnvironmentError, parseEnvironment } from "../src/config.ts";

test("operators of the page are named with their tokens", () => {
  const LEASEHOLD_CONSOLE_TOKENS = "ada:token-of-ada-0000001, bob:token:of-bob-0000001";

  const { consoleOperators } = parseEnvironment({ LEASEHOLD_CONSOLE_TOKENS });

  expect(consoleOperators).toEqual([
    { name: "ada", token: "token-of-ada-0000001", roles: ["read", "act"] },
    { name: "bob", token: "token:of-bob-0000001", roles: ["read", "act"] },
  ]);
});

test("roles may stand between, and nothing else is taken for them", () => {
  const LEASEHOLD_CONSOLE_TOKENS =
    "ada:read:token-of-ada-0000001, bob:reveal+read+act:token-of-bob-0000001, eve:read+own:token-of-eve-0000001";

  const { consoleOperators } = parseEnvironment({ LEASEHOLD_CONSOLE_TOKENS });

  expect(consoleOperators).toEqual([
    { name: "ada", token: "token-of-ada-0000001", roles: ["read"] },
    { name: "bob", token: "token-of-bob-0000001", roles: ["read", "act", "reveal"] },
    { name: "eve", token: "read+own:token-of-eve-0000001", roles: ["read", "act"] },
  ]);
});

test.each([
  ["token-of-nobody-0000001", "token 0 has no name"],
  [":token-of-nobody-0000001", "token 0 has no name"],
  ["ada:short", "token 0 is shorter than 16"],
  ["ada:token-of-both-0000001,bob:token-of-both-0000001", "one token stands there twice"],
])("%p is refused without being quoted", (LEASEHOLD_CONSOLE_TOKENS, problem) => {
  let problems: readonly string[] = [];
  try {
    parseEnvironment({ LEASEHOLD_CONSOLE_TOKENS });
  } catch (error) {
    if (error instanceof EnvironmentError) problems = error.problems;
  }

  expect(problems.join()).toContain(problem);
  expect(problems.join()).not.toContain("0000001");
});
