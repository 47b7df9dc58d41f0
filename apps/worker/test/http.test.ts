import { expect, test } from "bun:test";

import type { LearningHealth, ModelCheck } from "@leasehold/learning";
import { createTelemetry } from "@leasehold/telemetry";
import type { Hono } from "hono";

import type { AppState } from "../src/app.ts";
import { createRoutes } from "../src/http.ts";

const token = "an-operators-token";

interface Parts {
  readonly state: AppState;
  readonly probe: LearningHealth["probe"];
  readonly run: ModelCheck["run"];
  readonly host: string;
}

function setup(parts: Partial<Parts> = {}): Hono {
  return createRoutes({
    state: () => parts.state ?? "running",
    health: {
      probe:
        parts.probe ??
        (async () => ({ status: "healthy", currentRole: "gustav_worker", checks: [] })),
    },
    modelCheck: { run: parts.run ?? (async () => []) },
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

async function askHealth(
  routes: Hono,
  query = "",
): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await routes.request(`/internal/health/learning-worker${query}`, { headers });
  return { status: answer.status, text: await answer.text() };
}

test.each([
  ["running", 200],
  ["starting", 503],
  ["stopping", 503],
  ["stopped", 503],
] as const)("a worker that is %s answers /readyz with %d", async (state, status) => {
  const ready = await setup({ state }).request("/readyz");

  expect(ready.status).toBe(status);
});

test("a probe that throws is told without its words", async () => {
  const probe = (): Promise<never> =>
    Promise.reject(new Error("canary: postgres://login:password@host"));

  const { status, text } = await askHealth(setup({ probe }));

  expect(status).toBe(503);
  expect(text).toContain('{"check":"db_role","status":"failed","detail":"probe_failed"}');
  expect(text).not.toContain("canary");
});

test("models are made to answer for whoever asks for that, and their words are shown", async () => {
  let runs = 0;
  const run: ModelCheck["run"] = async () => {
    runs += 1;
    return [{ check: "model_answers", status: "ok", message: "host/model answered in 7 ms." }];
  };
  const routes = setup({ run });

  const plain = await askHealth(routes);
  const deep = await askHealth(routes, "?deep=1");

  expect(plain.text).not.toContain("model_answers");
  expect(deep).toMatchObject({ status: 200 });
  expect(deep.text).toContain('"detail":"host/model answered in 7 ms."');
  expect(runs).toBe(1);
});

test("metrics are open to this machine, and beyond it to operators", async () => {
  const near = await setup().request("/metrics");
  const far = await setup({ host: "0.0.0.0" }).request("/metrics");
  const operator = await setup({ host: "0.0.0.0" }).request("/metrics", {
    headers: { authorization: `Bearer ${token}` },
  });

  expect([near.status, far.status, operator.status]).toEqual([200, 401, 200]);
});
