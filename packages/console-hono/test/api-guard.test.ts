import { describe, expect, test } from "bun:test";

import { WorkerError } from "@leasehold/core";
import { Validator } from "@seriousme/openapi-schema-validator";

import type { ConsoleOptions } from "../src/index.ts";
import {
  type Bench,
  bodyOf,
  createBench,
  listRoutes,
  type Route,
  tokens,
} from "./support/bench.ts";
import { createFakeClient, type FakeClient } from "./support/fake-client.ts";

interface Subject extends Bench {
  readonly client: FakeClient;
  /** Asks every route in the same way. */
  askAll(how: (route: Route) => Parameters<Bench["ask"]>[1]): Promise<readonly Asked[]>;
}

interface Asked extends Route {
  readonly status: number;
  readonly code: unknown;
  readonly headers: Headers;
  readonly text: string;
}

function setup(options: Partial<ConsoleOptions> = {}): Subject {
  const client = createFakeClient();
  const warmResource = async (): Promise<"ok"> => "ok";
  const bench = createBench({ client, listSchedules: async () => [], warmResource, ...options });
  return {
    ...bench,
    client,
    async askAll(how) {
      const routes = await listRoutes(bench);
      const asked: Asked[] = [];
      for (const route of routes) {
        const { status, json, headers, text } = await bench.ask(route.address, how(route));
        asked.push({ ...route, status, code: json["code"], headers, text });
      }
      return asked;
    },
  };
}

const fitting = ({ method, path }: Route): { body?: unknown } =>
  method === "post" ? { body: bodyOf(path) } : {};

describe("the document", () => {
  test("is valid OpenAPI, and every route in it answers, or says that nothing is there", async () => {
    const subject = setup();
    const { json } = await subject.ask("openapi.json");

    const { valid, errors } = await new Validator().validate(structuredClone(json));
    const asked = await subject.askAll(fitting);

    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(asked.length).toBeGreaterThan(22);
    expect(
      asked.filter(({ status }) => status !== 200).map(({ path, code }) => [path, code]),
    ).toEqual([
      ["/api/jobs/{id}", "not_found"],
      ["/api/jobs/{id}/reveal", "not_found"],
    ]);
  });
});

