import { describe, expect, test } from "bun:test";

import { type JobTimeline, WorkerError } from "@leasehold/core";

import type { ModelListing } from "../src/index.ts";
import { iconAsset, scriptAsset, styleAsset } from "../src/page/assets.ts";
import { jobId, mountPage, type PageOptions, timeline } from "./page-fixture.ts";
import { poison, scanPage } from "./page-scan.ts";

const addresses = [
  "overview",
  "queues",
  "jobs",
  "dead-letters",
  "resources",
  "schedules",
  "workers",
  "audit",
  `jobs/${jobId}`,
] as const;

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(
  path: string,
  { headers = {}, ...options }: PageOptions & Asked = {},
): Promise<Response> {
  const { prefix = "/console" } = options;
  return await mountPage(options).request(`${prefix}/${path}`, { headers });
}

describe.each(addresses)("%s", (address) => {
  test.each(["en", "de"])("is a whole document in %s", async (language) => {
    const response = await ask(address, { headers: { "Accept-Language": language } });

    const page = await scanPage(await response.clone().text());
    expect(response.status).toBe(200);
    expect(page.language).toBe(language);
    expect(page.headings[0]).toBe("h1");
    expect(page.headings.filter((level) => level === "h1")).toHaveLength(1);
    expect(page.landmarks).toContainValues(["header", "nav", "main"]);
    expect(await response.text()).not.toMatch(/undefined|\[object|NaN|Invalid Date/);
  });

  test("has nothing in it that a strict policy refuses", async () => {
    const response = await ask(address);

    const page = await scanPage(await response.text());
    expect(response.headers.get("Content-Security-Policy")).toStartWith("default-src 'none';");
    expect(response.headers.get("Content-Security-Policy")).not.toContain("unsafe");
    expect(page.inline).toEqual([]);
  });

  test("stays below where it is mounted, whatever that is called", async () => {
    const prefix = "/ops/of/somebody";

    const page = await scanPage(await (await ask(address, { prefix })).text());

    const base = `http://host${prefix}/${address}`;
    const outside = page.addresses
      .map((each) => new URL(each, base).href)
      .filter((each) => !each.startsWith(`http://host${prefix}/`));
    expect(outside).toEqual([]);
  });

  test("shows hostile names as text", async () => {
    const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(2)>\u202e`;
    const response = await ask(address, poison(hostile));

    const page = await scanPage(await response.clone().text());
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(page.inline).toEqual([]);
    expect(page.images).toHaveLength(1);
    expect(text).not.toContain("<script>alert");
    expect(text).toContain("&lt;script&gt;");
    expect(page.addresses.filter((each) => /^[a-z]+:/.test(each))).toEqual([]);
  });

  test("is sent in part to who has the rest", async () => {
    const response = await ask(address, { headers: { "X-Console-Part": "main" } });

    const text = await response.text();
    expect(text).toStartWith("<main");
    expect(text).toEndWith("</main>");
  });

  test("has no button for who may only look", async () => {
    const page = await scanPage(await (await ask(address, { roles: ["read"] })).text());

    expect(page.forms.filter((name) => name.includes("act") || name.includes("reveal"))).toEqual(
      [],
    );
  });

  test("says nothing of an error but that the database does not answer", async () => {
    const fail = (): Promise<never> => Promise.reject(new Error("canary postgres://u:p@h/d"));
    const client = Object.fromEntries(clientMethods.map((name) => [name, fail]));

    const response = await ask(address, { client, schedules: fail, models: fail });

    const text = await response.text();
    expect(response.status).toBe(503);
    expect(text).not.toContain("canary");
    expect(text).toContain("The database does not answer.");
  });
});

describe("what may be done to a job", () => {
  test.each<[JobTimeline["state"], readonly string[]]>([
    ["dead", ["replay", "requeue", "resolve", "reveal"]],
    ["failed", ["replay", "requeue", "resolve", "reveal"]],
    ["cancelled", ["replay", "requeue", "reveal"]],
    ["completed", ["replay", "reveal"]],
    ["leased", ["cancel", "reveal"]],
    ["queued", ["cancel", "reveal"]],
  ])("that is %s is offered", async (state, expected) => {
    const client = { getTimeline: async () => ({ ...timeline, state }) };

    const page = await scanPage(await (await ask(`jobs/${jobId}`, { client })).text());

    const acts = page.addresses.flatMap(
      (address) => /\/api\/jobs\/[^/]+\/(\w+)$/.exec(address)?.[1] ?? [],
    );
    expect([...new Set(acts)].toSorted()).toEqual([...expected]);
  });
});

const clientMethods = [
  "explain",
  "getActions",
  "getDeadLetters",
  "getJob",
  "getLimits",
  "getPauses",
  "getQueue",
  "getResources",
  "getThroughput",
  "getTimeline",
  "getWorkers",
  "listJobs",
] as const;

describe("empty", () => {
  const none = async (): Promise<[]> => [];
  const client = {
    ...Object.fromEntries(clientMethods.map((name) => [name, none])),
    listJobs: async () => ({ jobs: [], next: undefined }),
  };

  test.each(addresses.slice(0, -1))("%s says what to do", async (address) => {
    const response = await ask(address, { client, schedules: none, models: none });

    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toMatch(/class="(?:empty|well)"/);
    expect(text).not.toContain("<table");
  });

  test("a job that is not there is 404", async () => {
    const response = await ask("jobs/6fa459ea-ee8a-3ca4-894e-db77e160355e");

    expect(response.status).toBe(404);
    expect(await response.text()).toContain("There is no such job.");
  });
});

test("a running job tells how far it is", async () => {
  const getTimeline = async (): Promise<JobTimeline> => ({
    ...timeline,
    state: "leased",
    finishedAt: undefined,
  });

  const text = await (await ask(`jobs/${jobId}`, { client: { getTimeline } })).text();

  expect(text).toContain("writes, 7 of 12 parts, 1,234 tokens");
});

describe("models", () => {
  test("are shown as far as something is known of them", async () => {
    const models = async (): Promise<ModelListing[]> => [
      { host: "gpu-1", model: "tiny", isWarm: true, bytes: 4_700_000_000, gpuBytes: 2_350_000_000 },
    ];

    const text = await (await ask("resources", { models })).text();

    expect(text).toMatch(/tiny.*gpu-1.*loaded.*4\.7 GB.*50%/s);
    expect(text).not.toMatch(/Swapped in|Tokens per second|this process saw/);
  });

  test("show how fast they write, and how often they took another's place", async () => {
    const models = async (): Promise<ModelListing[]> => [
      { host: "gpu-1", model: "tiny", isWarm: true, swaps: 12, tokensPerSecond: 41.3 },
    ];

    const text = await (await ask("resources", { models })).text();

    expect(text).toMatch(/tiny.*"Swapped in"><[^>]+>12<.*"Tokens per second"><[^>]+>41</s);
    expect(text).toContain("what this process saw");
  });

  test("that nobody tells of do not hide the breakers", async () => {
    const fail = (): Promise<never> => Promise.reject(new Error("canary"));

    const response = await ask("resources", { models: fail });

    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain("ollama.local/llava:7b");
    expect(text).toContain("The backends do not answer");
  });
});

test("a page that cannot be is 400, in a document", async () => {
  const refuse = (): Promise<never> =>
    Promise.reject(new WorkerError("input_invalid", "canary", { scope: "config" }));

  const response = await ask("jobs?after=nonsense", { client: { listJobs: refuse } });

  expect(response.status).toBe(400);
  expect(await response.text()).not.toContain("canary");
});

test("jobs are asked for as the address says, and nothing else of it", async () => {
  const asked: unknown[] = [];
  const client = {
    listJobs: async (...given: unknown[]) => {
      asked.push(given);
      return { jobs: [], next: undefined };
    },
  };

  await ask("jobs?state=dead&code=x&queue=%20&type=t&after=%7B%7D&evil=1", { client });
  await ask("jobs?state=nonsense", { client });

  expect(asked).toEqual([
    [{ state: "dead", code: "x", type: "t" }, { after: "{}" }],
    [{}, {}],
  ]);
});

describe("who asks", () => {
  test.each([
    ["nobody we know", undefined, 401],
    ["somebody without the right", { name: "eve", roles: ["act"] as const }, 403],
  ])("%s sees nothing", async (_, operator, status) => {
    const response = await ask("overview", { operator: () => operator });

    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("learning.submission");
  });

  test.each([
    [undefined, "Bearer"],
    ['Basic realm="x"', 'Basic realm="x"'],
  ])("is asked by the browser as the host wishes, %p", async (challenge, asked) => {
    const response = await ask("overview", {
      operator: () => undefined,
      ...(challenge === undefined ? {} : { challenge }),
    });

    expect(response.headers.get("WWW-Authenticate")).toBe(asked);
  });
});

describe("the language", () => {
  test.each([
    ["de-AT,de;q=0.9,en;q=0.8", "de"],
    ["fr, en;q=0.3, de;q=0.7", "de"],
    ["de;q=0, en", "en"],
    ["fr", "en"],
    ["", "en"],
  ])("%p is answered in %s", async (header, language) => {
    const page = await scanPage(
      await (await ask("audit", { headers: { "Accept-Language": header } })).text(),
    );

    expect(page.language).toBe(language);
  });

  test("is kept when it was chosen, and leads back to where one was", async () => {
    const response = await ask(`language?to=de&back=${encodeURIComponent("jobs?state=dead")}`);

    const cookie = response.headers.get("Set-Cookie")?.split(";")[0] ?? "";
    const headers = { Cookie: cookie, "Accept-Language": "en" };
    expect(response.status).toBe(303);
    expect(response.headers.get("Location")).toBe("jobs?state=dead");
    expect((await scanPage(await (await ask("audit", { headers })).text())).language).toBe("de");
  });

  test.each([
    "//evil.example/overview",
    "https://evil.example/",
    "\\\\evil.example",
    "overview\r\nX: y",
    "../../secret",
    "api/openapi.json",
  ])("never leads to %p", async (back) => {
    const response = await ask(`language?to=de&back=${encodeURIComponent(back)}`);

    expect(response.headers.get("Location")).toMatch(/^overview(?:\?|$|X)/);
    expect(response.headers.get("X")).toBeNull();
  });

  test("that is none is not kept", async () => {
    const response = await ask("language?to=%22%3Cscript%3E&back=overview");

    expect(response.headers.get("Set-Cookie")).toBeNull();
  });
});

describe("where it is mounted", () => {
  test.each([
    ["/console", "/console", "/console/overview"],
    ["/console", "/console/", "/console/overview"],
    ["/a/b", "/a/b", "/a/b/overview"],
    ["/", "/", "/overview"],
  ])("at %s, %s leads to %s", async (prefix, address, expected) => {
    const response = await mountPage({ prefix }).request(address);

    const location = response.headers.get("Location") ?? "";
    expect(new URL(location, `http://host${address}`).pathname).toBe(expected);
  });
});

test.each([styleAsset, scriptAsset, iconAsset])("$path may be kept for ever", async (asset) => {
  const response = await ask(asset.path);

  expect(response.headers.get("Content-Type")).toBe(asset.contentType);
  expect(response.headers.get("Cache-Control")).toContain("immutable");
  expect(await response.text()).toBe(asset.text);
});
