import { expect, test } from "bun:test";

import { bearerTokens, type HealthRoutesOptions } from "../src/index.ts";
import { degraded, healthPath, setup } from "./setup.ts";

const curl = Bun.which("curl");
// A machine that checks everything must not pass because a tool was missing.
const missing = curl === null && process.env["CI"] !== "true";
const testWithCurl = missing ? test.skip : test;
const note = missing ? " (skipped: curl is not installed)" : "";

const token = "canary-token-0123456789";

const options: Partial<HealthRoutesOptions> = {
  authorize: bearerTokens([token, { token: `metrics-${token}`, may: ["metrics"] }]),
  probe: async () => degraded,
  collect: () => Promise.reject(new Error("canary: postgres://user:secret@host/db")),
};

/** What curl shows of an answer: the status line, the headers and the text. */
async function ask(url: string, ...more: readonly string[]): Promise<string> {
  const child = Bun.spawn([curl ?? "curl", "-sS", "-i", "--max-time", "30", ...more, url], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text;
}

testWithCurl(`shows curl the report, its status and its headers${note}`, async () => {
  await using server = setup(options);

  const answer = await ask(server.url + healthPath, "-H", `Authorization: Bearer ${token}`);

  expect(answer).toMatch(/^HTTP\/1\.1 503 /);
  expect(answer).toMatch(/^cache-control: private, no-store\r$/im);
  expect(answer).toMatch(/^vary: Origin\r$/im);
  expect(answer).toMatch(/^x-content-type-options: nosniff\r$/im);
  expect(answer).toMatch(/^content-security-policy: default-src 'none'\r$/im);
  expect(answer).toEndWith(`\r\n\r\n${JSON.stringify(degraded)}`);
});

testWithCurl(
  `shows curl no secret on any route, by any method, to anybody${note}`,
  async () => {
    await using server = setup(options);
    const statuses: (string | undefined)[] = [];

    for (const path of [healthPath, "/metrics", "/livez", "/readyz", "/nothing"]) {
      for (const sent of [undefined, "wrong-token-0123456789", token, `metrics-${token}`]) {
        for (const method of ["-XGET", "-I", "-XPOST", "-XOPTIONS"]) {
          const header = sent === undefined ? [] : ["-H", `Authorization: Bearer ${sent}`];

          const answer = await ask(server.url + path, method, ...header);

          statuses.push(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
          expect(answer).toMatch(/^cache-control: private, no-store\r$/im);
          expect(answer).toMatch(/^vary: Origin\r$/im);
          expect(answer).not.toMatch(/canary|secret|postgres:/);
        }
      }
    }

    expect(new Set(statuses)).toEqual(new Set(["200", "401", "403", "404", "405", "503"]));
  },
  120_000,
);
