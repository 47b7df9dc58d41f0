import { expect, test } from "bun:test";

import { type AdapterV1, WorkerError } from "@leasehold/core";
import type { LearningStore } from "@leasehold/learning";
import { createTelemetry } from "@leasehold/telemetry";
import type { Hono } from "hono";

import type { AppState } from "../src/app.ts";
import { createRoutes } from "../src/http.ts";

const token = "an-operators-token";

interface Parts {
  readonly state: AppState;
  readonly store: Partial<LearningStore>;
  readonly adapter: Partial<AdapterV1>;
  readonly host: string;
}

function setup(parts: Partial<Parts> = {}): Hono {
  const unused = (): Promise<never> => Promise.reject(new Error("canary: nobody asks for this"));
  return createRoutes({
    state: () => parts.state ?? "running",
    store: {
      submit: unused,
      readSubmission: unused,
      currentLogin: async () => ({ login: "gustav_worker", isSuperuser: false }),
      scoreAlarms: async () => [],
      probeHealth: async () => [{ check: "db_role", status: "ok", detail: null }],
      close: unused,
      [Symbol.asyncDispose]: unused,
      ...parts.store,
    },
    adapter: {
      specVersion: "v1",
      name: "fake",
      version: "1",
      capabilities: { phases: ["vision"] },
      resource: () => "fake",
      execute: unused,
      ...parts.adapter,
    },
    telemetry: createTelemetry({ phases: ["vision"], errorCodes: ["vision_failed"] }),
    tokens: [token],
    http: {
      host: parts.host ?? "127.0.0.1",
      port: 0,
      isDefaultPort: false,
      operatorTokens: [token],
    },
  });
}

async function askHealth(routes: Hono): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await routes.request("/internal/health/learning-worker", { headers });
  return { status: answer.status, text: await answer.text() };
}

test.each([
  ["running", 200],
  ["starting", 503],
  ["stopping", 503],
  ["stopped", 503],
] as const)("a worker that is %s answers /readyz with %d", async (state, status) => {
  const routes = setup({ state });

  const ready = await routes.request("/readyz");
  const health = await askHealth(routes);

  expect([ready.status, health.status]).toEqual([status, status]);
  expect(health.text).toContain(
    `{"check":"worker","status":"${status === 200 ? "ok" : "failed"}","detail":"${state}"}`,
  );
});

test.each([
  [new WorkerError("database_unavailable", "canary"), "database_unavailable"],
  [new WorkerError("grant_missing", "canary"), "grant_missing"],
  [new WorkerError("schema_outdated", "canary"), "schema_outdated"],
  [new Error("canary: postgres://login:password@host"), "probe_failed"],
])("a database that fails is told by its code alone (%#)", async (error, detail) => {
  const fails = (): Promise<never> => Promise.reject(error);

  const { status, text } = await askHealth(
    setup({ store: { probeHealth: fails, currentLogin: fails } }),
  );

  expect(status).toBe(503);
  expect(JSON.parse(text)).toEqual({
    status: "degraded",
    currentRole: null,
    checks: [
      { check: "db_role", status: "failed", detail },
      { check: "worker", status: "ok", detail: "running" },
      { check: "model", status: "ok", detail: null },
    ],
  });
});

test("a model that fails to answer is not blamed on the database", async () => {
  const probe = (): Promise<never> => Promise.reject(new Error("canary"));

  const { status, text } = await askHealth(setup({ adapter: { probe } }));

  expect(status).toBe(503);
  expect(text).toContain('{"check":"db_role","status":"ok","detail":null}');
  expect(text).toContain('"model","status":"failed","detail":"The model could not be asked."');
  expect(text).not.toContain("canary");
});

test("metrics are open to this machine, and beyond it to operators", async () => {
  const near = await setup().request("/metrics");
  const far = await setup({ host: "0.0.0.0" }).request("/metrics");
  const operator = await setup({ host: "0.0.0.0" }).request("/metrics", {
    headers: { authorization: `Bearer ${token}` },
  });

  expect([near.status, far.status, operator.status]).toEqual([200, 401, 200]);
});