describe("every route", () => {
  test("lets nobody in who is not known, and asks Postgres nothing for them", async () => {
    const subject = setup();

    const bare = await subject.askAll((route) => ({ ...fitting(route), token: "" }));
    const wrong = await subject.askAll((route) => ({
      ...fitting(route),
      token: "not-a-token-of-ours",
    }));

    for (const { status, code, headers } of [...bare, ...wrong]) {
      expect([status, code]).toEqual([401, "unauthenticated"]);
      expect(headers.get("WWW-Authenticate")).toBe("Bearer");
    }
    expect(subject.client.asked).toEqual([]);
  });

  test("needs its role, and no other will do", async () => {
    const subject = setup();

    const opened = new Map<string, string[]>();
    for (const role of ["read", "act", "reveal"] as const) {
      for (const { method, path, status } of await subject.askAll((route) => ({
        ...fitting(route),
        token: tokens[role],
      }))) {
        if (status !== 403)
          opened.set(`${method} ${path}`, [...(opened.get(`${method} ${path}`) ?? []), role]);
      }
    }

    for (const [route, by] of opened) {
      const needed = route.startsWith("get")
        ? "read"
        : route.endsWith("/reveal")
          ? "reveal"
          : "act";
      expect([route, by]).toEqual([route, [needed]]);
    }
    expect(opened.size).toBeGreaterThan(22);
  });

  test("has the private headers, however it answers", async () => {
    const subject = setup();

    const asked = [
      ...(await subject.askAll(fitting)),
      ...(await subject.askAll((route) => ({ ...fitting(route), token: "" }))),
      ...(await subject.askAll(() => ({ body: "no JSON {" }))),
    ];
    const unknown = await subject.ask("api/nothing");

    for (const { headers } of [...asked, unknown]) {
      expect(Object.fromEntries(headers)).toMatchObject({
        "cache-control": "private, no-store",
        "content-security-policy":
          "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
      expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
    }
    expect(unknown.status).toBe(404);
  });

  test.each([
    ["Origin", "https://evil.test"],
    ["Origin", "null"],
    ["Origin", "http://ops.test.evil.test"],
    ["Origin", "http://ops.test:8080"],
    ["Sec-Fetch-Site", "cross-site"],
    ["Sec-Fetch-Site", "same-site"],
  ])("refuses another site's page: %s %s", async (name, value) => {
    const subject = setup();

    const asked = await subject.askAll((route) => ({
      ...fitting(route),
      headers: { [name]: value },
    }));

    for (const { code, status } of asked) expect([status, code]).toEqual([403, "foreign_origin"]);
    expect(subject.client.asked).toEqual([]);
  });

  test("answers its own page, also behind a proxy, and a site that the host names", async () => {
    const subject = setup({ origins: ["https://desk.test"] });

    for (const headers of [
      { Origin: "http://ops.test", "Sec-Fetch-Site": "same-origin" },
      { Origin: "https://ops.test" },
      { "Sec-Fetch-Site": "none" },
      { Origin: "https://desk.test", "Sec-Fetch-Site": "cross-site" },
    ]) {
      expect((await subject.ask("api/queues", { headers })).status).toBe(200);
    }
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "text/plain; application/json",
    "",
  ])("takes acts as JSON only, not as %p", async (type) => {
    const subject = setup();

    const asked = await subject.askAll((route) => ({
      ...fitting(route),
      headers: route.method === "post" ? { "Content-Type": type } : {},
    }));

    const acts = asked.filter(({ method }) => method === "post");
    for (const { code, status } of acts) expect([status, code]).toEqual([415, "media_type"]);
    expect(acts.length).toBeGreaterThan(9);
  });

  test("refuses what does not fit, and quotes nothing of it", async () => {
    const subject = setup();
    const canary = "canary-that-was-sent";

    const asked = await subject.askAll(({ method }) =>
      method === "post" ? { body: { [canary]: canary, reason: 1, filter: canary } } : {},
    );
    const broken = await subject.askAll(({ method }) =>
      method === "post" ? { body: `{"${canary}` } : {},
    );
    const query = await subject.ask(`api/jobs?${canary}=${canary}&state=${canary}`);
    const large = await subject.ask("api/pauses", {
      body: { scope: { queue: "x" }, reason: canary.repeat(2_000) },
    });

    for (const { method, status, code, text } of [...asked, ...broken]) {
      if (method === "get") continue;
      expect([status, code]).toEqual([400, "input_invalid"]);
      expect(text).not.toContain(canary);
    }
    expect([query.status, query.json["code"]]).toEqual([400, "input_invalid"]);
    expect(query.text).not.toContain(canary);
    expect([large.status, large.json["code"]]).toEqual([413, "too_large"]);
  });

  test("is not there for other methods", async () => {
    const subject = setup();

    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      expect((await subject.ask("api/queues", { method })).status).toBe(404);
    }
  });
});

describe("what goes wrong", () => {
  const canary = "select canary from postgres://user:canary@db";

  test.each<[unknown, number, string]>([
    [new WorkerError("database_unavailable", canary), 503, "unavailable"],
    [new WorkerError("statement_failed", canary), 503, "unavailable"],
    [new WorkerError("schema_outdated", canary), 503, "schema_outdated"],
    [new WorkerError("grant_missing", canary), 403, "grant_missing"],
    [new WorkerError("input_invalid", canary), 400, "input_invalid"],
    [new Error(canary), 500, "internal"],
    [canary, 500, "internal"],
  ])("in Postgres is told by a code: %#", async (error, status, code) => {
    const client = createFakeClient({ getQueue: () => Promise.reject(error) });
    const { ask, events } = createBench({ client });

    const answer = await ask("api/queues");

    expect([answer.status, answer.json["code"]]).toEqual([status, code]);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
    expect(answer.text + JSON.stringify(events)).not.toContain("canary");
  });

  test.each<[string, () => unknown, number]>([
    [
      "throws",
      () => {
        throw new Error(canary);
      },
      500,
    ],
    ["rejects", () => Promise.reject(new Error(canary)), 500],
    ["answers true", () => true, 401],
    ["answers a name without roles", () => ({ name: "ada" }), 401],
    ["answers roles without a name", () => ({ roles: ["read"] }), 401],
    ["answers roles of its own", () => ({ name: "ada", roles: ["admin"] }), 403],
  ])("where the host's authorize %s, nobody is let in", async (_, authorize, status) => {
    const client = createFakeClient();
    const options = { client, authorize: authorize as ConsoleOptions["authorize"] };
    const { ask } = createBench(options);

    const answer = await ask("api/queues");

    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain("canary");
    expect(client.asked).toEqual([]);
  });

  test("a Postgres that is silent is given up, and does not collect calls", async () => {
    let calls = 0;
    const silent = (): Promise<never> => {
      calls += 1;
      return new Promise(() => undefined);
    };
    const client = createFakeClient({ getTimeline: silent, getQueue: silent });
    const { ask } = createBench({ client, deadlineMs: 20 });

    const shared = await Promise.all(Array.from({ length: 50 }, () => ask("api/queues")));
    const callsForAll = calls;
    const codes = new Set<unknown>();
    for (let round = 0; round < 60; round += 1) {
      codes.add((await ask(`api/jobs/${crypto.randomUUID()}`)).json["code"]);
    }
    const busy = await ask("api/workers");

    expect(new Set(shared.map(({ status, json }) => `${status} ${String(json["code"])}`))).toEqual(
      new Set(["503 unavailable"]),
    );
    expect(callsForAll).toBe(1);
    expect(codes).toEqual(new Set(["unavailable", "busy"]));
    expect(calls).toBe(32);
    expect([busy.status, busy.json["code"]]).toEqual([503, "busy"]);
    expect(busy.headers.get("Retry-After")).toBe("5");
  });
});

describe("what many look at", () => {
  test("is asked for once, and again by whoever has acted since", async () => {
    const first = Promise.withResolvers<readonly []>();
    let calls = 0;
    const getPauses = (): Promise<readonly []> => {
      calls += 1;
      return calls === 1 ? first.promise : Promise.resolve([]);
    };
    const { ask } = createBench({ client: createFakeClient({ getPauses }) });

    const early = [ask("api/pauses"), ask("api/pauses")];
    await ask("api/pauses", { body: { scope: { queue: "default" } } });
    const late = await ask("api/pauses");
    first.resolve([]);
    await Promise.all(early);

    expect(late.status).toBe(200);
    expect(calls).toBe(2);
  });
});

describe("the host hears", () => {
  test("of every act and every refusal, with who and what, and no word of theirs", async () => {
    const subject = setup();
    const { ask, events } = subject;
    const id = crypto.randomUUID();

    await ask(`api/jobs/${id}/requeue`, { body: { reason: "canary reason" } });
    await ask(`api/jobs/${id}/requeue`, { body: {}, token: tokens.read });
    await ask(`api/jobs/${id}/cancel`, { body: {}, headers: { Origin: "https://canary.test" } });
    await ask("api/queues", { token: "" });
    await ask("api/queues");

    const requeue = { operator: "operator all", action: "job.requeue" };
    expect(events).toEqual([
      { ...requeue, name: "console.acted", status: 200, code: undefined },
      {
        name: "console.refused",
        operator: "operator read",
        action: "job.requeue",
        status: 403,
        code: "forbidden",
      },
      {
        name: "console.refused",
        operator: undefined,
        action: "job.cancel",
        status: 403,
        code: "foreign_origin",
      },
      {
        name: "console.refused",
        operator: undefined,
        action: "queues.read",
        status: 401,
        code: "unauthenticated",
      },
    ]);
  });

  test("and what it throws then is nobody's concern", async () => {
    const subject = setup({
      observe: () => {
        throw new Error("the log is full");
      },
    });

    expect((await subject.ask(`api/jobs/${crypto.randomUUID()}/cancel`, { body: {} })).status).toBe(
      200,
    );
  });
});
