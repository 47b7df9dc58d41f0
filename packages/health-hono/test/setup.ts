import { Hono } from "hono";

import { createHealthRoutes, type HealthReport, type HealthRoutesOptions } from "../src/index.ts";

/** The path that the runbook of the learning worker names. */
export const healthPath = "/internal/health/learning-worker";

export const healthy: HealthReport = {
  status: "healthy",
  currentRole: "gustav_worker",
  checks: [
    { check: "db_role", status: "ok", detail: null },
    { check: "queue_visibility", status: "ok", detail: null },
  ],
};

export const degraded: HealthReport = {
  status: "degraded",
  currentRole: "postgres",
  checks: [{ check: "db_role", status: "failed", detail: "role_missing" }],
};

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** A request over real HTTP. */
  get(path: string, init?: RequestInit): Promise<Response>;
}

/** Serves the routes from an app of their own, with everything allowed and well unless told otherwise. */
export function setup(changes: Partial<HealthRoutesOptions> = {}): TestServer {
  return serve(createHealthRoutes(optionsWith(changes)));
}

/** Serves the routes from inside a host's app, under a prefix. */
export function setupHost(prefix: string, changes: Partial<HealthRoutesOptions> = {}): TestServer {
  const host = new Hono();
  host.get("/", (context) => context.text("the host"));
  host.route(prefix, createHealthRoutes(optionsWith(changes)));
  host.notFound((context) => context.text("the host knows no such page", 404));
  return serve(host);
}

export function optionsWith(changes: Partial<HealthRoutesOptions>): HealthRoutesOptions {
  return {
    path: healthPath,
    probe: async () => healthy,
    authorize: () => "allowed",
    ...changes,
  };
}

/** Stands for a call that nobody answers. Only its signal ends it, and only when it listens. */
export function hang(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("canary: aborted")));
  });
}

function serve(app: Hono): TestServer {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    get: (path, init) => fetch(url + path, init),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
