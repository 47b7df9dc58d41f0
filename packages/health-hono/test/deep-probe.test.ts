import { expect, test } from "bun:test";

import { createHealthRoutes, type HealthCheck } from "../src/index.ts";
import { degraded, hang, healthPath, healthy, optionsWith, setup } from "./setup.ts";

const deepPath = `${healthPath}?deep=1`;
const answers: readonly HealthCheck[] = [
  { check: "model_answers", status: "ok", detail: "host/model answered in 12 ms." },
];

test("adds what the deep probe found for who asks for it, and is not run for others", async () => {
  let runs = 0;
  const deepProbe = async (): Promise<readonly HealthCheck[]> => {
    runs += 1;
    return answers;
  };
  await using server = setup({ deepProbe });

  const plain = await server.get(healthPath);
  const other = await server.get(`${healthPath}?deep=0`);
  const runsBefore = runs;
  const deep = await server.get(deepPath);

  expect(await plain.json()).toEqual(healthy);
  expect(await other.json()).toEqual(healthy);
  expect(runsBefore).toBe(0);
  expect(deep.status).toBe(200);
  expect(await deep.json()).toEqual({ ...healthy, checks: [...healthy.checks, ...answers] });
});

test.each([
  [healthy, "ok", 200],
  [healthy, "failed", 503],
  [degraded, "ok", 503],
] as const)("is as healthy as the worse of both (%#)", async (report, status, expected) => {
  const deepProbe = async (): Promise<readonly HealthCheck[]> => [
    { check: "model_answers", status, detail: null },
  ];
  await using server = setup({ probe: async () => report, deepProbe });

  const deep = await server.get(deepPath);

  expect(deep.status).toBe(expected);
});

test("runs the deep probe once, however many ask, at once and after each other", async () => {
  let runs = 0;
  const release = Promise.withResolvers<readonly HealthCheck[]>();
  const deepProbe = (): Promise<readonly HealthCheck[]> => {
    runs += 1;
    return release.promise;
  };
  await using server = setup({ deepProbe });

  const atOnce = Array.from({ length: 20 }, () => server.get(deepPath));
  release.resolve(answers);
  const statuses = (await Promise.all(atOnce)).map(({ status }) => status);
  const later = await server.get(deepPath);

  expect(new Set([...statuses, later.status])).toEqual(new Set([200]));
  expect(runs).toBe(1);
});

test("says that the deep probe failed or was late, and nothing of its error", async () => {
  const fails = (): Promise<never> => Promise.reject(new Error("canary"));
  await using failing = setup({ deepProbe: fails });
  await using late = setup({ deepProbe: (signal) => hang(signal), deepTimeoutMs: 20 });

  const answered = await Promise.all([failing, late].map((server) => server.get(deepPath)));
  const texts = await Promise.all(answered.map((response) => response.text()));

  expect(answered.map(({ status }) => status)).toEqual([503, 503]);
  expect(texts[0]).toContain('{"check":"deep_probe","status":"failed","detail":"probe_failed"}');
  expect(texts[1]).toContain('{"check":"deep_probe","status":"failed","detail":"probe_timeout"}');
  expect(texts.join()).not.toContain("canary");
});

test("refuses to look deeper where there is nothing deeper, and for strangers", async () => {
  let runs = 0;
  const deepProbe = async (): Promise<readonly HealthCheck[]> => {
    runs += 1;
    return answers;
  };
  await using shallow = setup();
  await using closed = setup({ deepProbe, authorize: () => "unauthenticated" });

  const nothing = await shallow.get(deepPath);
  const stranger = await closed.get(deepPath);

  expect([nothing.status, await nothing.text()]).toEqual([400, '{"error":"no_deep_probe"}']);
  expect(nothing.headers.get("Cache-Control")).toBe("private, no-store");
  expect(stranger.status).toBe(401);
  expect(runs).toBe(0);
});

test("refuses to be run often", () => {
  const often = (): unknown => createHealthRoutes(optionsWith({ deepCacheMs: 9_999 }));

  expect(often).toThrow("deepCacheMs must be from 10000 to 3600000, got 9999");
});

test("cuts a detail that is longer than anybody reads", async () => {
  const detail = "é".repeat(1_000) + "🙂".repeat(100);
  await using server = setup({
    deepProbe: async () => [{ check: "model_answers", status: "ok", detail }],
  });

  const report = (await (await server.get(deepPath)).json()) as { checks: HealthCheck[] };

  expect(report.checks.at(-1)?.detail).toBe("é".repeat(1_000) + "🙂".repeat(24));
});
