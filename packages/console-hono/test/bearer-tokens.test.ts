import { describe, expect, test } from "bun:test";

import { bearerTokens, type OperatorToken } from "../src/index.ts";

const ada: OperatorToken = { token: "a-token-of-ada-0001", name: "ada", roles: ["read", "act"] };
const bob: OperatorToken = { token: "a-token-of-bob-0001", name: "bob", roles: ["read"] };

const ask = (authorization?: string): Request =>
  new Request("http://127.0.0.1/", {
    headers: authorization === undefined ? {} : { authorization },
  });

describe("bearer tokens", () => {
  test("name the operator whose token it is, with its roles and nothing else", () => {
    const authorize = bearerTokens([ada, bob]);

    expect(authorize(ask(`Bearer ${ada.token}`))).toEqual({ name: "ada", roles: ["read", "act"] });
    expect(authorize(ask(`bearer  ${bob.token}`))).toEqual({ name: "bob", roles: ["read"] });
  });

  test.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    `Basic ${ada.token}`,
    ada.token,
    `Bearer ${ada.token}x`,
    `Bearer ${ada.token.slice(0, -1)}`,
    `Bearer ${ada.token.toUpperCase()}`,
    `Bearer ${ada.token} ${bob.token}`,
    `Bearer ${"x".repeat(200)}`,
  ])("know nobody by %p", (authorization) => {
    expect(bearerTokens([ada, bob])(ask(authorization))).toBeUndefined();
  });

  test.each(["", "ada", "somebody else"])("are passwords for a browser, of %p", (name) => {
    const password = btoa(`${name}:${ada.token}`);

    const authorize = bearerTokens([bob, ada]);

    expect(authorize(ask(`Basic ${password}`))).toMatchObject({ name: "ada" });
    expect(authorize.challenge).toStartWith("Basic ");
  });

  test.each([
    btoa(ada.token),
    btoa(`${ada.token}:`),
    btoa(`ada:${ada.token}x`),
    btoa(`ada:${ada.token}\n`),
    `${btoa(`ada:${ada.token}`)} x`,
    "%%%",
  ])("are no passwords in %p", (password) => {
    expect(bearerTokens([ada, bob])(ask(`Basic ${password}`))).toBeUndefined();
  });

  test("may be two for one name, while one replaces the other", () => {
    const authorize = bearerTokens([ada, { ...ada, token: "a-token-of-ada-0002" }]);

    expect(authorize(ask("Bearer a-token-of-ada-0002"))).toMatchObject({ name: "ada" });
  });

  test("do not change when the list or its roles do", () => {
    const roles: ("read" | "act")[] = ["read"];
    const authorize = bearerTokens([{ ...ada, roles }]);

    roles.push("act");

    expect(authorize(ask(`Bearer ${ada.token}`))).toMatchObject({ roles: ["read"] });
  });

  test.each<[string, readonly OperatorToken[]]>([
    ["the list is empty", []],
    ["token 1 is shorter than 16", [ada, { ...bob, token: "short" }]],
    ["token 0 has characters", [{ ...ada, token: "a token with spaces" }]],
    ["token 0 has no name", [{ ...ada, name: " " }]],
    ["token 0 has no role", [{ ...ada, roles: [] }]],
    ["one token stands there twice", [ada, { ...bob, token: ada.token }]],
  ])("are refused when %s, without a token in the message", (problem, tokens) => {
    const make = (): unknown => bearerTokens(tokens);

    expect(make).toThrow(problem);
    expect(make).not.toThrow(/a-token|short\b(?! *er)/);
  });
});
