import { expect, test } from "bun:test";

import { type AuthorizeAnswer, createHealthRoutes } from "../src/index.ts";
import { degraded, hang, healthPath, healthy, optionsWith, setup, setupHost } from "./setup.ts";

function expectPrivateHeaders(response: Response): void {
  expect(response.headers.get("Cache-Control")).toBe("private, no-store");
  expect(response.headers.get("Vary")).toBe("Origin");
  expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(response.headers.get("Content-Security-Policy")).toBe("default-src 'none'");
}

function unknownReport(detail: string): unknown {
  return {
    status: "degraded",
    currentRole: null,
    checks: [{ check: "db_role", status: "failed", detail }],
  };
}

test("answers 200 with the report of a healthy worker", async () => {
  await using server = setup();

  const response = await server.get(healthPath);

  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("application/json");
  expect(await response.json()).toEqual(healthy);
  expectPrivateHeaders(response);
});

test("answers 503 with the report of a degraded worker", async () => {
  await using server = setup({ probe: async () => degraded });

  const response = await server.get(healthPath);

  expect(response.status).toBe(503);
  expect(await response.json()).toEqual(degraded);
  expectPrivateHeaders(response);
});

test("answers 503 when the probe throws, and tells nothing of the error", async () => {
  await using server = setup({
    probe: () => Promise.reject(new Error("canary: postgres://user:secret@host/db")),
  });

  const response = await server.get(healthPath);

  const text = await response.text();
  expect(response.status).toBe(503);
  expect(JSON.parse(text)).toEqual(unknownReport("probe_failed"));
  expect(text).not.toContain("canary");
  expectPrivateHeaders(response);
});

test("answers 503 when the probe throws before it returns a promise, or something that is no error", async () => {
  await using server = setup({
    probe: () => {
      throw "canary";
    },
  });

  const response = await server.get(healthPath);

  expect(response.status).toBe(503);
  expect(await response.json()).toEqual(unknownReport("probe_failed"));
});

test("answers 503 when the probe hangs, and aborts its signal", async () => {
  const aborted = Promise.withResolvers<void>();
  await using server = setup({
    probeTimeoutMs: 20,
    probe: (signal) => {
      signal.addEventListener("abort", () => aborted.resolve());
      return hang(signal);
    },
  });

  const response = await server.get(healthPath);

  expect(response.status).toBe(503);
  expect(await response.json()).toEqual(unknownReport("probe_timeout"));
  expectPrivateHeaders(response);
  await aborted.promise;
});

test("shows only the fields of a report, and takes no unknown word for good", async () => {
  await using server = setup({
    probe: async () => ({
      status: "perfect" as "healthy",
      currentRole: "gustav_worker",
      dsn: "canary",
      checks: [{ check: "db_role", status: "true" as "ok", detail: null, row: "canary" }],
    }),
  });

  const response = await server.get(healthPath);

  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "degraded",
    currentRole: "gustav_worker",
    checks: [{ check: "db_role", status: "failed", detail: null }],
  });
});

for (const path of [healthPath, "/metrics"]) {
  test(`answers 401 on ${path} to somebody unknown`, async () => {
    await using server = setup({ authorize: () => "unauthenticated", collect: async () => "up 1" });

    const response = await server.get(path);

    expect(response.status).toBe(401);
    expect(await response.text()).toBe('{"error":"unauthenticated"}');
    expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
    expectPrivateHeaders(response);
  });

  test(`answers 403 on ${path} to somebody without the right`, async () => {
    await using server = setup({
      authorize: () => Promise.resolve("forbidden"),
      collect: async () => "up 1",
    });

    const response = await server.get(path);

    expect(response.status).toBe(403);
    expect(await response.text()).toBe('{"error":"forbidden"}');
    expectPrivateHeaders(response);
  });

  const failures: Record<string, () => AuthorizeAnswer | Promise<AuthorizeAnswer>> = {
    throws: () => {
      throw new Error("canary");
    },
    rejects: () => Promise.reject(new Error("canary")),
    "answers something else": () => true as unknown as AuthorizeAnswer,
    hangs: () => hang(),
  };
  for (const [failure, authorize] of Object.entries(failures)) {
    test(`lets nobody see ${path} when the authorisation ${failure}`, async () => {
      await using server = setup({ authorize, probeTimeoutMs: 20, collect: async () => "up 1" });

      const response = await server.get(path);

      expect(response.status).toBe(500);
      expect(await response.text()).toBe('{"error":"internal"}');
      expectPrivateHeaders(response);
    });
  }
}

test("asks who is there before it asks the probe, and never serves one's report to another", async () => {
  let probes = 0;
  await using server = setup({
    authorize: (request) => (request.headers.has("X-Teacher") ? "allowed" : "forbidden"),
    probe: async () => {
      probes += 1;
      return healthy;
    },
  });

  const before = await server.get(healthPath);
  const probesBefore = probes;
  const teacher = await server.get(healthPath, { headers: { "X-Teacher": "1" } });
  const after = await server.get(healthPath);

  expect([before.status, teacher.status, after.status]).toEqual([403, 200, 403]);
  expect(probesBefore).toBe(0);
  expect(await after.text()).not.toContain("gustav_worker");
});

test("asks the probe once for all who come at the same time, and for those right after", async () => {
  let probes = 0;
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let authorized = 0;
  await using server = setup({
    cacheMs: 60_000,
    authorize: () => {
      authorized += 1;
      if (authorized === 50) arrived.resolve();
      return "allowed";
    },
    probe: async () => {
      probes += 1;
      await release.promise;
      return healthy;
    },
  });

  const requests = Array.from({ length: 50 }, () => server.get(healthPath));
  await arrived.promise;
  release.resolve();
  const responses = await Promise.all(requests);
  const later = await server.get(healthPath);

  expect([...responses, later].map(({ status }) => status)).toEqual(Array(51).fill(200));
  expect(probes).toBe(1);
});

