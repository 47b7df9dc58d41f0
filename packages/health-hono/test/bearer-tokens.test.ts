import { expect, spyOn, test } from "bun:test";
import nodeCrypto from "node:crypto";

import { type AuthorizeAnswer, type BearerToken, bearerTokens } from "../src/index.ts";
import { healthPath, setup, type TestServer } from "./setup.ts";

const current = "current-token-0123456789";
const old = "old-token-0123";
const oldToken = `${old}456789`;
const scraper: BearerToken = { token: "scraper-token-0123456789", may: ["metrics"] };

function setupTokens(): TestServer {
  return setup({
    authorize: bearerTokens([current, oldToken, scraper]),
    collect: async () => "up 1\n",
  });
}

async function statusOf(server: TestServer, path: string, header?: string): Promise<number> {
  const headers: Record<string, string> = header === undefined ? {} : { Authorization: header };
  return (await server.get(path, { headers })).status;
}

/** What the function says to a header, without a server in between. */
function ask(tokens: readonly (string | BearerToken)[], header: string): unknown {
  const request = new Request("http://localhost/", { headers: { Authorization: header } });
  return bearerTokens(tokens)(request, "health") satisfies
    AuthorizeAnswer | Promise<AuthorizeAnswer>;
}

test("judges every route by every token", async () => {
  await using server = setupTokens();

  const rows = await Promise.all(
    [undefined, "Bearer wrong-token-0123456789", current, oldToken, scraper.token].map(
      async (token) => {
        const header = token?.startsWith("Bearer") === false ? `Bearer ${token}` : token;
        return [
          await statusOf(server, healthPath, header),
          await statusOf(server, "/metrics", header),
          await statusOf(server, "/livez", header),
        ];
      },
    ),
  );

  expect(rows).toEqual([
    [401, 401, 200],
    [401, 401, 200],
    [200, 200, 200],
    [200, 200, 200],
    [403, 200, 200],
  ]);
});

const refusedHeaders = [
  "",
  "Bearer",
  "Bearer ",
  current,
  `Basic ${current}`,
  `Bearer ${current.slice(0, -1)}`,
  `Bearer ${current}x`,
  `Bearer ${current.toUpperCase()}`,
  `Bearer ${current} ${current}`,
  `Bearer ${oldToken}, Bearer ${current}`,
  `Bearer ${"x".repeat(8000)}`,
  `x Bearer ${current}`,
];

for (const header of refusedHeaders) {
  test(`knows nobody by the header ${JSON.stringify(header.slice(0, 60))}`, () => {
    expect(ask([current, oldToken], header)).toBe("unauthenticated");
  });
}

test("compares every token, as digests of one length, whichever is presented", () => {
  using compare = spyOn(nodeCrypto, "timingSafeEqual");

  for (const presented of [current, oldToken, "x", "y".repeat(8000)]) {
    ask([current, oldToken, scraper], `Bearer ${presented}`);

    expect(compare).toHaveBeenCalledTimes(3);
    for (const sides of compare.mock.calls) {
      expect(sides.map(({ byteLength }) => byteLength)).toEqual([32, 32]);
    }
    compare.mockClear();
  }
});

test("takes the scheme in any case and with any number of spaces", () => {
  expect(ask([current], `bearer ${current}`)).toBe("allowed");
  expect(ask([current], `BEARER   ${current}`)).toBe("allowed");
});

test("adds up the rights of a token that is listed twice", () => {
  expect(ask([scraper, { token: scraper.token, may: ["health"] }], `Bearer ${scraper.token}`)).toBe(
    "allowed",
  );
});

test("refuses a list that lets nobody in", () => {
  expect(() => bearerTokens([])).toThrow("the list is empty, so that nobody could be let in");
});

test("refuses tokens that can be guessed or never sent, by their place and not by their text", () => {
  const create = (): unknown => bearerTokens([current, "canary", `canary with spaces`]);

  expect(create).toThrow(
    "Bearer tokens refused: token 1 is shorter than 16 characters; " +
      "token 2 has characters that no header can carry.",
  );
  expect(create).not.toThrow("canary");
});
