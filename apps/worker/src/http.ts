import type { AdapterV1, Worker } from "@leasehold/core";
import { bearerTokens, createHealthRoutes, type HealthReport } from "@leasehold/health-hono";
import type { LearningStore } from "@leasehold/learning";
import type { Telemetry } from "@leasehold/telemetry";
import type { Hono } from "hono";

import { type HttpConfig, isLoopback } from "./config.ts";

export interface HttpParts {
  readonly worker: Worker;
  readonly store: LearningStore;
  readonly adapter: AdapterV1;
  readonly telemetry: Telemetry;
  readonly tokens: readonly string[];
  readonly http: HttpConfig;
}

/** Health and metrics of one worker. */
export function createRoutes(parts: HttpParts): Hono {
  const { worker, telemetry, http } = parts;
  const authorize = bearerTokens(parts.tokens);
  const metricsAreOpen = isLoopback(http.host);
  return createHealthRoutes({
    path: "/internal/health/learning-worker",
    // On loopback a scraper is whoever is on this machine already.
    authorize: (request, route) =>
      route === "metrics" && metricsAreOpen ? "allowed" : authorize(request, route),
    probe: (signal) => probe(parts, signal),
    ready: () => worker.state() === "running",
    collect: () => telemetry.collect(),
    contentType: telemetry.contentType,
  });
}

async function probe(parts: HttpParts, signal: AbortSignal): Promise<HealthReport> {
  const { store, worker, adapter } = parts;
  const [login, database, model] = await Promise.all([
    store.currentLogin().catch(() => undefined),
    store.probeHealth().catch(() => undefined),
    adapter.probe?.(signal),
  ]);
  const state = worker.state();
  const checks: HealthReport["checks"] = [
    ...(database ?? [{ check: "db_role", status: "failed", detail: "database_unavailable" }]),
    { check: "worker", status: state === "running" ? "ok" : "failed", detail: state },
    { check: "model", status: model?.status ?? "ok", detail: model?.detail ?? null },
  ];
  const isHealthy = checks.every(({ status }) => status === "ok");
  return {
    status: isHealthy ? "healthy" : "degraded",
    currentRole: login?.login ?? null,
    checks,
  };
}

export interface HttpServer {
  readonly url: string;
  /** Set when the usual port was taken. */
  readonly warning: string | undefined;
  stop(): Promise<void>;
}

/** Ports after the usual one that are tried when nobody chose one. */
const portTries = 20;

/** Serves the routes; a port that nobody chose gives way to the next free one. */
export function serve(routes: Hono, http: HttpConfig & { readonly port: number }): HttpServer {
  for (let port = http.port; ; port += 1) {
    try {
      const server = Bun.serve({ hostname: http.host, port, fetch: routes.fetch });
      const warning =
        port === http.port
          ? undefined
          : `port ${http.port} is taken; using ${port}. Set LEASEHOLD_HTTP_PORT to choose one.`;
      return { url: server.url.origin, warning, stop: () => server.stop(true) };
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!isTaken || !http.isDefaultPort || port >= http.port + portTries) throw error;
    }
  }
}