test("tells that the process lives and is ready, to anybody, with a bare word", async () => {
  await using server = setup({ authorize: () => "unauthenticated" });

  for (const path of ["/livez", "/readyz"]) {
    const response = await server.get(path);

    expect(response.status).toBe(200);
    expect(await response.text()).toBe("ok");
    expectPrivateHeaders(response);
  }
});

test("is not ready from the moment the worker drains, but lives on", async () => {
  let draining = false;
  await using server = setup({ ready: () => !draining, live: () => true });
  const before = await server.get("/readyz");

  draining = true;

  const ready = await server.get("/readyz");
  const live = await server.get("/livez");
  expect([before.status, ready.status, live.status]).toEqual([200, 503, 200]);
  expect(await ready.text()).toBe("unavailable");
  expectPrivateHeaders(ready);
});

test("is not ready when the host's answer is late or an error, and not alive when it says so", async () => {
  await using late = setup({ ready: () => hang(), probeTimeoutMs: 20, live: () => false });
  await using wrong = setup({
    ready: () => Promise.reject(new Error("canary")),
    live: () => {
      throw new Error("canary");
    },
  });

  for (const server of [late, wrong]) {
    for (const path of ["/readyz", "/livez"]) {
      const response = await server.get(path);

      expect(response.status).toBe(503);
      expect(await response.text()).toBe("unavailable");
    }
  }
});

test("serves what was collected, with the content type of Prometheus", async () => {
  const asked: string[] = [];
  await using server = setup({
    collect: async () => "# TYPE up gauge\nup 1\n",
    authorize: (_, what) => {
      asked.push(what);
      return "allowed";
    },
  });

  const response = await server.get("/metrics");

  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toBe("# TYPE up gauge\nup 1\n");
  expect(asked).toEqual(["metrics"]);
  expectPrivateHeaders(response);
});

test("answers 503 when collecting fails or hangs, and tells nothing of the error", async () => {
  await using failing = setup({ collect: () => Promise.reject(new Error("canary")) });
  await using hanging = setup({ collect: () => hang(), probeTimeoutMs: 20 });

  for (const server of [failing, hanging]) {
    const response = await server.get("/metrics");

    expect(response.status).toBe(503);
    expect(await response.text()).toBe("unavailable");
    expectPrivateHeaders(response);
  }
});

test("refuses every method but GET and HEAD, before it asks anybody", async () => {
  await using server = setup({ collect: async () => "up 1", authorize: () => "unauthenticated" });

  for (const path of [healthPath, "/livez", "/readyz", "/metrics"]) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const response = await server.get(path, { method });

      expect([path, method, response.status]).toEqual([path, method, 405]);
      expect(response.headers.get("Allow")).toBe("GET, HEAD");
      expectPrivateHeaders(response);
    }
  }
});

test("answers HEAD as it answers GET, without the text", async () => {
  await using server = setup({ probe: async () => degraded, collect: async () => "up 1" });

  for (const path of [healthPath, "/livez", "/metrics"]) {
    const get = await server.get(path);
    const head = await server.get(path, { method: "HEAD" });

    expect(head.status).toBe(get.status);
    for (const name of ["Content-Type", "Content-Length"]) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
    expect(await head.text()).toBe("");
    expectPrivateHeaders(head);
  }
});

test("opens itself to no foreign origin", async () => {
  await using server = setup();

  for (const origin of ["https://evil.example", "null", "*", "http://127.0.0.1"]) {
    for (const method of ["GET", "OPTIONS"]) {
      const response = await server.get(healthPath, { method, headers: { Origin: origin } });

      const names = [...response.headers.keys()].filter((name) => name.startsWith("access-"));
      expect(names).toEqual([]);
      expect(response.headers.get("Vary")).toBe("Origin");
    }
  }
});

test("works under a prefix in a host's app and leaves the host's own pages alone", async () => {
  await using server = setupHost("/ops", { collect: async () => "up 1" });

  const health = await server.get(`/ops${healthPath}`);
  const metrics = await server.get("/ops/metrics");
  const live = await server.get("/ops/livez");
  const home = await server.get("/");
  const missing = await server.get(healthPath);

  expect([health.status, metrics.status, live.status, home.status]).toEqual([200, 200, 200, 200]);
  expectPrivateHeaders(health);
  expect(home.headers.get("Content-Security-Policy")).toBeNull();
  expect(await missing.text()).toBe("the host knows no such page");
});

test("works at the root of a host's app, and leaves /metrics to the host when it collects nothing", async () => {
  await using server = setupHost("/");

  const health = await server.get(healthPath);
  const metrics = await server.get("/metrics");

  expect(health.status).toBe(200);
  expect(await metrics.text()).toBe("the host knows no such page");
});

test("answers 404 with the private headers when it is an app of its own", async () => {
  await using server = setup();

  const response = await server.get("/nothing/here");

  expect(response.status).toBe(404);
  expect(await response.text()).toBe('{"error":"not_found"}');
  expectPrivateHeaders(response);
});

test("refuses bad options, all of them at once", () => {
  const create = (): unknown =>
    createHealthRoutes(optionsWith({ path: "/:any", cacheMs: 999, probeTimeoutMs: Number.NaN }));

  expect(create).toThrow(
    'Health routes refused: path must look like /internal/health/worker, got "/:any"; ' +
      "cacheMs must be from 1000 to 60000, got 999; " +
      "probeTimeoutMs must be from 1 to 60000, got NaN.",
  );
  expect(() => createHealthRoutes(optionsWith({ path: "/livez" }))).toThrow(
    "path must not be /livez, which is served already",
  );
});
